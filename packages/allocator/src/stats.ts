import type { Address } from "./address.ts";

/** What a block that {@link Inspectable.walk} yields is used for. */
export type BlockState =
  /** Handed out to the user. */
  | "live"
  /** Free, and can be handed out again. */
  | "free"
  /** Freed, but kept in a cache (tcache, fast bin, magazine, quarantine) without being merged. */
  | "cached"
  /** The unused end of the heap, from which new blocks are cut (glibc's top chunk, an untouched tail). */
  | "top"
  /** The allocator's own data. */
  | "meta";

/** One block of a heap, as {@link Inspectable.walk} finds it. */
export interface BlockInfo {
  /** Where the block begins, its header included. */
  readonly address: Address;
  /** Bytes from `address` to the next block, overhead included. */
  readonly size: number;
  /** What it is used for. */
  readonly state: BlockState;
  /**
   * The address the user holds or would get (after the header), when the block is not `"meta"`. The usable bytes from
   * there on may reach up to 16 bytes over the end of the block, where a strategy lends a neighbour's header (glibc).
   */
  readonly payload?: Address;
  /** The free list that holds the block, in the strategy's own words (`"fast 32"`, `"order 3"`). */
  readonly bin?: string;
}

/** One broken invariant, as {@link Inspectable.check} finds it. */
export interface HeapFault {
  /** The block or field at fault. */
  readonly address: Address;
  /** What is wrong, with the values that show it. */
  readonly fault: string;
}

/**
 * The state of a heap in numbers. All sizes are bytes. Always
 * `allocatedBytes + freeBytes <= heapBytes`; the difference is the allocator's own data.
 *
 * The numbers are those of `Inspectable.walk`: `allocatedBytes` is the sum of its live blocks' sizes, `freeBytes`
 * that of its free, cached and top blocks.
 */
export interface HeapStats {
  /** Bytes that the heap now holds of its memory or page source, used or not. */
  readonly heapBytes: number;
  /** Bytes in live blocks, with their headers and rounding. */
  readonly allocatedBytes: number;
  /** Bytes that could serve later allocations, cached blocks and top included. */
  readonly freeBytes: number;
  /** Number of live blocks. */
  readonly liveBlocks: number;
  /** Number of free blocks, cached ones included. */
  readonly freeBlocks: number;
  /** The largest free block, in bytes: what bounds the largest allocation that needs no growth. */
  readonly largestFreeBytes: number;
}
