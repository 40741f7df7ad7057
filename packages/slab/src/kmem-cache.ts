/*
 * One object cache, seen from one worker. The state is the kmem_cache in the memory; this object only remembers what of
 * it never changes, and where this CPU's array stands.
 *
 * The fast paths touch this CPU's array, the object's control and (to free) the page map: some words of a typed array,
 * no lock, no call. They keep every check that makes misuse an error: the address, the cache, the object's boundary and
 * whether it is live. Whatever is out of the ordinary (array empty or full, debugging, a memory without views, bad
 * pointers) falls through to the slow paths, which start again from the beginning.
 */
import {
  type Address,
  AttachError,
  DoubleFreeError,
  InvalidArgumentError,
  InvalidPointerError,
  NULL,
} from "@heapwright/allocator";
import { pushEntry } from "./core/array-cache.ts";
import { type Tunables, writeTunables } from "./core/descriptor.ts";
import { addSlab, buildSlab, metaFree, releaseSlab, removeSlab } from "./core/grow.ts";
import { type Hierarchy, readName } from "./core/hierarchy.ts";
import * as L from "./core/layout.ts";
import { TAG_MASK, TAG_SLAB } from "./core/page-map.ts";
import { controlAt, objectAt, slabWithFree, takeObject } from "./core/slab-list.ts";
import { drain, ensureArray, flushOldest, freeToSlab, refill, type Surplus } from "./core/transfer.ts";
import { ObjectDebug } from "./debug/debug.ts";
import { DEBUG_FLAGS, SlabFlags } from "./flags.ts";

/** Prepares or tears down an object at `address`. It may use other caches, but must leave the object's size alone. */
export type ObjectFunction = (address: Address) => void;

const NO_WORDS = new Uint32Array(0);
const NO_HALVES = new Uint16Array(0);

const ENTRIES = L.ARRAY_ENTRIES / 4;
const SLAB_FIRST = L.SLAB_FIRST / 4;
const CONTROLS = L.SLAB_CONTROLS / L.CONTROL_BYTES;

/** The numbers of a cache. */
export interface CacheStats {
  /** Objects handed out now. */
  readonly live: number;
  /** Free objects in arrays (of all CPUs, and the shared one). */
  readonly cached: number;
  /** Free objects on slabs. */
  readonly free: number;
  /** Slabs by list. */
  readonly partialSlabs: number;
  /** Slabs without a free object. */
  readonly fullSlabs: number;
  /** Slabs without an object in use. */
  readonly freeSlabs: number;
  /** Slabs made so far. */
  readonly grown: number;
  /** Slabs given back so far. */
  readonly reaped: number;
  /** Allocations that failed so far. */
  readonly failed: number;
  /** Objects in the shared array. */
  readonly sharedAvailable: number;
}

/**
 * An object cache: objects of one size, kept in constructed state while they are free. Linux's `struct kmem_cache`.
 *
 * Made by {@link Slabs.kmemCacheCreate}. Allocation and freeing cost a few loads while this CPU's array serves them,
 * a lock and a batch transfer once every some dozens of objects otherwise.
 *
 * Misuse that is recognised without any debugging flag: an address that is no object, an object of another cache, an object that
 * is free already. (Two workers that free one object at the same instant are not.)
 */
export class KmemCache {
  /** Address of the kmem_cache descriptor: itself an object of cache_cache. */
  readonly address: Address;
  /** Name as slabinfo shows it. */
  readonly name: string;
  /** Bytes of an object, as asked for. */
  readonly objectSize: number;
  /** Bytes from one object to the next. */
  readonly size: number;
  /** Alignment of every object, bytes. */
  readonly align: number;
  /** {@link SlabFlags} of this cache. */
  readonly flags: number;
  /** Objects in a slab. */
  readonly objectsPerSlab: number;
  /** A slab is `2^order` pages. */
  readonly order: number;
  /** Number of the cache in its hierarchy. */
  readonly id: number;

  readonly #hierarchy: Hierarchy;
  readonly #debug: ObjectDebug | undefined;
  /** Whether the fast paths may be taken: a linear memory, no debugging. */
  readonly #fast: boolean;
  #ctor: ObjectFunction | undefined;
  #dtor: ObjectFunction | undefined;
  #destroyed = false;
  /** This CPU's array cache, `NULL` before the first use. */
  #arrayAddress: Address = NULL;

