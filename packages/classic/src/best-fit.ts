import { type Address, NULL, type PageSource } from "@heapwright/allocator";
import { FreeTreeHeap, scramble } from "./free-tree.ts";

/*
 * Best fit, address ordered: the smallest free chunk that is large enough, and of several of one size the one at the
 * lowest address. With coalescing the least fragmentation of the simple policies on real programs (Johnstone, Wilson,
 * "The memory fragmentation problem: solved?", 1998).
 *
 * The free chunks stand in a search tree by size and address, in which the best fit is found on one way down:
 *
 *                 160 @ 0x5000              a request of 100: 160 fits, but perhaps a smaller one does (left);
 *                /            \             24 does not (right); nothing there, so 160 it is
 *      24 @ 0x1000            512 @ 0x2000
 *
 * Which chunk stands above which is decided by a scramble of their addresses: a treap (Seidel, Aragon, "Randomized search
 * trees", 1996), whose depth is logarithmic whatever the sizes.
 */

/**
 * Best fit over boundary tags, the lowest address among equals.
 *
 * Allocation and deallocation are O(log free chunks) expected. Vital statistics and misuse found: as {@link FirstFit}.
 *
 * @example
 * ```ts
 * import { BestFit } from "@heapwright/classic";
 * import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
 *
 * const heap = new BestFit(LinearPages.create(LinearMemory.growing()));
 * const block = heap.allocate(100);
 * heap.deallocate(block);
 * ```
 */
export class BestFit extends FreeTreeHeap {
  /**
   * @param source Where memory comes from.
   * @param at The {@link TaggedHeap.base} of a heap to attach to; a new one unless given.
   * @throws AttachError when no such heap stands there.
   */
  constructor(source: PageSource, at: Address = NULL) {
    super(source, "BFIT", 1, at);
  }

  protected isBefore(a: Address, b: Address): boolean {
    const difference = this.sizeOf(a) - this.sizeOf(b);
    return difference < 0 || (difference === 0 && a < b);
  }

  /** Chance decides, which keeps the tree shallow. */
  protected isAbove(a: Address, b: Address): boolean {
    return scramble(a) > scramble(b);
  }

  protected find(size: number): Address {
    let best: Address = NULL;
    let node = this.root();
    while (node !== NULL) {
      if (this.sizeOf(node) >= size) {
        best = node;
        node = this.left(node);
      } else {
        node = this.right(node);
      }
    }
    return best;
  }
}
