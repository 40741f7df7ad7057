import { type Address, HeapCorruptionError, type HeapFault, NULL } from "@heapwright/allocator";
import { TaggedHeap } from "./boundary-tags.ts";

/*
 * The free chunks of first, next and best fit, in a binary tree that is in order in two ways: from left to right by one
 * measure, from the root down by another.
 *
 *                     chunk                 each: +4 left subtree, +8 right subtree; NULL for none
 *                    /     \
 *              chunk        chunk           everything to the left comes before, everything below ranks lower
 *             /     \
 *        chunk       chunk
 *
 * Such a tree is determined by its nodes alone, so it needs no balancing: to insert is to split a subtree at a place, to
 * remove is to join two (Vuillemin's Cartesian tree; Seidel and Aragon's treap). When the rank has nothing to do with
 * the place, its depth is logarithmic.
 */
const LEFT = 4;
const RIGHT = 8;

/** A number that has nothing to do with where a chunk is, and no other chunk's equals: an odd multiple, modulo 2^32. */
export const scramble = (chunk: Address): number => Math.imul(chunk >>> 2, 0x9e3779b1) >>> 0;

/** A heap with boundary tags whose free chunks stand in a tree. All operations O(depth). */
export abstract class FreeTreeHeap extends TaggedHeap {
  /** Whether free chunk `a` stands to the left of free chunk `b`. A strict total order. */
  protected abstract isBefore(a: Address, b: Address): boolean;
  /** Whether free chunk `a` stands above free chunk `b` when one is the other's ancestor. A strict total order. */
  protected abstract isAbove(a: Address, b: Address): boolean;

  /** The root of the tree, or `NULL`. */
  protected root(): Address {
    return this.memory.load32(this.roots);
  }
  /** The root of the left subtree, or `NULL`. */
  protected left(chunk: Address): Address {
    return this.memory.load32(chunk + LEFT);
  }
  /** The root of the right subtree, or `NULL`. */
  protected right(chunk: Address): Address {
    return this.memory.load32(chunk + RIGHT);
  }

  /** Goes down to where the rank allows, and splits the subtree there into what is before and after the chunk. */
  protected insert(chunk: Address): void {
    const { memory } = this;
    let slot = this.roots;
    let node = memory.load32(slot);
    while (node !== NULL && this.isAbove(node, chunk)) {
      slot = node + (this.isBefore(chunk, node) ? LEFT : RIGHT);
      node = memory.load32(slot);
    }
    memory.store32(slot, chunk);
    let before = chunk + LEFT;
    let after = chunk + RIGHT;
    while (node !== NULL) {
      if (this.isBefore(node, chunk)) {
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

  /** Joins the two subtrees of the chunk in its place. */
  protected remove(chunk: Address): void {
    const { memory } = this;
    let slot = this.roots;
    for (let node = memory.load32(slot); node !== chunk; node = memory.load32(slot)) {
      if (node === NULL) throw new HeapCorruptionError(chunk, "a free chunk is not in the tree");
      slot = node + (this.isBefore(chunk, node) ? LEFT : RIGHT);
    }
    let left = memory.load32(chunk + LEFT);
    let right = memory.load32(chunk + RIGHT);
    while (left !== NULL && right !== NULL) {
      if (this.isAbove(left, right)) {
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
    const known = new Set<Address>();
    const path: Address[] = [];
    let last: Address = NULL;
    let node = this.root();
    while (node !== NULL || path.length > 0) {
      for (; node !== NULL; node = this.left(node)) {
        if (known.has(node) || !this.owns(node) || node % 8 !== 4) {
          faults.push({ address: node, fault: "the tree leads in a circle or out of the heap" });
          return known;
        }
        known.add(node);
        path.push(node);
      }
      const current = path.pop()!;
      if (last !== NULL && !this.isBefore(last, current)) {
        faults.push({ address: current, fault: "the tree is not in order from left to right" });
      }
      for (const child of [this.left(current), this.right(current)]) {
        if (child !== NULL && !this.isAbove(current, child)) {
          faults.push({ address: child, fault: "a chunk in the tree ranks above its parent" });
        }
      }
      last = current;
      node = this.right(current);
    }
    return known;
  }
}

/**
 * A heap whose tree is in address order, the larger chunks above the smaller ones: so a subtree holds a chunk that is large
 * enough exactly when its root is. Stephenson, "Fast fits: new methods for dynamic storage allocation", 1983.
 */
export abstract class AddressOrderedHeap extends FreeTreeHeap {
  protected isBefore(a: Address, b: Address): boolean {
    return a < b;
  }

  protected isAbove(a: Address, b: Address): boolean {
    const difference = this.sizeOf(a) - this.sizeOf(b);
    // Many chunks have one size: among them chance decides, lest the tree become a list.
    return difference > 0 || (difference === 0 && scramble(a) > scramble(b));
  }

  /** The lowest free chunk at `from` or above that has `size` bytes, or `NULL`. O(depth). */
  protected lowest(from: Address, size: number): Address {
    let found: Address = NULL;
    let node = this.root();
    while (node !== NULL && this.sizeOf(node) >= size) {
      if (node < from) {
        node = this.right(node);
      } else {
        found = node;
        node = this.left(node);
      }
    }
    return found;
  }
}
