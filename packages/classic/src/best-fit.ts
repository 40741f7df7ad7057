import {
  type Address,
  HeapCorruptionError,
  type HeapFault,
  NULL,
  type PageSource,
} from "@heapwright/allocator";
import { TaggedHeap } from "./boundary-tags.ts";

/*
 * Best fit, address ordered: the smallest free chunk that is large enough, and of several of one size the one at the
 * lowest address. With coalescing the least fragmentation of the simple policies on real programs (Johnstone, Wilson,
 * "The memory fragmentation problem: solved?", 1998).
 *
 * The free chunks stand in a search tree by (size, address), so that the best fit is found in O(log free chunks):
 *
 *                 160 @ 0x5000              each: +4 left subtree, +8 right subtree
 *                /            \
 *      24 @ 0x1000            512 @ 0x2000
 *
 * It is a treap (Seidel, Aragon, "Randomized search trees", 1996): a node's priority, a hash of its address, is
 * greater than its children's, which keeps the tree shallow without any further word in the node.
 */
const LEFT = 4;
const RIGHT = 8;

const priority = (chunk: Address): number => Math.imul(chunk >>> 2, 0x9e3779b1) >>> 0;

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
export class BestFit extends TaggedHeap {
  /**
   * @param source Where memory comes from.
   * @param at The {@link TaggedHeap.base} of a heap to attach to; a new one unless given.
   * @throws AttachError when no such heap stands there.
   */
  constructor(source: PageSource, at: Address = NULL) {
    super(source, "BFIT", 1, at);
  }

  /** The order of the tree. */
  #before(a: Address, b: Address): boolean {
    const difference = this.sizeOf(a) - this.sizeOf(b);
    return difference < 0 || (difference === 0 && a < b);
  }

  protected find(size: number): Address {
    const { memory } = this;
    let best: Address = NULL;
    let node = memory.load32(this.roots);
    while (node !== NULL) {
      const fits = this.sizeOf(node) >= size;
      if (fits) best = node;
      node = memory.load32(node + (fits ? LEFT : RIGHT));
    }
    return best;
  }

  /** Goes down to where the priority allows, and splits the subtree there into what is before and after the chunk. */
  protected insert(chunk: Address): void {
    const { memory } = this;
    let slot = this.roots;
    let node = memory.load32(slot);
    while (node !== NULL && priority(node) > priority(chunk)) {
      slot = node + (this.#before(chunk, node) ? LEFT : RIGHT);
      node = memory.load32(slot);
    }
    memory.store32(slot, chunk);
    let before = chunk + LEFT;
    let after = chunk + RIGHT;
    while (node !== NULL) {
      if (this.#before(node, chunk)) {
        memory.store32(before, node);
        before = node + RIGHT;
        node = memory.load32(before);
      } else {
        memory.store32(after, node);
        after = node + LEFT;
        node = memory.load32(after);
      }
    }
    memory.store32(before, NULL);
    memory.store32(after, NULL);
  }

  /** Puts the two subtrees of the chunk together in its place. */
  protected remove(chunk: Address): void {
    const { memory } = this;
    let slot = this.roots;
    for (let node = memory.load32(slot); node !== chunk; node = memory.load32(slot)) {
      if (node === NULL) throw new HeapCorruptionError(chunk, "a free chunk is not in the tree");
      slot = node + (this.#before(chunk, node) ? LEFT : RIGHT);
    }
    let left = memory.load32(chunk + LEFT);
    let right = memory.load32(chunk + RIGHT);
    while (left !== NULL && right !== NULL) {
      if (priority(left) > priority(right)) {
        memory.store32(slot, left);
        slot = left + RIGHT;
        left = memory.load32(slot);
      } else {
        memory.store32(slot, right);
        slot = right + LEFT;
        right = memory.load32(slot);
      }
    }
    memory.store32(slot, left || right);
  }

  protected inspect(faults: HeapFault[]): Set<Address> {
    const { memory } = this;
    const known = new Set<Address>();
    const path: Address[] = [];
    let last: Address = NULL;
    let node = memory.load32(this.roots);
    while (node !== NULL || path.length > 0) {
      while (node !== NULL) {
        if (known.has(node) || !this.owns(node)) {
          faults.push({ address: node, fault: "the tree leads in a circle or out of the heap" });
          return known;
        }
        known.add(node);
        const parent = path.at(-1);
        if (
          parent !== undefined &&
          memory.load32(parent + LEFT) === node &&
          priority(node) > priority(parent)
        ) {
          faults.push({ address: node, fault: "a node's priority exceeds its parent's" });
        }
        path.push(node);
        node = memory.load32(node + LEFT);
      }
      const current = path.pop()!;
      if (last !== NULL && !this.#before(last, current)) {
        faults.push({ address: current, fault: "the tree is not in order of size and address" });
      }
      last = current;
      node = memory.load32(current + RIGHT);
      if (node !== NULL && priority(node) > priority(current)) {
        faults.push({ address: node, fault: "a node's priority exceeds its parent's" });
      }
    }
    return known;
  }
}
