import { type Address, NULL, type PageSource } from "@heapwright/allocator";
import { AddressOrderedHeap } from "./free-tree.ts";

/*
 * First fit: of the free chunks, the one at the lowest address that is large enough, cut at its low end. Small remainders
 * gather low in the heap, large chunks survive high in it: little fragmentation (Wilson, Johnstone, Neely, Boles,
 * "Dynamic storage allocation: a survey and critical review", 1995).
 *
 *   free chunks in address order:  16   40   16   24   2000        a request of 32 takes the second
 *
 * The textbook walks a list of the free chunks from its beginning, over all the small remainders. Here they stand in a
 * tree, in address order from left to right and by size from the root down, in which the same chunk is found on one
 * way down:
 *
 *                  2000        root too small: nothing fits
 *                 /            left subtree's root large enough: a lower chunk fits, go there
 *               40             else: this one
 *              /  \
 *            16    24
 *                 /
 *               16
 */

/**
 * First fit over boundary tags, free chunks in address order.
 *
 * Allocation and deallocation are O(log free chunks) as long as sizes do not rise or fall with the address. Vital
 * statistics and misuse found: as all heaps with boundary tags here, 8-byte alignment, 4 bytes of overhead, 16 bytes at
 * least; a double free and an address that is no block are found unless the words in front of it were reused.
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
    super(source, "FFIT", 1, at);
  }

  protected find(size: number): Address {
    return this.lowest(NULL, size);
  }
}