  // What the fast paths read. Word indices are addresses / 4.
  #words: Uint32Array = NO_WORDS;
  #halves: Uint16Array = NO_HALVES;
  #end = 0;
  #array: number;
  readonly #directory: number;
  readonly #leafShift: number;
  readonly #pageShift: number;
  readonly #leafMask: number;
  readonly #reciprocal: number;
  readonly #offset: number;

  /** @internal */
  constructor(hierarchy: Hierarchy, address: Address) {
    const { memory, map } = hierarchy;
    const load = (field: number): number => memory.load32(address + field);
    this.#hierarchy = hierarchy;
    this.address = address;
    this.name = readName(memory, address);
    this.objectSize = load(L.CACHE_OBJECT_SIZE);
    this.size = load(L.CACHE_SIZE);
    this.align = load(L.CACHE_ALIGN);
    this.flags = load(L.CACHE_FLAGS);
    this.objectsPerSlab = load(L.CACHE_NUM);
    this.order = load(L.CACHE_ORDER);
    this.id = load(L.CACHE_ID);
    const debugging = (this.flags & DEBUG_FLAGS) !== 0;
    this.#debug = debugging ? new ObjectDebug(hierarchy, address) : undefined;
    this.#fast = !debugging;
    this.#directory = map.directory / 4;
    this.#leafShift = map.leafShift;
    this.#pageShift = map.pageShift;
    this.#leafMask = map.leafMask;
    this.#reciprocal = 1 / this.size;
    this.#offset = load(L.CACHE_OBJECT_OFFSET);
    this.#array = (hierarchy.root + L.ROOT_EMPTY_ARRAY) / 4;
    const array = load(L.CACHE_ARRAYS + 4 * hierarchy.cpu);
    if (array !== NULL) this.#useArray(array);
    this.takeViews();
  }

