/*
 * One object cache, seen from one worker. The state is the kmem_cache in the memory; this object only remembers what of
 * it never changes, and where this CPU's array stands.
 *
 * The fast paths touch this CPU's array, the object's control and (to free) the page map: some words of a typed array,
 * no lock, no call. They keep every check that makes misuse an error: the address, the cache, the object's boundary and
 * whether it is live. Whatever is out of the ordinary (array empty or full, debugging, a memory without views, bad
 * pointers) changes nothing here and starts again in the slow paths: see core/object-source.ts.
 */
import { type Address, InvalidArgumentError, NULL } from "@heapwright/allocator";
import type { Hierarchy } from "./core/hierarchy.ts";
import * as L from "./core/layout.ts";
import { type ObjectFunction, ObjectSource } from "./core/object-source.ts";
import { TAG_MASK, TAG_SLAB } from "./core/page-map.ts";
import { ensureArray } from "./core/transfer.ts";
import { type CacheStats, count, giveUpArray, reap, reset, shrink, tearDown, tune } from "./core/upkeep.ts";
import { DEBUG_FLAGS } from "./flags.ts";
import { reciprocalOf } from "./geometry/reciprocal.ts";

// Copies of what is imported: V8 folds a module's own constants into hot code, but loads imported ones each time.
const ACTIVE = L.CONTROL_ACTIVE;
const CACHED = L.CONTROL_CACHED;
const TAGS = TAG_MASK;
const SLAB = TAG_SLAB;
const ENTRIES = L.ARRAY_ENTRIES / 4;
const SLAB_FIRST = L.SLAB_FIRST / 4;
const CONTROLS = L.SLAB_CONTROLS / 4;

/**
 * An object cache: objects of one size, kept in constructed state while they are free. Linux's `struct kmem_cache`.
 *
 * Made by {@link Slabs.kmemCacheCreate}. Allocation and freeing cost a few loads while this CPU's array serves them,
 * a lock and a batch transfer once every some dozens of objects otherwise.
 *
 * Misuse that is recognised without any debugging flag: an address that is no object, an object of another cache, an
 * object that is free already. (Two workers that free one object at the same instant are not.)
 */
export class KmemCache {
  /** Address of the kmem_cache descriptor: itself an object of cache_cache. */
  declare readonly address: Address;
  /** Name as slabinfo shows it. */
  declare readonly name: string;
  /** Bytes of an object, as asked for. */
  declare readonly objectSize: number;
  /** Bytes from one object to the next. */
  declare readonly size: number;
  /** Alignment of every object, bytes. */
  declare readonly align: number;
  /** {@link SlabFlags} of this cache. */
  declare readonly flags: number;
  /** Objects in a slab. */
  declare readonly objectsPerSlab: number;
  /** A slab is `2^order` pages. */
  declare readonly order: number;
  /** Number of the cache in its hierarchy. */
  declare readonly id: number;

  readonly #hierarchy: Hierarchy;
  readonly #source: ObjectSource;
  /** Whether the fast paths may be taken: no debugging, and objects that can be numbered by a multiplication. */
  readonly #fast: boolean;

  // What the fast paths read. V8 compiles a field into the code as a constant when it is assigned once, in the
  // constructor, and is no private name: hence no #, `declare` (no first assignment of undefined), and no assignment of
  // what has not changed. The fast paths become twice as fast by it. Indices count 32-bit words.
  /** The memory's words; empty for a memory without views. */
  declare private words: Uint32Array;
  /** Bytes of them. */
  declare private end: number;
  /** This CPU's array; the root's empty one while there is none, or when the fast paths must not be taken. */
  declare private array: number;
  /** Objects that the array holds; 0 likewise. */
  declare private limit: number;
  declare private readonly directory: number;
  declare private readonly leafShift: number;
  declare private readonly pageShift: number;
  declare private readonly leafMask: number;
  declare private readonly multiplier: number;
  declare private readonly shift: number;

