import type { Address } from "./address.ts";
import type { Allocator } from "./allocator.ts";
import type { BlockInfo, HeapFault, HeapStats } from "./stats.ts";

const has = (allocator: object, method: string): boolean =>
  typeof (allocator as Record<string, unknown>)[method] === "function";

/** Blocks at a stronger alignment than {@link Allocator.alignment}. C11's `aligned_alloc`. */
export interface AlignedAllocator extends Allocator {
  /**
   * As {@link Allocator.allocate}, at an address that is a multiple of `alignment`.
   *
   * @param alignment Bytes: a power of two from 1 to 2^31. Smaller ones than the allocator's own are rounded up to
   * it.
   * @throws InvalidArgumentError also when `alignment` is not such a power of two.
   */
  allocateAligned(alignment: number, size: number): Address;
}

/** Blocks whose first `size` bytes are zero. C's `calloc`. */
export interface ZeroedAllocator extends Allocator {
  /** As {@link Allocator.allocate}, with the first `size` bytes zero. Skips clearing where memory is known fresh. */
  allocateZeroed(size: number): Address;
}

/** Blocks that change their size, moving if they must. C's `realloc`. */
export interface ReallocatingAllocator extends Allocator {
  /**
   * Changes a live block's size; the first `min(old, new)` bytes keep their values.
   *
   * @param address The block, or `NULL`, which makes this an {@link Allocator.allocate}.
   * @param size Bytes, as for `allocate`; 0 keeps a block of its own (it does not free, unlike C's `realloc`).
   * @returns the block's address, which may have changed, or `NULL` when exhausted; then the old block is live
   * and untouched. A block that moved has {@link Allocator.alignment} only, however it was aligned before.
   * @throws InvalidArgumentError when `size` is none, and what {@link Allocator.deallocate} throws for an address
   * that is no live block; nothing has changed.
   */
  reallocate(address: Address, size: number): Address;
}

/** Blocks that can change size where they stand. */
export interface ExpandingAllocator extends Allocator {
  /**
   * Changes the size of the live block at `address` to at least `size` bytes without moving it. It may be smaller
   * than before.
   *
   * @returns whether it could; if not, nothing has changed.
   * @throws InvalidArgumentError when `size` is negative, fractional or not a number.
   */
  expand(address: Address, size: number): boolean;
}

/** Deallocation that is cheaper when the caller still knows the size. C++'s sized `operator delete`. */
export interface SizedDeallocator extends Allocator {
  /**
   * As {@link Allocator.deallocate}; `size` is the size that the block was asked for with, or its good size.
   *
   * @throws InvalidArgumentError when the allocator can see that the size is not the block's.
   */
  deallocateSized(address: Address, size: number): void;
}

/** How many bytes a block really has. glibc's `malloc_usable_size`, jemalloc's `nallocx`. */
export interface UsableSize extends Allocator {
  /** Bytes of the live block at `address` that the user may touch: at least what was asked for. */
  usableSize(address: Address): number;
  /**
   * The usable size that `allocate(size)` would give at least. Asking for it wastes nothing: it is its own good
   * size, and never less than the good size of a smaller one. For a size that no heap serves, any such number.
   */
  goodSize(size: number): number;
}

/** Knows its own blocks. D's `owns`. */
export interface Owner extends Allocator {
  /** Whether `address` lies in memory from which this allocator hands out blocks. False for `NULL`. Never throws. */
  owns(address: Address): boolean;
}

/** Finds the block around an address. D's `resolveInternalPointer`. */
export interface Resolver extends Allocator {
  /**
   * The address of the live block that contains the byte at `address`, or `NULL` when none does. A block of no bytes
   * contains its own address.
   */
  resolve(address: Address): Address;
}

/** Forgets all blocks at once. */
export interface Resettable extends Allocator {
  /** Every live block becomes free. The allocator is as new; its memory may stay with it. */
  deallocateAll(): void;
}

/** Gives unused memory back to where it came from. glibc's `malloc_trim`. */
export interface Trimmer extends Allocator {
  /**
   * Returns unused memory to the memory or page source.
   *
   * @param keep Bytes of unused memory to keep at the end of the heap, 0 to give back all.
   * @returns the number of bytes given back: at least what `HeapStats.heapBytes` shrinks by. Pages that stay part
   * of the heap but lose their contents (`madvise`) count too.
   * @throws InvalidArgumentError when `keep` is negative, fractional or not a number.
   */
  trim(keep: number): number;
}

/** Shows its inside. None of these changes the heap. */
export interface Inspectable extends Allocator {
  /** Every block of the heap in ascending address order. The heap must not be changed meanwhile. */
  walk(): Iterable<BlockInfo>;
  /** Verifies every invariant of every structure. Empty when the heap is sound. O(heap). */
  check(): readonly HeapFault[];
  /** The heap in numbers. */
  stats(): HeapStats;
}

/** Knows at any time, in O(1), how much memory it holds. */
export interface Footprint extends Allocator {
  /** Bytes now held of the memory or page source: what {@link HeapStats.heapBytes} says. */
  footprint(): number;
}

/** Whether `allocator` is an {@link AlignedAllocator}. */
export const isAligned = (allocator: Allocator): allocator is AlignedAllocator =>
  has(allocator, "allocateAligned");
/** Whether `allocator` is a {@link ZeroedAllocator}. */
export const isZeroed = (allocator: Allocator): allocator is ZeroedAllocator =>
  has(allocator, "allocateZeroed");
/** Whether `allocator` is a {@link ReallocatingAllocator}. */
export const isReallocating = (allocator: Allocator): allocator is ReallocatingAllocator =>
  has(allocator, "reallocate");
/** Whether `allocator` is an {@link ExpandingAllocator}. */
export const isExpanding = (allocator: Allocator): allocator is ExpandingAllocator =>
  has(allocator, "expand");
/** Whether `allocator` is a {@link SizedDeallocator}. */
export const isSizedDeallocator = (allocator: Allocator): allocator is SizedDeallocator =>
  has(allocator, "deallocateSized");
/** Whether `allocator` knows {@link UsableSize}. */
export const hasUsableSize = (allocator: Allocator): allocator is UsableSize => has(allocator, "usableSize");
/** Whether `allocator` is an {@link Owner}. */
export const isOwner = (allocator: Allocator): allocator is Owner => has(allocator, "owns");
/** Whether `allocator` is a {@link Resolver}. */
export const isResolver = (allocator: Allocator): allocator is Resolver => has(allocator, "resolve");
/** Whether `allocator` is {@link Resettable}. */
export const isResettable = (allocator: Allocator): allocator is Resettable =>
  has(allocator, "deallocateAll");
/** Whether `allocator` is a {@link Trimmer}. */
export const isTrimmer = (allocator: Allocator): allocator is Trimmer => has(allocator, "trim");
/** Whether `allocator` is {@link Inspectable}. */
export const isInspectable = (allocator: Allocator): allocator is Inspectable => has(allocator, "check");
/** Whether `allocator` knows its {@link Footprint}. */
export const hasFootprint = (allocator: Allocator): allocator is Footprint => has(allocator, "footprint");
