/*
 * kmalloc: blocks of any size from the general caches, and from the page allocator beyond the largest of them.
 *
 *   size -> class by a table -> that cache's alloc
 *   address -> page map -> slab -> cache's free, or a run of pages
 */
import {
  type Address,
  type AlignedAllocator,
  type BlockInfo,
  DoubleFreeError,
  type ExpandingAllocator,
  expectAlignment,
  expectSize,
  type Footprint,
  type HeapFault,
  type HeapStats,
  type Inspectable,
  InvalidArgumentError,
  InvalidPointerError,
  type Memory,
  NULL,
  type Owner,
  type PageAllocator,
  type ReallocatingAllocator,
  type Resettable,
  type Resolver,
  type SizedDeallocator,
  type Trimmer,
  type UsableSize,
  type ZeroedAllocator,
} from "@heapwright/allocator";
import type { Hierarchy } from "./core/hierarchy.ts";
import { allocateRun, freeRun, runBytes } from "./core/large.ts";
import * as L from "./core/layout.ts";
import { TAG_LARGE, TAG_LARGE_TAIL, TAG_MASK, TAG_SLAB } from "./core/page-map.ts";
import type { SlabOptions } from "./core/root.ts";
import { alignUp, orderFor } from "./geometry/align.ts";
import { walkHierarchy } from "./inspect/walk.ts";
import type { KmemCache } from "./kmem-cache.ts";
import { Slabs } from "./slabs.ts";

/** Sizes up to this find their cache by a table of bytes, in steps of 8. */
const TABLE_BYTES = 8192;
// Copies of what is imported: V8 folds a module's own constants into hot code, but loads imported ones each time.
const SLAB_CACHE_ID = L.SLAB_CACHE_ID / 4;
const TAGS = TAG_MASK;
const SLAB = TAG_SLAB;

/**
 * Blocks of any size over object caches, in the kernel's words: `kmalloc`, `kzalloc`, `krealloc`, `kfree`, `ksize`.
 * An allocator with every capability.
 *
 * Vital statistics: blocks have no header; a block takes its class's size (a power of two, or 96 or 192 with the kernel's classes)
 * and four bytes of control. A block of a power of two is aligned to its size. Allocating and freeing is O(1) but for a batch transfer, or a new
 * slab, now and then. Beyond the largest class a block is a run of `2^n` pages.
 *
 * Misuse that is always recognised: an address that is no block's, a double free, a size that is not the block's. With
 * {@link SlabFlags} in `flags`: overruns and writes after free.
 *
 * @example
 * ```ts
 * import { Buddy } from "@heapwright/buddy";
 * import { LinearMemory } from "@heapwright/heap-memory";
 * import { Kmalloc } from "@heapwright/slab";
 *
 * const memory = LinearMemory.fixed(4 * 2 ** 20);
 * const heap = new Kmalloc(Buddy.create(memory), memory);
 * const block = heap.kmalloc(100); // a block of 128 bytes
 * heap.kfree(block);
 * ```
 */
