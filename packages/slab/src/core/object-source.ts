/*
 * The slow paths of one cache, seen from one worker: everything that takes the lock, runs constructors, checks for
 * debugging, or finds out what is wrong with a pointer. It works on any memory, by its accessors.
 *
 *   allocate   array -> refill from shared array and slabs -> grow by a slab -> reclaim -> NULL
 *   free       array -> drain to shared array and slabs -> empty slabs beyond the limit go back
 */
import { type Address, AttachError, DoubleFreeError, InvalidPointerError, NULL } from "@heapwright/allocator";
import { ObjectDebug } from "../debug/debug.ts";
import { DEBUG_FLAGS } from "../flags.ts";
import { pushEntry } from "./array-cache.ts";
import { addSlab, buildSlab, releaseSlab } from "./grow.ts";
import { type Hierarchy, readName } from "./hierarchy.ts";
import * as L from "./layout.ts";
import { TAG_MASK, TAG_SLAB } from "./page-map.ts";
import { controlAt, objectAt, slabWithFree, takeObject } from "./slab-list.ts";
import { drain, ensureArray, freeToSlab, refill, type Surplus } from "./transfer.ts";

/** Prepares or tears down an object at `address`. It may use other caches. */
export type ObjectFunction = (address: Address) => void;

export class ObjectSource {
  readonly hierarchy: Hierarchy;
  readonly cache: Address;
  readonly name: string;
  /** Objects in a slab. */
  readonly num: number;
  readonly order: number;
  /** This CPU's array cache, `NULL` before the first use. */
  array: Address;
  readonly #debug: ObjectDebug | undefined;
  readonly #size: number;
  readonly #offset: number;
  #ctor: ObjectFunction | undefined;
  #dtor: ObjectFunction | undefined;
  #destroyed = false;

  constructor(hierarchy: Hierarchy, cache: Address) {
    const { memory } = hierarchy;
    const load = (field: number): number => memory.load32(cache + field);
    this.hierarchy = hierarchy;
    this.cache = cache;
    this.name = readName(memory, cache);
    this.num = load(L.CACHE_NUM);
    this.order = load(L.CACHE_ORDER);
    this.#size = load(L.CACHE_SIZE);
    this.#offset = load(L.CACHE_OBJECT_OFFSET);
    this.#debug = (load(L.CACHE_FLAGS) & DEBUG_FLAGS) !== 0 ? new ObjectDebug(hierarchy, cache) : undefined;
    this.array = load(L.CACHE_ARRAYS + 4 * hierarchy.cpu);
  }

  /** Gives this worker's constructor and destructor to the cache. */
  register(ctor: ObjectFunction | undefined, dtor: ObjectFunction | undefined): void {
    this.#ctor = ctor ?? this.#ctor;
    this.#dtor = dtor ?? this.#dtor;
  }

