import { type Address, type HeapFault, NULL, type PageSource } from "@heapwright/allocator";
import { AddressOrderedHeap, HEAD, LIST_BYTES, NEXT } from "./address-order.ts";

/*
 * Next fit: first fit that does not begin at the beginning each time, but where it stopped. Knuth's remedy for the
 * small remainders that first fit must step over; in exchange, large chunks are broken up everywhere, and blocks of
 * different age are mixed. More fragmentation than first fit on nearly all programs.
 *
 *   head -> chunk <-> chunk <-> chunk -> NULL
 *                  ^            ^ rover
 *                  place where a chunk was last taken
 *
 * The list is in address order. The rover is always the first free chunk beyond the place, or NULL when there is none.
 * Knuth, The Art of Computer Programming 1, 2.5, exercise 6.
 */
const ROVER = LIST_BYTES;
const PLACE = LIST_BYTES + 4;
const STATE = LIST_BYTES + 8;

/**
 * Next fit over boundary tags: the search goes on where the last one ended.
 *
 * Allocation and deallocation are O(free chunks), mostly far less for allocation. Vital statistics and misuse found: as
 * {@link FirstFit}.
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
    super(source, "NFIT", STATE / 4, at);
  }

  protected find(size: number): Address {
    const { memory, roots } = this;
    const rover = memory.load32(roots + ROVER);
    const chunk = this.#search(rover, NULL, size) || this.#search(memory.load32(roots + HEAD), rover, size);
    if (chunk !== NULL) {
      memory.store32(roots + PLACE, chunk);
      memory.store32(roots + ROVER, chunk);
    }
    return chunk;
  }

  #search(from: Address, to: Address, size: number): Address {
    const { memory } = this;
    for (let chunk = from; chunk !== to; chunk = memory.load32(chunk + NEXT)) {
      if (this.sizeOf(chunk) >= size) return chunk;
    }
    return NULL;
  }

  protected override insert(chunk: Address): void {
    const { memory, roots } = this;
    super.insert(chunk);
    if (
      chunk >= memory.load32(roots + PLACE) &&
      memory.load32(roots + ROVER) === memory.load32(chunk + NEXT)
    ) {
      memory.store32(roots + ROVER, chunk);
    }
  }

  protected override remove(chunk: Address): void {
    const { memory, roots } = this;
    if (memory.load32(roots + ROVER) === chunk) memory.store32(roots + ROVER, memory.load32(chunk + NEXT));
    super.remove(chunk);
  }

  protected override inspect(faults: HeapFault[]): Set<Address> {
    const { memory, roots } = this;
    const known = super.inspect(faults);
    const place = memory.load32(roots + PLACE);
    const rover = memory.load32(roots + ROVER);
    let beyond: Address = NULL;
    for (const chunk of known) if (beyond === NULL && chunk >= place) beyond = chunk;
    if (rover !== beyond) {
      const fault = `the rover is 0x${rover.toString(16)}, not 0x${beyond.toString(16)}`;
      faults.push({ address: roots + ROVER, fault });
    }
    return known;
  }
}