export class Kmalloc
  implements
    AlignedAllocator,
    ZeroedAllocator,
    ReallocatingAllocator,
    ExpandingAllocator,
    SizedDeallocator,
    UsableSize,
    Owner,
    Resolver,
    Resettable,
    Trimmer,
    Inspectable,
    Footprint
{
  readonly memory: Memory;
  readonly alignment: number;
  /** The hierarchy that the general caches belong to. */
  readonly slabs: Slabs;
  readonly #hierarchy: Hierarchy;
  /** The general caches in ascending order of size. */
  declare private readonly classes: readonly KmemCache[];
  /** The same by their ids, which begin with 1. */
  declare private readonly byId: readonly (KmemCache | undefined)[];
  /** (size + 7) / 8 -> index of the smallest class that fits. */
  declare private readonly table: Uint8Array;
  declare private readonly tableLimit: number;
  readonly #largest: number;

  declare private words: Uint32Array;
  declare private end: number;
  declare private readonly directory: number;
  declare private readonly leafShift: number;
  declare private readonly pageShift: number;
  declare private readonly leafMask: number;

  /**
   * Begins a hierarchy over `pages` and its general caches.
   *
   * @param pages Where slabs come from.
   * @param memory The memory that the pages' addresses mean.
   * @param options As for {@link Slabs.create}; or a hierarchy that is there already, over the same pages and memory.
   */
  constructor(pages: PageAllocator, memory: Memory, options: SlabOptions | Slabs = {}) {
    this.slabs = options instanceof Slabs ? options : Slabs.create(pages, memory, options);
    this.memory = memory;
    this.#hierarchy = this.slabs.hierarchy;
    this.classes = this.slabs.generalCaches();
    this.byId = [undefined, ...this.classes];
    this.#largest = this.classes.at(-1)?.objectSize ?? 0;
    this.tableLimit = Math.min(TABLE_BYTES, this.#largest);
    this.table = Uint8Array.from({ length: this.tableLimit / 8 + 1 }, (_, n) => this.#classOf(8 * n));
    this.alignment = Math.min(...this.classes.map(({ align }) => align), pages.pageSize);
    const { map } = this.#hierarchy;
    this.directory = map.directory >>> 2;
    this.leafShift = map.leafShift;
    this.pageShift = map.pageShift;
    this.leafMask = map.leafMask;
    this.words = this.#hierarchy.words;
    this.end = 4 * this.words.length;
    memory.onGrow(() => this.#takeViews());
  }

  /**
   * Joins the hierarchy that another worker, or an earlier run, began.
   *
   * @param root What `slabs.root` was there.
   * @throws AttachError as {@link Slabs.attach} does.
   */
  static attach(pages: PageAllocator, memory: Memory, root: Address): Kmalloc {
    return new Kmalloc(pages, memory, Slabs.attach(pages, memory, root));
  }

  #takeViews(): void {
    this.#hierarchy.takeViews();
    this.words = this.#hierarchy.words;
    this.end = 4 * this.words.length;
  }

  /** As {@link Kmalloc.allocate}. Linux's kmalloc. */
  kmalloc(size: number): Address {
    return this.allocate(size);
  }
  /** As {@link Kmalloc.allocateZeroed}. Linux's kzalloc. */
  kzalloc(size: number): Address {
    return this.allocateZeroed(size);
  }
  /** As {@link Kmalloc.reallocate}. Linux's krealloc. */
  krealloc(address: Address, size: number): Address {
    return this.reallocate(address, size);
  }
  /** As {@link Kmalloc.deallocate}. Linux's kfree. */
  kfree(address: Address): void {
    this.deallocate(address);
  }
  /** As {@link Kmalloc.usableSize}. Linux's ksize. */
  ksize(address: Address): number {
    return this.usableSize(address);
  }

  allocate(size: number): Address {
    if (size >>> 0 === size && size <= this.tableLimit) {
      return this.classes[this.table[(size + 7) >>> 3]!]!.allocIn(this.words);
    }
    return this.#allocateSlow(size);
  }

  #allocateSlow(size: number): Address {
    expectSize(size);
    if (size <= this.#largest) return this.classes[this.#classOf(size)]!.alloc();
    return allocateRun(this.#hierarchy, orderFor(size, this.slabs.pages.pageSize));
  }

  #classOf(size: number): number {
    return this.classes.findIndex(({ objectSize }) => objectSize >= size);
  }

  deallocate(address: Address): void {
    const words = this.words;
    if (address >>> 0 === address && address < this.end) {
      const leaf = words[this.directory + (address >>> this.leafShift)]! >>> 2;
      const entry = words[leaf + ((address >>> this.pageShift) & this.leafMask)]!;
      if ((entry & TAGS) === SLAB) {
        const cache = this.byId[words[(entry >>> 2) + SLAB_CACHE_ID]!];
        // The cache itself makes sure that the slab is its own, and a slab at all.
        if (cache !== undefined) {
          cache.freeIn(words, address, entry >>> 2);
          return;
        }
      }
    }
    this.#deallocateSlow(address);
  }

  #deallocateSlow(address: Address): void {
    if (address === NULL) return;
    this.#hierarchy.refresh();
    const cache = this.#cacheOf(address);
    if (cache !== undefined) cache.free(address);
    else freeRun(this.#hierarchy, address);
  }

  /** The general cache of the block at `address`; undefined for a large run. Throws for anything else. */
  #cacheOf(address: Address): KmemCache | undefined {
    if (!Number.isInteger(address) || address <= 0 || address >= this.memory.byteLength) {
      throw new InvalidPointerError(address, "is no address inside the memory");
    }
    const entry = this.#hierarchy.map.entry(address);
    if (entry === 0) throw new InvalidPointerError(address, "lies in no block of kmalloc");
    const tag = entry & TAG_MASK;
    if (tag === TAG_LARGE && address % this.slabs.pages.pageSize === 0) return undefined;
    if (tag !== TAG_SLAB) throw new InvalidPointerError(address, "is not the start of a block");
    const cache = this.byId[this.memory.load32(entry + L.SLAB_CACHE_ID)];
    if (cache === undefined) throw new InvalidPointerError(address, "lies in a cache that is not kmalloc's");
    return cache;
  }

  allocateAligned(alignment: number, size: number): Address {
    expectAlignment(alignment);
    expectSize(size);
    for (const cache of this.classes) {
      if (cache.objectSize >= size && cache.align >= alignment) return cache.alloc();
    }
    return allocateRun(this.#hierarchy, orderFor(Math.max(size, alignment), this.slabs.pages.pageSize));
  }

  allocateZeroed(size: number): Address {
    const address = this.allocate(size);
    if (address !== NULL) this.memory.fill(address, size, 0);
    return address;
  }

  reallocate(address: Address, size: number): Address {
    if (address === NULL) return this.allocate(size);
    const usable = this.usableSize(address);
    expectSize(size);
    if (size <= usable && this.goodSize(size) === usable) return address;
    const moved = this.allocate(size);
    if (moved === NULL) return size <= usable ? address : NULL;
    this.memory.copy(moved, address, Math.min(size, usable));
    this.deallocate(address);
    return moved;
  }

  expand(address: Address, size: number): boolean {
    const usable = this.usableSize(address);
    expectSize(size);
    return size <= usable;
  }

  deallocateSized(address: Address, size: number): void {
    if (address === NULL) return;
    const usable = this.usableSize(address);
    if (!(size <= usable))
      throw new InvalidArgumentError("size", size, `at most the block's ${usable} bytes`);
    this.deallocate(address);
  }

  usableSize(address: Address): number {
    this.#hierarchy.refresh();
    const cache = this.#cacheOf(address);
    if (cache === undefined) return runBytes(this.#hierarchy, address);
    if (!cache.isLive(address)) {
      const start = this.resolve(address);
      if (start !== NULL && start !== address)
        throw new InvalidPointerError(address, "is not the start of a block");
      throw new DoubleFreeError(address);
    }
    return cache.objectSize;
  }

  goodSize(size: number): number {
    expectSize(size);
    if (size <= this.#largest) return this.classes[this.#classOf(size)]!.objectSize;
    const { pageSize, maxOrder } = this.slabs.pages;
    const order = orderFor(size, pageSize);
    return order <= maxOrder ? pageSize * 2 ** order : alignUp(size, pageSize);
  }

  owns(address: Address): boolean {
    if (!Number.isInteger(address) || address <= 0 || address >= this.memory.byteLength) return false;
    const entry = this.#hierarchy.map.entry(address);
    if (entry === 0) return false;
    if ((entry & TAG_MASK) !== TAG_SLAB) return true;
    return this.byId[this.memory.load32(entry + L.SLAB_CACHE_ID)] !== undefined;
  }

  resolve(address: Address): Address {
    if (!this.owns(address)) return NULL;
    const entry = this.#hierarchy.map.entry(address);
    const tag = entry & TAG_MASK;
    if (tag === TAG_LARGE) return address - (address % this.slabs.pages.pageSize);
    if (tag === TAG_LARGE_TAIL) return (entry & ~TAG_MASK) >>> 0;
    return this.byId[this.memory.load32(entry + L.SLAB_CACHE_ID)]!.resolve(address);
  }

  deallocateAll(): void {
    for (const { page, entry } of [...this.#hierarchy.map.entries()]) {
      if ((entry & TAG_MASK) === TAG_LARGE) freeRun(this.#hierarchy, page);
    }
    for (const cache of this.classes) cache.reset();
  }

  /** Gives back the pages of empty slabs. This CPU's arrays and the shared ones are emptied first. */
  trim(keep: number): number {
    expectSize(keep);
    const { pageSize } = this.slabs.pages;
    const before = this.slabs.pagesHeld;
    for (const cache of this.classes) cache.shrink(keep / pageSize);
    return (before - this.slabs.pagesHeld) * pageSize;
  }

  walk(): Iterable<BlockInfo> {
    return walkHierarchy(this.#hierarchy);
  }

  check(): readonly HeapFault[] {
    return this.slabs.check();
  }

  stats(): HeapStats {
    const { pageSize } = this.slabs.pages;
    let liveBlocks = this.#hierarchy.load(L.ROOT_LARGE_RUNS);
    let allocatedBytes = this.#hierarchy.load(L.ROOT_LARGE_PAGES) * pageSize;
    let freeBlocks = 0;
    let freeBytes = 0;
    let largestFreeBytes = 0;
    for (const cache of this.classes) {
      const { live, cached, free } = cache.stats();
      liveBlocks += live;
      allocatedBytes += live * cache.size;
      freeBlocks += cached + free;
      freeBytes += (cached + free) * cache.size;
      if (cached + free > 0) largestFreeBytes = cache.size;
    }
    return {
      heapBytes: this.footprint(),
      allocatedBytes,
      freeBytes,
      liveBlocks,
      freeBlocks,
      largestFreeBytes,
    };
  }

  footprint(): number {
    return this.slabs.pagesHeld * this.slabs.pages.pageSize;
  }
}
