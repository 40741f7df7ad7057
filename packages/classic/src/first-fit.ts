import { type Address, NULL, type PageSource } from "@heapwright/allocator";
import { AddressOrderedHeap, HEAD, LIST_BYTES, NEXT } from "./address-order.ts";

/*
 * First fit: the free chunks stand in one doubly linked list in address order, and the first that is large enough is
 * taken, cut at its low end. Small remainders gather at the beginning of the list, large chunks survive at its end:
 * little fragmentation (Wilson, Johnstone, Neely, Boles, "Dynamic storage allocation: a survey and critical review",
 * 1995), paid for by a search that grows with the number of free chunks.
 *
 *   free list:  head -> chunk <-> chunk <-> chunk <-> chunk
 *               sizes     16       40       16       2000      a request of 32 takes the second
 */

/**
 * First fit over boundary tags, free chunks in address order.
 *
 * Allocation and deallocation are O(free chunks). Vital statistics and misuse found: as all heaps with boundary
 * tags here, 8-byte alignment, 4 bytes of overhead, 16 bytes at least; a double free and an address that is no block
 * are found unless the words in front of it were reused.
 *
 * @example
 * ```ts
 * import { FirstFit } from "@heapwright/classic";
 * import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
 *
 * const heap = new FirstFit(LinearPages.create(LinearMemory.growing()));
 * const block = heap.allocate(100);
 * heap.deallocate(block);
 * ```
 */
export class FirstFit extends AddressOrderedHeap {
  /**
   * @param source Where memory comes from.
   * @param at The {@link TaggedHeap.base} of a heap to attach to; a new one unless given.
   * @throws AttachError when no such heap stands there.
   */
  constructor(source: PageSource, at: Address = NULL) {
    super(source, "FFIT", LIST_BYTES / 4, at);
  }

  protected find(size: number): Address {
    const { memory } = this;
    let chunk = memory.load32(this.roots + HEAD);
    while (chunk !== NULL && this.sizeOf(chunk) < size) chunk = memory.load32(chunk + NEXT);
    return chunk;
  }
}