  /** Whether this worker has the functions that the cache needs to make and to give back slabs. */
  get isComplete(): boolean {
    const functions = this.hierarchy.memory.load32(this.cache + L.CACHE_FUNCTIONS);
    return (
      ((functions & L.HAS_CONSTRUCTOR) === 0 || this.#ctor !== undefined) &&
      ((functions & L.HAS_DESTRUCTOR) === 0 || this.#dtor !== undefined)
    );
  }

  expectUsable(): void {
    if (this.#destroyed)
      throw new InvalidPointerError(this.cache, `was cache ${this.name}, which is destroyed`);
    if (!this.isComplete) {
      throw new AttachError(
        `cache ${this.name} has a constructor or destructor that this worker has not registered`,
      );
    }
  }

  /** From now on every use is an error. */
  markDestroyed(): void {
    this.#destroyed = true;
  }

  /** Runs `body` with the lock held. */
  locked<T>(body: () => T): T {
    this.hierarchy.enter();
    try {
      return body();
    } finally {
      this.hierarchy.leave();
    }
  }

  allocate(): Address {
    this.expectUsable();
    for (;;) {
      const object = this.#takeOne();
      if (object !== NULL) {
        this.#debug?.allocate(object);
        return object;
      }
      if (this.#grow() || this.hierarchy.reclaim()) continue;
      const { memory } = this.hierarchy;
      memory.store32(this.cache + L.CACHE_FAILED, memory.load32(this.cache + L.CACHE_FAILED) + 1);
      return NULL;
    }
  }

  /** A free object from this CPU's array, filled first when it is empty; marked live. `NULL` when the cache must grow. */
  #takeOne(): Address {
    const { memory } = this.hierarchy;
    if (this.array !== NULL && memory.load32(this.array + L.ARRAY_AVAILABLE) > 0) return this.#pop();
    return this.locked(() => {
      this.array = ensureArray(this.hierarchy, this.cache);
      if (this.array !== NULL) return refill(this.hierarchy, this.cache, this.array) > 0 ? this.#pop() : NULL;
      const slab = slabWithFree(memory, this.cache);
      if (slab === NULL) return NULL;
      return objectAt(memory, this.cache, slab, takeObject(memory, this.cache, slab, L.CONTROL_ACTIVE));
    });
  }

  #pop(): Address {
    const { memory } = this.hierarchy;
    const available = memory.load32(this.array + L.ARRAY_AVAILABLE) - 1;
    const entry = this.array + L.ARRAY_ENTRIES + L.ENTRY_BYTES * available;
    memory.store32(this.array + L.ARRAY_AVAILABLE, available);
    memory.store32(memory.load32(entry + 4) * L.CONTROL_BYTES, L.CONTROL_ACTIVE);
    return memory.load32(entry);
  }

  /** One slab more, every object of it constructed. */
  #grow(): boolean {
    const { hierarchy, cache } = this;
    const slab = this.locked(() => buildSlab(hierarchy, cache));
    if (slab === NULL) return false;
    let built = false;
    try {
      this.#construct(slab);
      built = true;
    } finally {
      this.locked(() => (built ? addSlab(hierarchy, cache, slab) : releaseSlab(hierarchy, cache, slab)));
    }
    return true;
  }

  /** Runs the constructor over a new slab. When it throws, the objects made so far are torn down again. */
  #construct(slab: Address): void {
    if (this.#debug === undefined && this.#ctor === undefined) return;
    const { memory } = this.hierarchy;
    for (let index = 0; index < this.num; index++) {
      const object = objectAt(memory, this.cache, slab, index);
      this.#debug?.create(object);
      try {
        this.#ctor?.(object);
      } catch (error) {
        this.#destruct(slab, index);
        throw error;
      }
    }
  }

  #destruct(slab: Address, count: number): void {
    if (this.#dtor === undefined) return;
    for (let index = 0; index < count; index++) {
      this.#dtor(objectAt(this.hierarchy.memory, this.cache, slab, index));
    }
  }

  free(object: Address): void {
    if (object === NULL) return;
    this.expectUsable();
    const { hierarchy } = this;
    const { memory } = hierarchy;
    hierarchy.refresh();
    const slab = this.#slabOf(object);
    const index = this.#liveIndex(object, slab);
    this.#debug?.free(object);
    const control = controlAt(slab, index);
    memory.store32(control, L.CONTROL_CACHED);
    if (this.#hasRoom()) {
      pushEntry(memory, this.array, object, control);
      return;
    }
    const surplus: Surplus = [];
    this.locked(() => {
      this.array = ensureArray(hierarchy, this.cache);
      if (this.array === NULL) {
        freeToSlab(hierarchy, this.cache, slab, index, surplus);
        return;
      }
      if (!this.#hasRoom()) drain(hierarchy, this.cache, this.array, surplus);
      pushEntry(memory, this.array, object, control);
    });
    this.destroySlabs(surplus);
  }

  #hasRoom(): boolean {
    const { array } = this;
    const { memory } = this.hierarchy;
    return array !== NULL && memory.load32(array + L.ARRAY_AVAILABLE) < memory.load32(array + L.ARRAY_LIMIT);
  }

  /** The slab of this cache around `object`, or the error that says whose it is. */
  #slabOf(object: Address): Address {
    const { memory, map } = this.hierarchy;
    if (!Number.isInteger(object) || object < 0 || object >= memory.byteLength) {
      throw new InvalidPointerError(object, "is no address inside the memory");
    }
    const entry = map.entry(object);
    if (entry === 0)
      throw new InvalidPointerError(object, `lies in no slab, so it is not of cache ${this.name}`);
    if ((entry & TAG_MASK) !== TAG_SLAB) {
      throw new InvalidPointerError(object, `lies in a run of pages, so it is not of cache ${this.name}`);
    }
    const owner = memory.load32(entry + L.SLAB_CACHE);
    if (owner !== this.cache) {
      throw new InvalidPointerError(object, `is of cache ${readName(memory, owner)}, not of ${this.name}`);
    }
    return entry;
  }

  #indexIn(object: Address, slab: Address): number {
    const index = (object - this.#offset - this.hierarchy.memory.load32(slab + L.SLAB_FIRST)) / this.#size;
    return Number.isInteger(index) && index >= 0 && index < this.num ? index : -1;
  }

  #liveIndex(object: Address, slab: Address): number {
    const index = this.#indexIn(object, slab);
    if (index < 0)
      throw new InvalidPointerError(object, `is not the start of an object of cache ${this.name}`);
    if (this.hierarchy.memory.load32(controlAt(slab, index)) !== L.CONTROL_ACTIVE) {
      throw this.#debug?.doubleFree(object) ?? new DoubleFreeError(object);
    }
    return index;
  }

  isLive(object: Address): boolean {
    const { memory, map } = this.hierarchy;
    if (!Number.isInteger(object) || object <= 0 || object >= memory.byteLength) return false;
    const slab = map.entry(object);
    if (slab === 0 || (slab & TAG_MASK) !== TAG_SLAB) return false;
    if (memory.load32(slab + L.SLAB_CACHE) !== this.cache) return false;
    const index = this.#indexIn(object, slab);
    return index >= 0 && memory.load32(controlAt(slab, index)) === L.CONTROL_ACTIVE;
  }

  /** Destructors, then pages, of slabs that are in no list any more. Returns the pages given back. */
  destroySlabs(surplus: Surplus): number {
    for (const slab of surplus) {
      this.#destruct(slab, this.num);
      this.locked(() => releaseSlab(this.hierarchy, this.cache, slab));
    }
    return surplus.length * 2 ** this.order;
  }
}
