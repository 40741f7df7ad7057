/*
 * The hierarchy of caches.
 *
 *   page allocator
 *     `- cache_cache           the root: its objects are the descriptors of all other caches
 *          |- size-32 ...      the general caches, behind kmalloc
 *          |- slab-meta-64 ... descriptors that stand off their slabs, and array caches
 *          `- yours            by kmemCacheCreate
 */
import {
  type Address,
  expectAlignment,
  type HeapFault,
  InvalidArgumentError,
  type Memory,
  NULL,
  type PageAllocator,
} from "@heapwright/allocator";
import { GEOMETRY_CLASSIC, isFlags, removeFromChain, writeDescriptor } from "./core/descriptor.ts";
import { freeDirect, newDescriptor } from "./core/grow.ts";
import { Hierarchy, readName } from "./core/hierarchy.ts";
import { latchFor } from "./core/latch.ts";
import * as L from "./core/layout.ts";
import type { ObjectFunction } from "./core/object-source.ts";
import { buryCpu, repair, salvage } from "./core/repair.ts";
import {
  claimCpu,
  dismantle,
  expectRoot,
  formatRoot,
  freeCpu,
  limitPages,
  type SlabOptions,
} from "./core/root.ts";
import { checkHierarchy } from "./inspect/check.ts";
import { slabinfo } from "./inspect/slabinfo.ts";
import { KmemCache } from "./kmem-cache.ts";
import { type SizeClasses, sizeClasses } from "./size-classes.ts";

/**
 * Object caches over a page allocator. Linux's slab layer: `kmem_cache_create` and its kin.
 *
 * All state lives in the memory: {@link Slabs.attach} finds it again from the root's address, in another worker or a
 * restored image. Only constructors and destructors, being functions, are registered by each worker for itself.
 *
 * @example
 * ```ts
 * import { Buddy } from "@heapwright/buddy";
 * import { LinearMemory } from "@heapwright/heap-memory";
 * import { Slabs } from "@heapwright/slab";
 *
 * const memory = LinearMemory.fixed(4 * 2 ** 20);
 * const slabs = Slabs.create(Buddy.create(memory), memory);
 * const nodes = slabs.kmemCacheCreate("node", 24, 8);
 * const node = nodes.alloc();
 * nodes.free(node);
 * ```
 */
export class Slabs {
  /** The memory that holds everything. */
  readonly memory: Memory;
  /** Where slabs come from. */
  readonly pages: PageAllocator;
  /** Address of the root: what {@link Slabs.attach} needs. */
  readonly root: Address;
  /** This worker's CPU number: 0 for the creator. */
  readonly cpu: number;
  /** @internal */
  readonly hierarchy: Hierarchy;
  readonly #handles: (KmemCache | undefined)[] = [];
  readonly #stopListening: () => void;
  #reclaimHook: (() => boolean) | undefined;
  #reclaiming = false;

  private constructor(hierarchy: Hierarchy) {
    this.hierarchy = hierarchy;
    this.memory = hierarchy.memory;
    this.pages = hierarchy.pages;
    this.root = hierarchy.root;
    this.cpu = hierarchy.cpu;
    this.#stopListening = this.memory.onGrow(() => this.#takeViews());
    hierarchy.reclaim = () => this.#underPressure();
    hierarchy.repair = () => repair(hierarchy);
  }

  /**
   * Begins a hierarchy: takes a run of pages for the root and makes cache_cache and the general caches.
   *
   * @param memory The memory that the pages' addresses mean.
   * @throws InvalidArgumentError for options out of range, and when the page allocator has not the few pages needed.
   */
  static create(pages: PageAllocator, memory: Memory, options: SlabOptions = {}): Slabs {
    const root = formatRoot(pages, memory, options);
    const slabs = new Slabs(new Hierarchy(memory, pages, root, 0, latchFor(memory, root + L.ROOT_LOCK, 0)));
    try {
      slabs.#bootstrap(options.classes ?? "powers");
    } catch (error) {
      slabs.#stopListening();
      dismantle(slabs.hierarchy);
      throw error;
    }
    return slabs;
  }

