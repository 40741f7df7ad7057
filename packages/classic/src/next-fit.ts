import { type Address, NULL, type PageSource } from "@heapwright/allocator";
import { AddressOrderedHeap } from "./free-tree.ts";

/*
 * Next fit: first fit that does not begin at the beginning each time, but where it stopped, and goes round. Knuth's remedy
 * for the small remainders that a walk from the beginning must step over; in exchange, large chunks are broken up
 * everywhere, and blocks of different age are mixed. More fragmentation than first fit on nearly all programs.
 *
 *   free chunks in address order:  16   40   16   24   2000        a request of 32 takes the last, the next one
 *                                            ^ place               the second
 *
 * The place is where a chunk was last taken; what was left of that chunk is the first candidate. The free chunks stand in
 * the same tree as first fit's. Knuth, The Art of Computer Programming 1, 2.5, exercise 6.
 */

/** Offset of the place in the strategy's state, after the root. */
const PLACE = 4;

/**
 * Next fit over boundary tags: the search goes on where the last one ended.
 *
 * Allocation and deallocation are O(log free chunks) as long as sizes do not rise or fall with the address. Vital
 * statistics and misuse found: as {@link FirstFit}.
 *
 * @example
 * ```ts
 * import { NextFit } from "@heapwright/classic";
 * import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
 *
 * const heap = new NextFit(LinearPages.create(LinearMemory.growing()));
 * const block = heap.allocate(100);
 * heap.deallocate(block);
 * ```
 */
export class NextFit extends AddressOrderedHeap {
  /**
   * @param source Where memory comes from.
   * @param at The {@link TaggedHeap.base} of a heap to attach to; a new one unless given.
   * @throws AttachError when no such heap stands there.
   */
  constructor(source: PageSource, at: Address = NULL) {
    super(source, "NFIT", 2, at);
  }

  protected find(size: number): Address {
    const { memory } = this;
    const place = this.roots + PLACE;
    const chunk = this.lowest(memory.load32(place), size) || this.lowest(NULL, size);
    if (chunk !== NULL) memory.store32(place, chunk);
    return chunk;
  }
}