  /** @internal Renews the views after the memory has grown. */
  takeViews(): void {
    if (!this.#fast || this.#destroyed) return;
    this.#words = this.#hierarchy.words;
    this.#halves = this.#hierarchy.halves;
    this.#end = this.#hierarchy.end;
  }

  /** @internal Gives this worker's constructor and destructor to the cache. */
  register(ctor: ObjectFunction | undefined, dtor: ObjectFunction | undefined): void {
    this.#ctor = ctor ?? this.#ctor;
    this.#dtor = dtor ?? this.#dtor;
  }

  /**
   * Takes an object, constructed when the cache has a constructor, with undefined contents otherwise.
   * Linux's `kmem_cache_alloc`.
   *
   * @returns its address, or `NULL` when there is no memory, and reclaiming found none either.
   * @throws HeapCorruptionError when debugging finds that the free object was written to.
   */
  alloc(): Address {
    // Three loads and two stores, all in this CPU's array but for the object's control.
    const words = this.#words;
    const array = this.#array;
    const available = words[array]!;
    if (available > 0) {
      words[array] = available - 1;
      const entry = array + ENTRIES - 2 + 2 * available;
      this.#halves[words[entry + 1]!] = L.CONTROL_ACTIVE;
      return words[entry]!;
    }
    return this.#allocSlow();
  }

  /**
   * Gives an object back. It should be in constructed state, since the next `alloc` hands it out as it is.
   * Linux's `kmem_cache_free`. `NULL` does nothing.
   *
   * @throws InvalidPointerError when `object` is no object of this cache; the message says whose it is.
   * @throws DoubleFreeError when it is free already.
   * @throws HeapCorruptionError when debugging finds that something ran over its end or start.
   */
  free(object: Address): void {
    // Page map: two loads; slab: two; control: one; array: two loads and three stores.
    const words = this.#words;
    if (object < this.#end) {
      const leaf = words[this.#directory + (object >>> this.#leafShift)]! >>> 2;
      const entry = words[leaf + ((object >>> this.#pageShift) & this.#leafMask)]!;
      if ((entry & TAG_MASK) === TAG_SLAB && this.#freeIn(object, entry >>> 2)) return;
    }
    this.#freeSlow(object);
  }

  /** @internal As {@link KmemCache.free}, when the caller has the slab's descriptor (its word index) already. */
  freeOf(object: Address, slab: number): void {
    if (!this.#freeIn(object, slab)) this.#freeSlow(object);
  }

  #freeIn(object: Address, slab: number): boolean {
    const words = this.#words;
    const offset = object - words[slab + SLAB_FIRST]!;
    // Half a byte more makes the product of an exact multiple come out exact, and changes nothing else.
    const index = ((offset + 0.5) * this.#reciprocal) >>> 0;
    const control = 2 * slab + CONTROLS + index;
    const array = this.#array;
    const available = words[array]!;
    if (
      words[slab] !== this.address ||
      index * this.size !== offset ||
      index >= this.objectsPerSlab ||
      this.#halves[control] !== L.CONTROL_ACTIVE ||
      available >= words[array + 1]!
    ) {
      return false;
    }
    this.#halves[control] = L.CONTROL_CACHED;
    const entry = array + ENTRIES + 2 * available;
    words[entry] = object;
    words[entry + 1] = control;
    words[array] = available + 1;
    return true;
  }

  #useArray(array: Address): void {
    this.#arrayAddress = array;
    if (this.#fast) this.#array = array / 4;
  }

  #allocSlow(): Address {
    this.#expectUsable();
    for (;;) {
      const object = this.#takeOne();
      if (object !== NULL) {
        this.#debug?.allocate(object);
        return object;
      }
      if (this.#grow() || this.#hierarchy.reclaim()) continue;
      const { memory } = this.#hierarchy;
      memory.store32(this.address + L.CACHE_FAILED, memory.load32(this.address + L.CACHE_FAILED) + 1);
      return NULL;
    }
  }

  /** A free object from this CPU's array, filled first when it is empty; marked live. `NULL` when the cache must grow. */
  #takeOne(): Address {
    const { memory } = this.#hierarchy;
    const array = this.#arrayAddress;
    if (array !== NULL && memory.load32(array + L.ARRAY_AVAILABLE) > 0) return this.#pop(array);
    this.#hierarchy.enter();
    try {
      const own = ensureArray(this.#hierarchy, this.address);
      if (own !== NULL) {
        this.#useArray(own);
        return refill(this.#hierarchy, this.address, own) > 0 ? this.#pop(own) : NULL;
      }
      const slab = slabWithFree(memory, this.address);
      if (slab === NULL) return NULL;
      return objectAt(memory, this.address, slab, takeObject(memory, this.address, slab, L.CONTROL_ACTIVE));
    } finally {
      this.#hierarchy.leave();
    }
  }

  #pop(array: Address): Address {
    const { memory } = this.#hierarchy;
    const available = memory.load32(array + L.ARRAY_AVAILABLE) - 1;
    const entry = array + L.ARRAY_ENTRIES + L.ENTRY_BYTES * available;
    memory.store32(array + L.ARRAY_AVAILABLE, available);
    memory.store16(memory.load32(entry + 4) * L.CONTROL_BYTES, L.CONTROL_ACTIVE);
    return memory.load32(entry);
  }

  /** One slab more, every object of it constructed. */
  #grow(): boolean {
    const hierarchy = this.#hierarchy;
    const slab = this.#locked(() => buildSlab(hierarchy, this.address));
    if (slab === NULL) return false;
    let built = false;
    try {
      this.#construct(slab);
      built = true;
    } finally {
      this.#locked(() =>
        built ? addSlab(hierarchy, this.address, slab) : releaseSlab(hierarchy, this.address, slab),
      );
    }
    return true;
  }

  /** Runs the constructor over a new slab. When it throws, the objects made so far are torn down again. */
  #construct(slab: Address): void {
    const { memory } = this.#hierarchy;
    for (let index = 0; index < this.objectsPerSlab; index++) {
      const object = objectAt(memory, this.address, slab, index);
      this.#debug?.create(object);
      if (this.#ctor === undefined) continue;
      try {
        this.#ctor(object);
      } catch (error) {
        this.#destruct(slab, index);
        throw error;
      }
    }
  }

  #destruct(slab: Address, count: number): void {
    if (this.#dtor === undefined) return;
    for (let index = 0; index < count; index++) {
      this.#dtor(objectAt(this.#hierarchy.memory, this.address, slab, index));
    }
  }

  #freeSlow(object: Address): void {
    if (object === NULL) return;
    this.#expectUsable();
    const hierarchy = this.#hierarchy;
    hierarchy.refresh();
    const slab = this.#slabOf(object);
    const index = this.#liveIndex(object, slab);
    this.#debug?.free(object);
    const { memory } = hierarchy;
    const control = controlAt(slab, index);
    memory.store16(control, L.CONTROL_CACHED);
    const array = this.#arrayAddress;
    if (array !== NULL && memory.load32(array + L.ARRAY_AVAILABLE) < memory.load32(array + L.ARRAY_LIMIT)) {
      pushEntry(memory, array, object, control);
      return;
    }
    const surplus: Surplus = [];
    this.#locked(() => {
      const own = ensureArray(hierarchy, this.address);
      if (own === NULL) return freeToSlab(hierarchy, this.address, slab, index, surplus);
      this.#useArray(own);
      if (memory.load32(own + L.ARRAY_AVAILABLE) >= memory.load32(own + L.ARRAY_LIMIT)) {
        drain(hierarchy, this.address, own, surplus);
      }
      pushEntry(memory, own, object, control);
    });
    this.#destroySlabs(surplus);
  }

  /** @internal The slab of this cache around `object`, or the error that says whose it is. */
  #slabOf(object: Address): Address {
    const { memory, map } = this.#hierarchy;
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
    if (owner !== this.address) {
      throw new InvalidPointerError(object, `is of cache ${readName(memory, owner)}, not of ${this.name}`);
    }
    return entry;
  }

  #liveIndex(object: Address, slab: Address): number {
    const { memory } = this.#hierarchy;
    const index = (object - this.#offset - memory.load32(slab + L.SLAB_FIRST)) / this.size;
    if (!Number.isInteger(index) || index < 0 || index >= this.objectsPerSlab) {
      throw new InvalidPointerError(object, `is not the start of an object of cache ${this.name}`);
    }
    if (memory.load16(controlAt(slab, index)) !== L.CONTROL_ACTIVE) {
      throw this.#debug?.doubleFree(object) ?? new DoubleFreeError(object);
    }
    return index;
  }

  /** Destructors, then pages, of slabs that are in no list any more. Returns the pages given back. */
  #destroySlabs(surplus: Surplus): number {
    for (const slab of surplus) {
      this.#destruct(slab, this.objectsPerSlab);
      this.#locked(() => releaseSlab(this.#hierarchy, this.address, slab));
    }
    return surplus.length * 2 ** this.order;
  }