  /**
   * @internal
   * @param eager Whether to make this CPU's array now; with the lock held.
   */
  constructor(hierarchy: Hierarchy, address: Address, eager: boolean) {
    const { memory, map } = hierarchy;
    const load = (field: number): number => memory.load32(address + field);
    this.#hierarchy = hierarchy;
    this.#source = new ObjectSource(hierarchy, address);
    if (eager) this.#source.array = ensureArray(hierarchy, address);
    this.address = address;
    this.name = this.#source.name;
    this.objectSize = load(L.CACHE_OBJECT_SIZE);
    this.size = load(L.CACHE_SIZE);
    this.align = load(L.CACHE_ALIGN);
    this.flags = load(L.CACHE_FLAGS);
    this.objectsPerSlab = load(L.CACHE_NUM);
    this.order = load(L.CACHE_ORDER);
    this.id = load(L.CACHE_ID);
    const reciprocal = reciprocalOf(this.size, this.objectsPerSlab);
    this.#fast = (this.flags & DEBUG_FLAGS) === 0 && reciprocal !== undefined;
    this.multiplier = reciprocal?.multiplier ?? 0;
    this.shift = reciprocal?.shift ?? 0;
    this.directory = map.directory >>> 2;
    this.leafShift = map.leafShift;
    this.pageShift = map.pageShift;
    this.leafMask = map.leafMask;
    this.words = hierarchy.words;
    this.end = 4 * this.words.length;
    this.array = this.#arrayIndex();
    this.limit = this.#arrayLimit();
  }

  /** @internal Renews the view after the memory has grown. */
  takeViews(): void {
    this.words = this.#hierarchy.words;
    this.end = 4 * this.words.length;
  }

  /** @internal */
  register(ctor: ObjectFunction | undefined, dtor: ObjectFunction | undefined): void {
    this.#source.register(ctor, dtor);
  }

  /**
   * Takes an object: in constructed state when the cache has a constructor, with undefined contents otherwise.
   * Linux's `kmem_cache_alloc`.
   *
   * @returns its address, or `NULL` when there is no memory, and reclaiming found none either.
   * @throws HeapCorruptionError when debugging finds that the free object was written to.
   */
  alloc(): Address {
    return this.allocIn(this.words);
  }

  /** @internal As {@link KmemCache.alloc}, when the caller has the memory's words at hand. */
  allocIn(words: Uint32Array): Address {
    // Three loads and two stores. The `| 0` tell the compiler that indices are small integers.
    const array = this.array;
    const available = words[array]! | 0;
    if (available > 0) {
      words[array] = available - 1;
      const entry = (array + (ENTRIES - 2) + 2 * available) | 0;
      words[words[entry + 1]!] = ACTIVE;
      return words[entry]!;
    }
    const object = this.#source.allocate();
    this.#useArray();
    return object;
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
    // Page map: two loads; slab: two; control: a load and a store; array: a load and three stores.
    const words = this.words;
    if (object >>> 0 === object && object < this.end) {
      const leaf = words[this.directory + (object >>> this.leafShift)]! >>> 2;
      const entry = words[leaf + ((object >>> this.pageShift) & this.leafMask)]!;
      if ((entry & TAGS) === SLAB) {
        this.freeIn(words, object, entry >>> 2);
        return;
      }
    }
    this.#freeSlow(object);
  }

  /** @internal As {@link KmemCache.free}, when the caller has found the word index of the slab's descriptor already. */
  freeIn(words: Uint32Array, object: Address, slab: number): void {
    const offset = (object - words[slab + SLAB_FIRST]!) | 0;
    const index = Math.imul(offset, this.multiplier) >>> this.shift;
    const control = (slab + CONTROLS + index) | 0;
    const array = this.array;
    const available = words[array]! | 0;
    if (
      words[slab] === this.address &&
      Math.imul(index, this.size) === offset &&
      index < this.objectsPerSlab &&
      words[control] === ACTIVE &&
      available < this.limit
    ) {
      words[control] = CACHED;
      const entry = (array + ENTRIES + 2 * available) | 0;
      words[entry] = object;
      words[entry + 1] = control;
      words[array] = available + 1;
      return;
    }
    this.#freeSlow(object);
  }

