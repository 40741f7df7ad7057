/*
 * What the heap of one thread and the heaps of many workers have in common: all but `deallocate` and where memory comes from.
 *
 * The fast paths are `allocate` here and `deallocate` in the classes below it, for small blocks, about forty-five machine
 * instructions each. They read and write the tag of the block's granule, the head of its class's list and the link in
 * the block: no division, no loop, and nothing that grows with the number of live blocks. Everything else is off these
 * paths, in methods that V8 need not inline.
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
  NULL,
  type Owner,
  type ReallocatingAllocator,
  type Resolver,
  type SizedDeallocator,
  type UsableSize,
  type ZeroedAllocator,
} from "@heapwright/allocator";
import type { LinearMemory } from "@heapwright/heap-memory";
import { checkHeap, heapStats, walkHeap } from "./inspect.ts";
import * as layout from "./layout.ts";
import { addressOf, type RunHeap, watchersOf } from "./run-heap.ts";
import * as classes from "./size-classes.ts";
import { SpanPool } from "./span-pool.ts";

// V8 folds constants of the module itself into its code, but loads an imported one at each use.
const {
  BACK_MAX,
  BACK_SHIFT,
  CLASS_BITS,
  CLASS_SHIFT,
  END,
  FIRST,
  FIRST_BLOCK,
  FREE,
  FRESH,
  GRANULE,
  GRANULE_SHIFT,
  HEADS,
  KIND,
  LENGTH_SHIFT,
  LIVE,
  META_OWNER,
  NONE,
  OWNER_MASK,
  PROLOGUE_BYTES,
  SPAN,
  TABLE,
  UNIT_MASK,
  UNIT_SHIFT,
} = layout;
const { CLASS_SIZE, SMALL_MAX } = classes;

/** The largest block in bytes: what is left of 2^32 beside the first granule. */
const LARGE_MAX = 2 ** 32 - GRANULE;
/** Bytes up to which a loop over words is quicker than a call that fills or copies. */
const LOOP_MAX = 256;
/** Granules of the smallest large block. */
const LEAST_LARGE: number = Math.floor(SMALL_MAX / GRANULE) + 1;