  /** Whether `address` is a live object of this cache. O(1). */
  isLive(address: Address): boolean {
    const { memory, map } = this.#hierarchy;
    if (!Number.isInteger(address) || address <= 0 || address >= memory.byteLength) return false;
    const slab = map.entry(address);
    if (slab === 0 || (slab & TAG_MASK) !== TAG_SLAB || memory.load32(slab) !== this.address) return false;
    const index = (address - this.#offset - memory.load32(slab + L.SLAB_FIRST)) / this.size;
    if (!Number.isInteger(index) || index < 0 || index >= this.objectsPerSlab) return false;
    return memory.load16(controlAt(slab, index)) === L.CONTROL_ACTIVE;
  }

  /** The live object of this cache whose bytes contain `address`, or `NULL`. O(1). */
  resolve(address: Address): Address {
    const { memory, map } = this.#hierarchy;
    const slab = map.entry(address);
    const start = address - this.#offset - memory.load32(slab + L.SLAB_FIRST);
    const object = address - (start % this.size);
    return start >= 0 && object + this.objectSize > address && this.isLive(object) ? object : NULL;
  }

  /** @internal Forgets every object and gives back every slab, live objects or not. */
  reset(): void {
    const { memory } = this.#hierarchy;
    const surplus: Surplus = [];
    this.#locked(() => {
      for (const field of this.#arrayFields()) {
        const array = memory.load32(field);
        if (array !== NULL) memory.store32(array + L.ARRAY_AVAILABLE, 0);
      }
      for (const list of [L.CACHE_PARTIAL, L.CACHE_FULL, L.CACHE_FREE]) {
        for (;;) {
          const slab = memory.load32(this.address + list);
          if (slab === NULL) break;
          surplus.push(slab);
          removeSlab(this.#hierarchy, this.address, slab);
        }
      }
      memory.store32(this.address + L.CACHE_FREE_OBJECTS, 0);
    });
    this.#destroySlabs(surplus);
  }

