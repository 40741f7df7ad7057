import { type Address, type Memory, NULL } from "@heapwright/allocator";
import { FREE, Node, type Nodes, Word } from "./nodes.ts";
import { CLASSES, classAbove, classOf, LEVELS, SECOND_LEVELS } from "./size-classes.ts";

const SECOND_BITMAPS = Word.BINS + 8;
const HEADS = SECOND_BITMAPS + LEVELS * 4;
/** The first byte after the bins. */
export const BINS_END: number = Math.ceil((HEADS + CLASSES * 4) / 8) * 8;

/** Regions of a class that are looked at for the tightest fit before a larger class is taken. */
const PROBES = 16;

/** The least multiple of `alignment` that is at least `offset`. */
export const alignUp = (offset: number, alignment: number): number =>
  Math.ceil(offset / alignment) * alignment;

/**
 * The free regions by size: a doubly linked list for each class, and two levels of bitmaps that find the next class
 * with any.
 */
export class Bins {
  readonly #nodes: Nodes;

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
  }

  /** Enters a region of the given offset and size, as free. */
  insert(node: Address): void {
    const nodes = this.#nodes;
    const memory = nodes.memory;
    const size = nodes.size(node);
    const index = classOf(size);
    const head = HEADS + index * 4;
    const next = memory.load32(head);
    memory.store32(node + Node.STATE, FREE);
    memory.store32(node + Node.PREVIOUS, NULL);
    memory.store32(node + Node.NEXT, next);
    memory.store32(head, node);
    if (next !== NULL) memory.store32(next + Node.PREVIOUS, node);
    else this.#mark(memory, index);
    nodes.store(Word.FREE_SPACE, nodes.load(Word.FREE_SPACE) + size);
    memory.store32(Word.FREE_COUNT, memory.load32(Word.FREE_COUNT) + 1);
  }

  #mark(memory: Memory, index: number): void {
    const level = index >>> 5;
    const second = SECOND_BITMAPS + level * 4;
    const first = Word.BINS + (level >>> 5) * 4;
    memory.store32(second, memory.load32(second) | (1 << (index & 31)));
    memory.store32(first, memory.load32(first) | (1 << (level & 31)));
  }

  remove(node: Address): void {
    const nodes = this.#nodes;
    const memory = nodes.memory;
    const size = nodes.size(node);
    const next = memory.load32(node + Node.NEXT);
    const previous = memory.load32(node + Node.PREVIOUS);
    if (next !== NULL) memory.store32(next + Node.PREVIOUS, previous);
    if (previous !== NULL) memory.store32(previous + Node.NEXT, next);
    else {
      const index = classOf(size);
      memory.store32(HEADS + index * 4, next);
      if (next === NULL) this.#unmark(memory, index);
    }
    nodes.store(Word.FREE_SPACE, nodes.load(Word.FREE_SPACE) - size);
    memory.store32(Word.FREE_COUNT, memory.load32(Word.FREE_COUNT) - 1);
  }

  #unmark(memory: Memory, index: number): void {
    const level = index >>> 5;
    const second = SECOND_BITMAPS + level * 4;
    const rest = memory.load32(second) & ~(1 << (index & 31));
    memory.store32(second, rest);
    if (rest !== 0) return;
    const first = Word.BINS + (level >>> 5) * 4;
    memory.store32(first, memory.load32(first) & ~(1 << (level & 31)));
  }

  /** The first class from `index` on that has any region, or `CLASSES`. */
  next(index: number): number {
    const { memory } = this.#nodes;
    let level = index >>> 5;
    if (level >= LEVELS) return CLASSES;
    let bits = (memory.load32(SECOND_BITMAPS + level * 4) >>> (index & 31)) << (index & 31);
    while (bits === 0) {
      level++;
      const levels = memory.load32(Word.BINS + (level >>> 5) * 4) >>> (level & 31);
      if (levels !== 0) level += 31 - Math.clz32(levels & -levels);
      else level |= 31;
      if (level >= LEVELS) return CLASSES;
      bits = memory.load32(SECOND_BITMAPS + level * 4);
    }
    return level * SECOND_LEVELS + 31 - Math.clz32(bits & -bits);
  }

  /**
   * A free region in which `size` bytes fit at a multiple of `alignment`, or `NULL` only when there is none at all.
   *
   * 1. The classes whose regions may fit or not, smallest first, a few regions of each: the tightest fit wastes least.
   * 2. The first class whose regions all fit, alignment included. O(1).
   * 3. All regions of the classes of step 1. This is what two-level segregated fit leaves out, so that it refuses a
   *    request near the whole size although it fits. O(regions), only before giving up.
   */
  find(size: number, alignment: number): Address {
    const from = classOf(size);
    // Regions begin at multiples of the granularity, of which the alignment is a multiple: so much is lost at worst.
    const to = classAbove(size + alignment - this.#nodes.memory.load32(Word.GRANULARITY));
    return (
      this.#probe(from, to, size, alignment, PROBES) ||
      this.#first(this.next(to)) ||
      this.#probe(from, to, size, alignment, Number.POSITIVE_INFINITY)
    );
  }

  #first(index: number): Address {
    return index < CLASSES ? this.#nodes.memory.load32(HEADS + index * 4) : NULL;
  }

  #probe(from: number, to: number, size: number, alignment: number, limit: number): Address {
    const nodes = this.#nodes;
    for (let index = this.next(from); index < to; index = this.next(index + 1)) {
      let best: Address = NULL;
      let bestSize = Number.POSITIVE_INFINITY;
      let probes = 0;
      for (
        let node = this.#first(index);
        node !== NULL && probes < limit;
        node = nodes.memory.load32(node + Node.NEXT)
      ) {
        probes++;
        const own = nodes.size(node);
        if (own < size || own >= bestSize) continue;
        const offset = nodes.offset(node);
        if (alignUp(offset, alignment) + size <= offset + own) {
          if (own === size) return node;
          best = node;
          bestSize = own;
        }
      }
      if (best !== NULL) return best;
    }
    return NULL;
  }

  /** The size of the largest region, 0 when there is none. O(regions of one class). */
  largest(): number {
    let last = -1;
    for (let index = this.next(0); index < CLASSES; index = this.next(index + 1)) last = index;
    let largest = 0;
    for (const node of this.regions(last)) largest = Math.max(largest, this.#nodes.size(node));
    return largest;
  }

  /** The regions of a class. */
  *regions(index: number): Generator<Address> {
    if (index < 0) return;
    for (let node = this.#first(index); node !== NULL; node = this.#nodes.memory.load32(node + Node.NEXT)) {
      yield node;
    }
  }
}