/** The common part of {@link Spans} and {@link SharedSpans}. */
export abstract class SpanHeap
  implements
    AlignedAllocator,
    ZeroedAllocator,
    ReallocatingAllocator,
    ExpandingAllocator,
    SizedDeallocator,
    UsableSize,
    Owner,
    Resolver,
    Inspectable,
    Footprint
{
  // Fields are declared, not defined, so that none is `undefined` at first: V8 then knows their types without a check. A field
  // that was stored once is a constant to it, and so are the place and length of `words`: a tenth of an operation's
  // time. A second store, even of the same value, would end that; growth of the memory does.
  declare readonly memory: LinearMemory;
  readonly alignment: number = 16;

  /** The memory as signed words, renewed on growth. */
  declare protected words: Int32Array;
  declare protected readonly runs: RunHeap;
  declare protected readonly pool: SpanPool;
  /** Word index of HEAP. */
  declare protected readonly heap: number;
  /** Word index of the first free block of class 0. */
  declare protected heads: number;
  /** The first granule. */
  declare protected readonly first: number;
  /** Number of granules up to the break, when last looked. */
  protected count = 0;
  /** Where the tag of granule 0 would stand, when last looked. */
  protected table = 0;
  /** What a live run of this heap has in the bits of owner and kind. */
  declare protected readonly liveTag: number;

  protected constructor(runs: RunHeap) {
    this.memory = runs.memory;
    this.runs = runs;
    this.pool = new SpanPool(runs);
    this.words = runs.words;
    this.heap = runs.heap;
    this.heads = runs.arena + HEADS;
    this.first = runs.words[runs.heap + FIRST]!;
    this.liveTag = runs.owner | LIVE;
    this.renew();
    // The break moves when the memory grows, so the next deallocation must look anew.
    this.memory.onGrow(() => {
      this.words = this.runs.words;
      this.count = 0;
    });
    watchersOf(this.memory).add(() => {
      // Nothing can be read where the views were detached and this instance is yet to see it.
      this.table = this.words[this.heap + TABLE] ?? 0;
    });
  }

  abstract deallocate(address: Address): void;

  /**
   * O(1). A small block is the first of its class's list: about 2 ns for three words read and two written, of which
   * only the block's own link may miss the cache.
   */
  allocate(size: number): Address {
    if (size <= SMALL_MAX && size >>> 0 === size) {
      const sizeClass = (size + 15) >>> UNIT_SHIFT;
      const { words } = this;
      // `| 0` spares V8 the checks for overflow and sign: these are indices below 2^30.
      const head = (this.heads + sizeClass) | 0;
      const address = words[head]!;
      const at = (this.table + (address >>> GRANULE_SHIFT)) | 0;
      const tag = words[at]!;
      const bit = FIRST_BLOCK << ((address >>> UNIT_SHIFT) & UNIT_MASK);
      // True for a free block; false at the end of the list, and where a stale pointer spoiled a link.
      if ((tag & (bit | KIND)) === SPAN) {
        words[at] = tag | bit;
        words[head] = words[address >>> 2]!;
        return address >>> 0;
      }
    }
    // `>>> 0` tells V8 that both ways give an integer: without it, it boxes the result and converts it back, for 3 ns.
    return this.allocateElsewhere(size) >>> 0;
  }

  allocateAligned(alignment: number, size: number): Address {
    expectAlignment(alignment);
    if (alignment <= this.alignment) return this.allocate(size);
    // Spans begin at granules, so in a class whose size is a multiple of the alignment every block is aligned.
    const rounded = Math.max(1, Math.ceil(size / alignment)) * alignment;
    if (rounded <= SMALL_MAX && alignment <= GRANULE) return this.allocate(size < 0 ? size : rounded);
    if (!isLarge(size)) return NULL;
    this.wake();
    const granules = Math.max(LEAST_LARGE, Math.ceil(size / GRANULE));
    const step = Math.ceil(alignment / GRANULE);
    const run = this.runs.takeAligned(granules, step) || this.obtainAligned(granules, step);
    return addressOf(run);
  }

  /** As `allocate`, and 0.3 ns for each word of a block up to 256 bytes. */
  allocateZeroed(size: number): Address {
    this.wake();
    const fresh = this.words[this.heap + FRESH]!;
    const address = this.allocate(size);
    if (address === NULL) return NULL;
    if (size <= LOOP_MAX) {
      // A call to fill costs as much as storing some fifty words. A small block's size is a multiple of four words.
      const { words } = this;
      const end = (address + size + 3) >>> 2;
      for (let at = address >>> 2; at < end; at += 4) {
        words[at] = 0;
        words[at + 1] = 0;
        words[at + 2] = 0;
        words[at + 3] = 0;
      }
    } else {
      // Memory behind the highest run that was ever handed out is zero as it came from the system.
      const end = size <= SMALL_MAX ? address + size : Math.min(address + size, fresh * GRANULE);
      if (end > address) this.memory.fill(address, end - address, 0);
    }
    return address;
  }

  /** As an allocation and a deallocation and the copying; less where the block can stay where it is. */
  reallocate(address: Address, size: number): Address {
    const granule = address >>> GRANULE_SHIFT;
    if (
      size <= SMALL_MAX &&
      size >>> 0 === size &&
      (granule - this.first) >>> 0 < this.count &&
      address >>> 0 === address &&
      (address & UNIT_MASK) === 0
    ) {
      const { words } = this;
      const tag = words[this.table + granule]!;
      const bit = FIRST_BLOCK << ((address >>> UNIT_SHIFT) & UNIT_MASK);
      if ((tag & (bit | KIND)) === (bit | SPAN)) {
        const old = CLASS_SIZE[(tag & CLASS_BITS) >>> CLASS_SHIFT]!;
        if (size <= old && (size + UNIT_MASK) * 2 >= old) return address;
        return this.move(address, old, size);
      }
    }
    if (address === NULL) return this.allocate(size);
    const old = this.usableSize(address);
    if (!isLarge(size)) return NULL;
    return this.resize(address, old, size, old / 2) ? address : this.move(address, old, size);
  }

  /** The second half of reallocate: a new block, and the old one's bytes in it. */
  private move(address: Address, old: number, size: number): Address {
    const moved = this.allocate(size);
    if (moved === NULL) return size <= old ? address : NULL;
    const length = Math.min(old, this.goodSize(size));
    if (length <= LOOP_MAX) {
      // Both are small blocks, whose sizes are multiples of four words.
      const { words } = this;
      let to = moved >>> 2;
      let from = address >>> 2;
      for (const end = from + (length >>> 2); from < end; from += 4) {
        words[to] = words[from]!;
        words[to + 1] = words[from + 1]!;
        words[to + 2] = words[from + 2]!;
        words[to + 3] = words[from + 3]!;
        to += 4;
      }
    } else this.memory.copy(moved, address, length);
    this.deallocate(address);
    return moved;
  }

  expand(address: Address, size: number): boolean {
    const old = this.usableSize(address);
    return isLarge(size) && this.resize(address, old, size, 0);
  }

  deallocateSized(address: Address, size: number): void {
    if (address !== NULL) {
      const usable = this.usableSize(address);
      const large = usable > SMALL_MAX;
      if (large ? Math.max(this.goodSize(size), LEAST_LARGE * GRANULE) !== usable : !(size <= usable)) {
        throw new InvalidArgumentError("size", size, `the size of the block, which has ${usable} bytes`);
      }
    }
    this.deallocate(address);
  }

  usableSize(address: Address): number {
    const granule = address >>> GRANULE_SHIFT;
    if ((granule - this.first) >>> 0 < this.count && address >>> 0 === address) {
      const tag = this.words[this.table + granule]!;
      const bit = FIRST_BLOCK << ((address >>> UNIT_SHIFT) & UNIT_MASK);
      if ((tag & (bit | KIND)) === (bit | SPAN)) {
        if ((address & UNIT_MASK) === 0) return CLASS_SIZE[(tag & CLASS_BITS) >>> CLASS_SHIFT]!;
      } else if (isLiveRun(tag) && (address & (GRANULE - 1)) === 0) {
        return (tag >>> LENGTH_SHIFT) * GRANULE;
      }
    }
    if (this.renew()) return this.usableSize(address);
    throw this.fault(address);
  }

  goodSize(size: number): number {
    if (size <= SMALL_MAX && size >>> 0 === size) return CLASS_SIZE[(size + 15) >>> UNIT_SHIFT]!;
    expectSize(size);
    return Math.ceil(size / GRANULE) * GRANULE;
  }

  owns(address: Address): boolean {
    const granule = address / GRANULE;
    this.wake();
    const first = this.first + PROLOGUE_BYTES / GRANULE;
    return Number.isInteger(address) && granule >= first && granule < this.words[this.heap + END]!;
  }

  /** O(1) in spans, O(block size / 256) for large blocks. */
  resolve(address: Address): Address {
    this.renew();
    if (!this.owns(address)) return NULL;
    const tag = this.words[this.table + this.runAround(address)]!;
    if ((tag & KIND) === SPAN) {
      const block = this.blockAround(address);
      return this.isLive(block) ? block : NULL;
    }
    return isLiveRun(tag) ? addressOf(this.runAround(address)) : NULL;
  }

  walk(): Iterable<BlockInfo> {
    this.wake();
    return walkHeap(this.runs);
  }

  check(): readonly HeapFault[] {
    this.wake();
    return checkHeap(this.runs);
  }

  stats(): HeapStats {
    this.wake();
    return heapStats(this.runs);
  }

  footprint(): number {
    this.wake();
    return (this.words[this.heap + END]! - this.first) * GRANULE;
  }

  /** Off the fast path: no small size, no free block of its class, or this instance has yet to see what another did. */
  private allocateElsewhere(size: number): Address {
    if (size > SMALL_MAX || size >>> 0 !== size) return this.allocateLarge(size);
    return this.allocateFromSpan((size + 15) >>> UNIT_SHIFT);
  }

  protected allocateFromSpan(sizeClass: number): Address {
    if (!this.renew() && !this.pool.fill(sizeClass)) return NULL;
    this.renew();
    return this.allocate(sizeClass << UNIT_SHIFT);
  }

  /** About 20 ns: two bitmap words and a few tags. */
  protected allocateLarge(size: number): Address {
    if (!isLarge(size)) return NULL;
    this.wake();
    const run = this.pool.obtain((size + GRANULE - 1) >>> GRANULE_SHIFT);
    return (run << GRANULE_SHIFT) >>> 0;
  }

  /** Makes room for an aligned run at the end of the heap. */
  private obtainAligned(granules: number, step: number): number {
    const run = this.pool.obtain(granules + step - 1);
    if (run === 0) return 0;
    this.runs.give(run, granules + step - 1);
    return this.runs.takeAligned(granules, step);
  }

  /** Fits a block to `size` where it stands, unless that would keep a small block where less than `worth` would do. */
  protected resize(address: Address, old: number, size: number, worth: number): boolean {
    if (old <= SMALL_MAX) return size <= old && (size >= worth || this.goodSize(size) >= worth);
    if (size <= SMALL_MAX && worth > 0) return false;
    const run = address >>> GRANULE_SHIFT;
    const granules = Math.max(LEAST_LARGE, Math.ceil(size / GRANULE));
    const now = old / GRANULE;
    if (granules <= now) {
      this.runs.shorten(run, granules);
      return true;
    }
    if (this.runs.lengthen(run, granules)) return true;
    const last = run + now === this.words[this.heap + END]!;
    return last && this.runs.grow(granules - now) && this.runs.lengthen(run, granules);
  }

  /** What is left to the fast path: large blocks, NULL, a heap that grew elsewhere, misuse. */
  protected deallocateOther(address: Address): void {
    const granule = address >>> GRANULE_SHIFT;
    if ((granule - this.first) >>> 0 < this.count && address >>> 0 === address && address % GRANULE === 0) {
      const tag = this.words[this.table + granule]!;
      if ((tag & (OWNER_MASK | KIND)) === this.liveTag) {
        this.runs.give(granule, tag >>> LENGTH_SHIFT);
        return;
      }
    }
    if (address === NULL) return;
    if (!this.renew()) throw this.fault(address);
    this.deallocate(address);
  }

  /** Looks anew if the views were detached by growth that this instance was not told of. */
  protected wake(): void {
    if (this.words.length === 0) this.renew();
  }

  /** Takes over what has changed under this instance: the views, the table, the break. Returns whether anything had. */
  protected renew(): boolean {
    const { words, count, table } = this;
    const end = words[this.heap + END] ?? 0;
    // Views of nothing were detached by another instance's growth; of a shared memory they just stay short.
    if (words.length === 0 || end > words.length / (GRANULE / 4)) this.memory.refresh();
    this.count = this.words[this.heap + END]! - this.first;
    this.table = this.words[this.heap + TABLE]!;
    return this.words !== words || this.count !== count || this.table !== table;
  }

  /** The first granule of the run that holds `address`, or its own one in a span. */
  private runAround(address: Address): number {
    let granule = address >>> GRANULE_SHIFT;
    while ((this.words[this.table + granule]! & KIND) === NONE) granule--;
    return granule;
  }

  /** The block that holds an address in a span; its tail counts as a block too. */
  private blockAround(address: Address): Address {
    const tag = this.words[this.table + (address >>> GRANULE_SHIFT)]!;
    const base = addressOf((address >>> GRANULE_SHIFT) - ((tag >>> BACK_SHIFT) & BACK_MAX));
    const size = CLASS_SIZE[(tag & CLASS_BITS) >>> CLASS_SHIFT]!;
    return base + Math.trunc((address - base) / size) * size;
  }

  /** Whether a live block begins at an address in a span. */
  protected isLive(address: Address): boolean {
    const tag = this.words[this.table + (address >>> GRANULE_SHIFT)]!;
    return (tag & (FIRST_BLOCK << ((address >>> UNIT_SHIFT) & UNIT_MASK))) !== 0;
  }

  /** Says what is wrong with an address that is no live block. */
  protected fault(address: Address): Error {
    if (address >>> 0 !== address) return new InvalidPointerError(address, "is no address");
    if (!this.owns(address)) return new InvalidPointerError(address, "is outside the heap");
    if (address % this.alignment !== 0) return new InvalidPointerError(address, "is not 16-byte aligned");
    const kind = this.words[this.table + this.runAround(address)]! & KIND;
    if (kind === FREE || (kind === SPAN && this.blockAround(address) === address))
      return new DoubleFreeError(address);
    return new InvalidPointerError(address, "is no block of this heap");
  }
}

/** Whether a tag is that of a run handed out to a user. */
const isLiveRun = (tag: number): boolean => (tag & KIND) === LIVE && (tag & OWNER_MASK) !== META_OWNER;

/** Whether `size`, no small one, can be served at all. Throws when it is no size. */
const isLarge = (size: number): boolean => {
  expectSize(size);
  return size <= LARGE_MAX;
};