  #freeSlow(object: Address): void {
    this.#source.free(object);
    this.#useArray();
  }

  /** The slow paths may have made this CPU's array, or given it up. What has not changed is not assigned: see above. */
  #useArray(): void {
    const array = this.#arrayIndex();
    if (array !== this.array) this.array = array;
    const limit = this.#arrayLimit();
    if (limit !== this.limit) this.limit = limit;
  }

  #arrayIndex(): number {
    const { array } = this.#source;
    return (array === NULL || !this.#fast ? this.#hierarchy.root + L.ROOT_EMPTY_ARRAY : array) >>> 2;
  }

  #arrayLimit(): number {
    const { array } = this.#source;
    return array === NULL || !this.#fast ? 0 : this.#hierarchy.memory.load32(array + L.ARRAY_LIMIT);
  }

  /** Whether `address` is a live object of this cache. O(1). */
  isLive(address: Address): boolean {
    return this.#source.isLive(address);
  }

  /** The live object of this cache whose bytes contain `address`, or `NULL`. O(1). */
  resolve(address: Address): Address {
    const { memory, map } = this.#hierarchy;
    if (!Number.isInteger(address) || address <= 0 || address >= memory.byteLength) return NULL;
    const slab = map.entry(address);
    if (slab === 0 || (slab & TAG_MASK) !== TAG_SLAB) return NULL;
    const first = memory.load32(slab + L.SLAB_FIRST) + memory.load32(this.address + L.CACHE_OBJECT_OFFSET);
    const object = address - ((address - first) % this.size);
    return address >= first && object + this.objectSize > address && this.isLive(object) ? object : NULL;
  }

  /**
   * Gives back every slab without a live object, after emptying this CPU's array and the shared one (objects in other
   * CPUs' arrays stay where they are). Linux's `kmem_cache_shrink`. Destructors run.
   *
   * @param keep Pages of empty slabs to keep. Default none.
   * @returns pages given back.
   */
  shrink(keep: number = 0): number {
    const pages = shrink(this.#source, keep);
    this.#useArray();
    return pages;
  }

  /**
   * The periodic trim: an array not used since the last call loses a fifth of what it can hold, and a fifth of the free
   * slabs that the cache may keep go back (all of them with RECLAIM_ACCOUNT). Linux's `cache_reap`.
   *
   * @returns pages given back.
   */
  reap(): number {
    return reap(this.#source);
  }

  /** @internal Forgets every object and gives back every slab, live objects or not. */
  reset(): void {
    reset(this.#source);
  }

  /** @internal Gives back everything but the descriptor. */
  tearDown(): void {
    tearDown(this.#source);
    this.#useArray();
  }

  /** @internal Gives this CPU's array back, when the worker leaves. */
  giveUpArray(): void {
    giveUpArray(this.#source);
    this.#useArray();
  }

  /**
   * Sets how many objects each CPU's array holds and how many move at a time: what writing to /proc/slabinfo does.
   * Arrays that other CPUs have made already keep their size.
   *
   * @param limit Objects, 1 to 8000.
   * @param batch Objects, 1 to `limit`.
   * @param sharedFactor Batches that the shared array holds, 0 to 64; an array that is there keeps its size.
   * @throws InvalidArgumentError when an argument is out of range.
   */
  tune(limit: number, batch: number, sharedFactor: number = 0): void {
    const expect = (name: string, value: number, from: number, to: number): void => {
      if (Number.isInteger(value) && value >= from && value <= to) return;
      throw new InvalidArgumentError(name, value, `an integer from ${from} to ${to}`);
    };
    expect("limit", limit, 1, 8000);
    expect("batch", batch, 1, limit);
    expect("sharedFactor", sharedFactor, 0, 64);
    tune(this.#source, { limit, batch, sharedFactor });
    this.#useArray();
  }

  /** The cache in numbers. O(slabs). */
  stats(): CacheStats {
    return count(this.#source);
  }

  /** Whether this worker has registered the functions that the cache needs. */
  get isComplete(): boolean {
    return this.#source.isComplete;
  }
}