  /**
   * Gives back every slab without a live object, after emptying this CPU's array and the shared one (objects in other
   * CPUs' arrays stay where they are). Linux's `kmem_cache_shrink`. Destructors run.
   *
   * @param keep Pages of empty slabs to keep. Default none.
   * @returns pages given back.
   */
  shrink(keep: number = 0): number {
    this.#expectUsable();
    return this.#release((surplus) => {
      this.#flush(this.#arrayAddress, Number.POSITIVE_INFINITY, surplus);
      this.#flush(
        this.#hierarchy.memory.load32(this.address + L.CACHE_SHARED),
        Number.POSITIVE_INFINITY,
        surplus,
      );
      const { freeSlabs } = this.#countSlabs();
      this.#takeFreeSlabs(freeSlabs - Math.floor(keep / 2 ** this.order), surplus);
    });
  }

  /**
   * The periodic trim: an array not used since the last call loses a fifth of what it can hold, and a fifth of the free slabs that the
   * cache may keep go back (all of them with RECLAIM_ACCOUNT). Linux's `cache_reap`.
   *
   * @returns pages given back.
   */
  reap(): number {
    this.#expectUsable();
    const { memory } = this.#hierarchy;
    const load = (field: number): number => memory.load32(this.address + field);
    return this.#release((surplus) => {
      this.#age(this.#arrayAddress, surplus);
      this.#age(load(L.CACHE_SHARED), surplus);
      const { objectsPerSlab: num } = this;
      const fifth = Math.floor((load(L.CACHE_FREE_LIMIT) + 5 * num - 1) / (5 * num));
      this.#takeFreeSlabs(this.#isReclaimable() ? Number.POSITIVE_INFINITY : fifth, surplus);
    });
  }

  #isReclaimable(): boolean {
    return (this.flags & SlabFlags.RECLAIM_ACCOUNT) !== 0;
  }

  #release(collect: (surplus: Surplus) => void): number {
    if (this.#hierarchy.load(L.ROOT_CHAIN) === this.address) return 0;
    const surplus: Surplus = [];
    this.#locked(() => collect(surplus));
    return this.#destroySlabs(surplus);
  }

  #flush(array: Address, count: number, surplus: Surplus): void {
    if (array === NULL) return;
    const available = this.#hierarchy.memory.load32(array + L.ARRAY_AVAILABLE);
    flushOldest(this.#hierarchy, this.address, array, Math.min(count, available), surplus);
  }

  #age(array: Address, surplus: Surplus): void {
    if (array === NULL) return;
    const { memory } = this.#hierarchy;
    const touched = memory.load32(array + L.ARRAY_TOUCHED) !== 0;
    memory.store32(array + L.ARRAY_TOUCHED, 0);
    if (!touched) this.#flush(array, Math.floor((memory.load32(array + L.ARRAY_LIMIT) + 4) / 5), surplus);
  }

  #takeFreeSlabs(count: number, surplus: Surplus): void {
    for (let taken = 0; taken < count; taken++) {
      const slab = this.#hierarchy.memory.load32(this.address + L.CACHE_FREE);
      if (slab === NULL) return;
      removeSlab(this.#hierarchy, this.address, slab);
      surplus.push(slab);
    }
  }

  /**
   * @internal Gives back everything: all CPUs' arrays and all slabs. The caller has seen to it that no other worker uses the
   * cache, and takes the descriptor away.
   *
   * @throws InvalidArgumentError when objects are live; nothing has changed but that arrays are empty.
   */
  tearDown(): void {
    this.#expectUsable();
    const hierarchy = this.#hierarchy;
    const { memory } = hierarchy;
    const surplus: Surplus = [];
    this.#locked(() => {
      for (const field of this.#arrayFields())
        this.#flush(memory.load32(field), Number.POSITIVE_INFINITY, surplus);
      this.#takeFreeSlabs(Number.POSITIVE_INFINITY, surplus);
    });
    this.#destroySlabs(surplus);
    const { live } = this.stats();
    if (live > 0)
      throw new InvalidArgumentError("cache", this.name, `a cache without live objects (it has ${live})`);
    this.#locked(() => {
      for (const field of this.#arrayFields()) {
        const array = memory.load32(field);
        if (array !== NULL) metaFree(hierarchy, array);
      }
    });
    this.#destroyed = true;
    this.#words = NO_WORDS;
    this.#halves = NO_HALVES;
    this.#end = 0;
  }

  /** @internal Gives this CPU's array back, when the worker leaves. */
  giveUpArray(): void {
    const surplus: Surplus = [];
    const array = this.#arrayAddress;
    if (array === NULL) return;
    this.#locked(() => this.#dropArray(array, surplus));
    this.#destroySlabs(surplus);
  }

  #dropArray(array: Address, surplus: Surplus): void {
    const { memory, cpu, root } = this.#hierarchy;
    this.#flush(array, Number.POSITIVE_INFINITY, surplus);
    memory.store32(this.address + L.CACHE_ARRAYS + 4 * cpu, NULL);
    metaFree(this.#hierarchy, array);
    this.#arrayAddress = NULL;
    this.#array = (root + L.ROOT_EMPTY_ARRAY) / 4;
  }

  /** Where the addresses of this cache's arrays stand: the shared one's and each CPU's. */
  *#arrayFields(): Generator<Address> {
    yield this.address + L.CACHE_SHARED;
    for (let cpu = 0; cpu < this.#hierarchy.cpus; cpu++) yield this.address + L.CACHE_ARRAYS + 4 * cpu;
  }

  /**
   * Sets how many objects each CPU's array holds and how many move at a time: what writing to /proc/slabinfo does.
   * Arrays that are there already keep their limit, at most.
   *
   * @param limit Objects, 1 to 8000.
   * @param batch Objects, 1 to `limit`.
   * @param sharedFactor Batches that the shared array holds, 0 for none.
   */
  tune(limit: number, batch: number, sharedFactor: number = 0): void {
    const integer = (value: number, from: number, to: number): boolean =>
      Number.isInteger(value) && value >= from && value <= to;
    if (!integer(limit, 1, 8000)) throw new InvalidArgumentError("limit", limit, "an integer from 1 to 8000");
    if (!integer(batch, 1, limit))
      throw new InvalidArgumentError("batch", batch, `an integer from 1 to ${limit}`);
    if (!integer(sharedFactor, 0, 64)) {
      throw new InvalidArgumentError("sharedFactor", sharedFactor, "an integer from 0 to 64");
    }
    const tunables: Tunables = { limit, batch, sharedFactor };
    const surplus: Surplus = [];
    this.#locked(() => {
      writeTunables(this.#hierarchy, this.address, tunables);
      this.#replaceArray(surplus);
    });
    this.#destroySlabs(surplus);
  }

  /** This CPU's array makes place for one of the new size. */
  #replaceArray(surplus: Surplus): void {
    const old = this.#arrayAddress;
    if (old === NULL) return;
    this.#dropArray(old, surplus);
    const array = ensureArray(this.#hierarchy, this.address);
    if (array !== NULL) this.#useArray(array);
  }

  /** The cache in numbers. O(slabs). */
  stats(): CacheStats {
    return this.#locked(() => {
      const { memory } = this.#hierarchy;
      const load = (field: number): number => memory.load32(this.address + field);
      const shared = load(L.CACHE_SHARED);
      let cached = 0;
      for (const field of this.#arrayFields()) {
        const array = memory.load32(field);
        if (array !== NULL) cached += memory.load32(array + L.ARRAY_AVAILABLE);
      }
      const free = load(L.CACHE_FREE_OBJECTS);
      return {
        live: load(L.CACHE_SLABS) * this.objectsPerSlab - free - cached,
        cached,
        free,
        ...this.#countSlabs(),
        grown: load(L.CACHE_GROWN),
        reaped: load(L.CACHE_REAPED),
        failed: load(L.CACHE_FAILED),
        sharedAvailable: shared === NULL ? 0 : memory.load32(shared + L.ARRAY_AVAILABLE),
      };
    });
  }

  #countSlabs(): Pick<CacheStats, "partialSlabs" | "fullSlabs" | "freeSlabs"> {
    const { memory } = this.#hierarchy;
    const length = (list: number): number => {
      let count = 0;
      for (
        let slab = memory.load32(this.address + list);
        slab !== NULL;
        slab = memory.load32(slab + L.SLAB_NEXT)
      ) {
        count++;
      }
      return count;
    };
    return {
      partialSlabs: length(L.CACHE_PARTIAL),
      fullSlabs: length(L.CACHE_FULL),
      freeSlabs: length(L.CACHE_FREE),
    };
  }

  /** Whether this worker has the functions that the cache needs to make and to give back slabs. */
  get isComplete(): boolean {
    const functions = this.#hierarchy.memory.load32(this.address + L.CACHE_FUNCTIONS);
    return (
      ((functions & L.HAS_CONSTRUCTOR) === 0 || this.#ctor !== undefined) &&
      ((functions & L.HAS_DESTRUCTOR) === 0 || this.#dtor !== undefined)
    );
  }

  #expectUsable(): void {
    if (this.#destroyed)
      throw new InvalidPointerError(this.address, `was cache ${this.name}, which is destroyed`);
    if (!this.isComplete) {
      throw new AttachError(
        `cache ${this.name} has a constructor or destructor that this worker has not registered`,
      );
    }
  }

  #locked<T>(body: () => T): T {
    this.#hierarchy.enter();
    try {
      return body();
    } finally {
      this.#hierarchy.leave();
    }
  }
}