  /**
   * Joins the hierarchy that another worker, or an earlier run, began. Takes a CPU number of its own; see
   * {@link Slabs.detach}. In a shared memory that was restored from an image, {@link Slabs.recover} those of the earlier
   * run; in one that is not shared, CPU 0 is taken over when all are taken, and who had it must not go on.
   *
   * @param root What {@link Slabs.root} was there.
   * @throws AttachError when no hierarchy of this version stands at `root`, or all its CPUs are taken.
   */
  static attach(pages: PageAllocator, memory: Memory, root: Address): Slabs {
    expectRoot(pages, memory, root);
    const cpu = claimCpu(memory, root);
    return new Slabs(new Hierarchy(memory, pages, root, cpu, latchFor(memory, root + L.ROOT_LOCK, cpu)));
  }

  #bootstrap(classes: SizeClasses): void {
    const { hierarchy } = this;
    const flags = hierarchy.load(L.ROOT_GENERAL_FLAGS);
    const descriptor = L.cacheBytes(hierarchy.cpus);
    const geometry = hierarchy.load(L.ROOT_GEOMETRY);
    const made = writeDescriptor(hierarchy, this.root + L.ROOT_CACHE_CACHE, {
      ...{ name: "cache_cache", size: descriptor, align: 8, flags: 0, functions: 0 },
      ...{ geometry: GEOMETRY_CLASSIC, onSlab: true },
    });
    if (!made)
      throw new InvalidArgumentError("maxOrder", this.pages.maxOrder, "enough for a cache descriptor");
    let count = 0;
    for (const { name, size, align } of sizeClasses(classes)) {
      const request = { name, size, align, flags, functions: 0, geometry, onSlab: false };
      const cache = newDescriptor(hierarchy);
      if (cache === NULL)
        throw new InvalidArgumentError("pages", "exhausted", "able to hold the cache descriptors");
      if (!writeDescriptor(hierarchy, cache, request)) {
        freeDirect(hierarchy, cache);
        break;
      }
      count++;
    }
    hierarchy.store(L.ROOT_GENERAL_COUNT, count);
  }

  /** Name that owner tracking writes with every allocation and free of this worker: up to 16 ASCII characters. */
  get owner(): string {
    return this.hierarchy.owner;
  }

  set owner(name: string) {
    this.hierarchy.owner = name;
  }

  /**
   * Makes a cache. Linux's `kmem_cache_create`.
   *
   * @param name 1 to 31 printable ASCII characters without spaces, unused so far; `slab-meta-...` is reserved.
   * @param size Bytes of an object, 1 or more.
   * @param align Bytes: a power of two, or 0 for 8.
   * @param flags {@link SlabFlags}.
   * @param ctor Called once for each object when its slab is made, never between a free and an alloc.
   * @param dtor Called once for each object when its slab goes.
   * @throws InvalidArgumentError when an argument is out of range, the name is taken, no slab can hold an object, or
   * there is no memory for the descriptor; nothing has changed.
   */
  kmemCacheCreate(
    name: string,
    size: number,
    align: number = 0,
    flags: number = 0,
    ctor?: ObjectFunction,
    dtor?: ObjectFunction,
  ): KmemCache {
    if (!/^(?!slab-meta-)[\x21-\x7e]{1,31}$/.test(name)) {
      throw new InvalidArgumentError("name", name, "1 to 31 printable ASCII characters without spaces");
    }
    if (!Number.isInteger(size) || size < 1)
      throw new InvalidArgumentError("size", size, "an integer of 1 or more");
    if (align !== 0) expectAlignment(align);
    if (!isFlags(flags)) throw new InvalidArgumentError("flags", flags, "a combination of SlabFlags");
    const functions = (ctor ? L.HAS_CONSTRUCTOR : 0) | (dtor ? L.HAS_DESTRUCTOR : 0);
    const { hierarchy } = this;
    hierarchy.enter();
    try {
      if (this.#find(name) !== NULL) throw new InvalidArgumentError("name", name, "unused so far");
      const cache = newDescriptor(hierarchy);
      if (cache === NULL)
        throw new InvalidArgumentError("pages", "exhausted", "able to hold a cache descriptor");
      const geometry = hierarchy.load(L.ROOT_GEOMETRY);
      if (
        !writeDescriptor(hierarchy, cache, { name, size, align, flags, functions, geometry, onSlab: false })
      ) {
        freeDirect(hierarchy, cache);
        throw new InvalidArgumentError("size", size, "small enough for the largest slab");
      }
      const handle = this.#handle(cache, true);
      handle.register(ctor, dtor);
      return handle;
    } finally {
      hierarchy.leave();
    }
  }

  /**
   * Finds a cache that another worker, or an earlier run, made, and registers this worker's functions for it.
   *
   * @returns undefined when there is none of this name.
   */
  kmemCacheFind(name: string, ctor?: ObjectFunction, dtor?: ObjectFunction): KmemCache | undefined {
    const handle = this.#locked(() => {
      const cache = this.#find(name);
      return cache === NULL ? undefined : this.#handle(cache, true);
    });
    handle?.register(ctor, dtor);
    return handle;
  }

  /** As {@link KmemCache.alloc}. */
  kmemCacheAlloc(cache: KmemCache): Address {
    return cache.alloc();
  }

  /** As {@link KmemCache.free}. */
  kmemCacheFree(cache: KmemCache, object: Address): void {
    cache.free(object);
  }

  /** As {@link KmemCache.shrink}. */
  kmemCacheShrink(cache: KmemCache): number {
    return cache.shrink();
  }

  /**
   * Ends a cache: its destructors run, its pages go back, its descriptor returns to cache_cache. No worker may use the
   * cache any more, nor be using it.
   *
   * @throws InvalidArgumentError when objects are live, or the cache is one of the hierarchy's own.
   */
  kmemCacheDestroy(cache: KmemCache): void {
    const { hierarchy } = this;
    if (cache.id <= hierarchy.load(L.ROOT_GENERAL_COUNT) || cache.name.startsWith("slab-meta-")) {
      throw new InvalidArgumentError("cache", cache.name, "a cache made by kmemCacheCreate");
    }
    cache.tearDown();
    this.#handles[cache.id] = undefined;
    this.#locked(() => {
      removeFromChain(hierarchy, cache.address);
      this.memory.store32(cache.address + L.CACHE_MAGIC, 0);
      freeDirect(hierarchy, cache.address);
    });
  }

  /** The general caches, in ascending order of size. */
  generalCaches(): KmemCache[] {
    const count = this.hierarchy.load(L.ROOT_GENERAL_COUNT);
    return this.#locked(() =>
      [...this.hierarchy.caches()].slice(1, 1 + count).map((cache) => this.#handle(cache, true)),
    );
  }

  /** Every cache, cache_cache first. */
  caches(): KmemCache[] {
    return this.#locked(() => [...this.hierarchy.caches()].map((cache) => this.#handle(cache, false)));
  }

  /**
   * The periodic trim of all caches: see {@link KmemCache.reap}. Linux runs it every two seconds.
   *
   * @returns pages given back.
   */
  reap(): number {
    return this.#shed((cache) => cache.reap());
  }

  /**
   * Gives back what can be given back, for memory pressure: a kernel's shrinker calls it.
   *
   * @param pages Stops when so many pages have gone back. Default all.
   * @returns pages given back.
   */
  reclaim(pages: number = Number.POSITIVE_INFINITY): number {
    let given = 0;
    return this.#shed((cache) => {
      if (given >= pages) return 0;
      const freed = cache.shrink();
      given += freed;
      return freed;
    });
  }

  #shed(body: (cache: KmemCache) => number): number {
    const before = this.pagesHeld;
    for (const cache of this.caches()) if (cache.isComplete && !this.#isInternal(cache)) body(cache);
    return before - this.pagesHeld;
  }

  /** cache_cache and the meta caches give their slabs back as soon as they are empty. */
  #isInternal(cache: KmemCache): boolean {
    return cache.id === 0 || cache.name.startsWith("slab-meta-");
  }

  /**
   * Sets what is called when an allocation finds neither a page nor anything of its own to reclaim: the hook makes room (drops
   * cached objects, makes the page allocator grow) and returns whether it is worth another try.
   */
  onPressure(hook: (() => boolean) | undefined): void {
    this.#reclaimHook = hook;
  }

  #underPressure(): boolean {
    // What is called meanwhile may allocate, and fail: that failure must not begin another round.
    if (this.#reclaiming) return false;
    this.#reclaiming = true;
    try {
      return this.reclaim() > 0 || this.#reclaimHook?.() === true;
    } finally {
      this.#reclaiming = false;
    }
  }

  /** Pages held of the page allocator now, the root's included. */
  get pagesHeld(): number {
    return this.hierarchy.load(L.ROOT_PAGES);
  }

  /** The most bytes that may be held of the page allocator; 0 for no limit. A lower limit than what is held stops growth only. */
  get limit(): number {
    return this.hierarchy.load(L.ROOT_PAGE_LIMIT) * this.pages.pageSize;
  }

  set limit(bytes: number) {
    this.hierarchy.store(L.ROOT_PAGE_LIMIT, limitPages(bytes, this.pages.pageSize));
  }

  /** The text of /proc/slabinfo (version 2.1) for this hierarchy. */
  slabinfo(): string {
    return slabinfo(this.caches(), this.hierarchy);
  }

  /** Verifies every invariant of every cache; empty when all is sound. O(heap). No other worker may be at work. */
  check(): readonly HeapFault[] {
    return this.#locked(() => checkHierarchy(this.hierarchy));
  }

  /**
   * Leaves the hierarchy: gives this CPU's cached objects back to the slabs and its number to whoever attaches next.
   * The handles of this worker must not be used any more.
   */
  detach(): void {
    for (const cache of this.caches()) if (!this.#isInternal(cache)) cache.giveUpArray();
    freeCpu(this.memory, this.root, this.cpu);
    this.#stopListening();
  }

  /**
   * Clears up after a worker that is gone without {@link Slabs.detach}: whoever started it sees its `exit` event and calls
   * this. When it died inside a slow path, everything is rebuilt from the objects' own states first. Its live objects stay live;
   * what it had cached is free again; a few objects that were on their way may be lost until {@link Slabs.salvage}.
   *
   * Until this is called, workers that need the lock which it held get a LockError after 10 seconds.
   *
   * @param cpu What {@link Slabs.cpu} was there. That worker must never run again.
   * @throws InvalidArgumentError when `cpu` is this worker's own, or no worker's.
   * @throws LockError when it died inside the page allocator: that cannot be repaired from here.
   */
  recover(cpu: number): void {
    const taken =
      Number.isInteger(cpu) && cpu >= 0 && cpu < 32 && (this.hierarchy.load(L.ROOT_CPU_MASK) >>> cpu) & 1;
    if (!taken || cpu === this.cpu)
      throw new InvalidArgumentError("cpu", cpu, "the number of another worker");
    this.hierarchy.buryHolder(cpu);
    this.#locked(() => buryCpu(this.hierarchy, cpu));
    freeCpu(this.memory, this.root, cpu);
  }

  /**
   * Finds the objects that dying workers had in hand and frees them. No other worker may be at work meanwhile. O(heap).
   *
   * @returns the number of objects.
   */
  salvage(): number {
    return this.#locked(() => salvage(this.hierarchy));
  }

  #find(name: string): Address {
    for (const cache of this.hierarchy.caches()) if (readName(this.memory, cache) === name) return cache;
    return NULL;
  }

  /** This worker's side of a cache, made on the first call. With the lock held. */
  #handle(cache: Address, eager: boolean): KmemCache {
    const id = this.memory.load32(cache + L.CACHE_ID);
    const known = this.#handles[id];
    if (known !== undefined && known.address === cache) return known;
    const handle = new KmemCache(this.hierarchy, cache, eager);
    this.#handles[id] = handle;
    return handle;
  }

  #takeViews(): void {
    this.hierarchy.takeViews();
    for (const handle of this.#handles) handle?.takeViews();
  }

  #locked<T>(body: () => T): T {
    this.hierarchy.enter();
    try {
      return body();
    } finally {
      this.hierarchy.leave();
    }
  }
}
