import type { Address } from "./address.ts";
import type { Memory } from "./memory.ts";

/**
 * The contract that every strategy and every combinator keeps.
 *
 * A *block* is the byte range `[address, address + size)` that `allocate(size)` handed out. It is *live* until it is
 * deallocated, reallocated or the allocator forgets all blocks at once. At every moment:
 *
 * - live blocks lie inside `memory` and never overlap each other or the allocator's own data;
 * - the allocator never writes to the bytes of a live block;
 * - every address handed out is a multiple of `alignment`, and never {@link NULL}.
 *
 * Further abilities (aligned, zeroed, reallocate, walk ...) are capabilities: interfaces of their own that a class
 * implements only when they are real, and that callers detect by the type guards beside them.
 *
 * @example
 * ```ts
 * import { FirstFit } from "@heapwright/classic";
 * import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
 *
 * const heap = new FirstFit(LinearPages.create(LinearMemory.fixed(65536)));
 * const block = heap.allocate(100);
 * heap.memory.store32(block, 42);
 * heap.deallocate(block);
 * ```
 */
export interface Allocator {
  /** The memory that holds the blocks and the allocator's state. */
  readonly memory: Memory;
  /** Every block's address is a multiple of this many bytes: a power of two, at least 4. */
  readonly alignment: number;

  /**
   * Takes a block of at least `size` bytes, contents undefined.
   *
   * @param size Bytes: an integer from 0 to 2^53 - 1. A size of 0 gives a block of its own, distinct from all other
   * live ones, as C's `malloc(0)` does in glibc. A size beyond what the allocator can ever serve is exhaustion.
   * @returns the block's address, or {@link NULL} when the allocator is exhausted; then nothing has changed.
   * @throws InvalidArgumentError when `size` is negative, fractional or not a number; nothing has changed.
   */
  allocate(size: number): Address;

  /**
   * Gives a live block back. `NULL` is accepted and does nothing.
   *
   * Before: `address` came from this allocator and is live. After: the block's bytes belong to the allocator.
   *
   * @throws InvalidPointerError when `address` is not an integer inside the memory, is misaligned, or is recognised
   * as no block of this allocator.
   * @throws DoubleFreeError when the block is recognised as free already. How much misuse is recognised beyond the
   * argument's form is part of each strategy's documentation.
   * @throws HeapCorruptionError when the block's surroundings are not what the allocator wrote; a strategy that
   * speaks another library's words may throw it, with those words, in place of the other two. After any of the three
   * nothing has changed.
   */
  deallocate(address: Address): void;
}
