import { type Address, type HeapFault, NULL } from "@heapwright/allocator";
import { TaggedHeap } from "./boundary-tags.ts";

/*
 * The free list of first fit and next fit: all free chunks, doubly linked, in address order.
 *
 *   head -> chunk <-> chunk <-> chunk      each: +4 next, +8 previous; NULL ends the list
 *                       ^ finger
 *
 * The finger is where the list was last changed, or NULL. A chunk that is given back is sorted in from there, in either
 * direction, which is near when programs free what they allocated together.
 */

/** Offset of the first chunk of the list, from the strategy's words of state. */
export const HEAD = 0;
const FINGER = 4;
/** Bytes of state that the list takes. */
export const LIST_BYTES = 8;

/** Offset of the link to the next free chunk. */
export const NEXT = 4;
const PREVIOUS = 8;

/** A heap with boundary tags whose free chunks are listed in address order. Insertion is O(free chunks). */
export abstract class AddressOrderedHeap extends TaggedHeap {
  protected insert(chunk: Address): void {
    const { memory, roots } = this;
    let previous = memory.load32(roots + FINGER);
    let next: Address = NULL;
    if (previous < chunk) {
      next = previous === NULL ? memory.load32(roots + HEAD) : memory.load32(previous + NEXT);
      while (next !== NULL && next < chunk) {
        previous = next;
        next = memory.load32(next + NEXT);
      }
    } else {
      while (previous > chunk) {
        next = previous;
        previous = memory.load32(previous + PREVIOUS);
      }
    }
    memory.store32(chunk + NEXT, next);
    memory.store32(chunk + PREVIOUS, previous);
    memory.store32(previous === NULL ? roots + HEAD : previous + NEXT, chunk);
    if (next !== NULL) memory.store32(next + PREVIOUS, chunk);
    memory.store32(roots + FINGER, chunk);
  }

  protected remove(chunk: Address): void {
    const { memory, roots } = this;
    const next = memory.load32(chunk + NEXT);
    const previous = memory.load32(chunk + PREVIOUS);
    memory.store32(previous === NULL ? roots + HEAD : previous + NEXT, next);
    if (next !== NULL) memory.store32(next + PREVIOUS, previous);
    if (memory.load32(roots + FINGER) === chunk) memory.store32(roots + FINGER, previous);
  }

  protected inspect(faults: HeapFault[]): Set<Address> {
    const { memory } = this;
    const known = new Set<Address>();
    let previous: Address = NULL;
    for (let chunk = memory.load32(this.roots + HEAD); chunk !== NULL; chunk = memory.load32(chunk + NEXT)) {
      if (chunk <= previous || !this.owns(chunk)) {
        faults.push({ address: chunk, fault: "the free list is not in address order" });
        break;
      }
      if (memory.load32(chunk + PREVIOUS) !== previous) {
        faults.push({ address: chunk, fault: "the free list is broken backwards" });
      }
      known.add(chunk);
      previous = chunk;
    }
    const finger = memory.load32(this.roots + FINGER);
    if (finger !== NULL && !known.has(finger)) {
      faults.push({ address: finger, fault: "the finger is not on the list" });
    }
    return known;
  }
}
