import { type Address, type HeapFault, NULL, type PageSource } from "@heapwright/allocator";
import { TaggedHeap } from "./boundary-tags.ts";

/*
 * Two-level segregated fit: free lists by size, found through two levels of bitmaps, so that every operation takes
 * constant time. Masmano, Ripoll, Crespo, Real, "TLSF: a new dynamic memory allocator for real-time systems", 2004.
 *
 * The first level is the power of two of a size, the second cuts it into 32 equal ranges. Below 256 bytes there is a
 * list for each multiple of 8.
 *
 *   first   bitmap: levels that have anything     1 0 1 0 ...
 *   second  for each level, bitmap of its lists   level 2: | 512 | 528 | 544 | ... | 1008 |
 *   heads   for each list, its first chunk                   |
 *                                                 chunk <-> chunk      each: +4 next, +8 previous
 *
 * A request looks in the first list all of whose chunks are large enough: the size is rounded up to the next range for
 * the search, so no list is ever walked. A chunk may so be passed over that would do (up to 1/32 of its size), which
 * is the price of the constant time; only the first chunk of the size's own list is looked at when all else is empty.
 */
const SECOND_LEVELS = 32;
/** Sizes below have a list each; first level 0. */
const SMALL = 8 * SECOND_LEVELS;
/** Levels: the small one, and one for each power of two from 2^8 to 2^31. */
const LEVELS = 25;

const FIRST_BITMAP = 0;
const SECOND_BITMAPS = 4;
const HEADS = SECOND_BITMAPS + LEVELS * 4;
const WORDS = HEADS / 4 + LEVELS * SECOND_LEVELS;

const NEXT = 4;
const PREVIOUS = 8;

/** The index of the list for chunks of a size: first level times 32 plus second level. */
const listOf = (size: number): number => {
  if (size < SMALL) return size >>> 3;
  const log = 31 - Math.clz32(size);
  return ((log - 7) << 5) + ((size >>> (log - 5)) & 31);
};

/** The index of the first list all of whose chunks have at least this size. Beyond the last list for the largest sizes. */
const listAbove = (size: number): number => {
  if (size < SMALL) return size >>> 3;
  const range = 2 ** (31 - Math.clz32(size) - 5);
  const rounded = size + range - 1;
  return rounded >= 2 ** 32 ? LEVELS * SECOND_LEVELS : listOf(rounded);
};

/**
 * Two-level segregated fit: all operations O(1), good fit within 1/32 of the size.
 *
 * Vital statistics and misuse found: as {@link FirstFit}; 3.4 KiB of state.
 *
 * @example
 * ```ts
 * import { Tlsf } from "@heapwright/classic";
 * import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
 *
 * const heap = new Tlsf(LinearPages.create(LinearMemory.growing()));
 * const block = heap.allocate(100);
 * heap.deallocate(block);
 * ```
 */
export class Tlsf extends TaggedHeap {
  /**
   * @param source Where memory comes from.
   * @param at The {@link TaggedHeap.base} of a heap to attach to; a new one unless given.
   * @throws AttachError when no such heap stands there.
   */
  constructor(source: PageSource, at: Address = NULL) {
    super(source, "TLSF", WORDS, at);
  }

  #head(list: number): Address {
    return this.roots + HEADS + list * 4;
  }

  protected find(size: number): Address {
    const { memory, roots } = this;
    const list = listAbove(size);
    let level = list >>> 5;
    if (level < LEVELS) {
      // Shifts by 32 do not shift, so the level above is found by shifting twice.
      let lists = (memory.load32(roots + SECOND_BITMAPS + level * 4) >>> (list & 31)) << (list & 31);
      if (lists === 0) {
        const levels = (((memory.load32(roots + FIRST_BITMAP) >>> level) >>> 1) << level) << 1;
        if (levels !== 0) {
          level = 31 - Math.clz32(levels & -levels);
          lists = memory.load32(roots + SECOND_BITMAPS + level * 4);
        }
      }
      if (lists !== 0) return memory.load32(this.#head((level << 5) + 31 - Math.clz32(lists & -lists)));
    }
    const own = memory.load32(this.#head(listOf(size)));
    return own !== NULL && this.sizeOf(own) >= size ? own : NULL;
  }

  protected insert(chunk: Address): void {
    const { memory, roots } = this;
    const list = listOf(this.sizeOf(chunk));
    const head = this.#head(list);
    const next = memory.load32(head);
    memory.store32(chunk + NEXT, next);
    memory.store32(chunk + PREVIOUS, NULL);
    memory.store32(head, chunk);
    if (next !== NULL) {
      memory.store32(next + PREVIOUS, chunk);
      return;
    }
    const second = roots + SECOND_BITMAPS + (list >>> 5) * 4;
    memory.store32(second, memory.load32(second) | (1 << (list & 31)));
    memory.store32(roots + FIRST_BITMAP, memory.load32(roots + FIRST_BITMAP) | (1 << (list >>> 5)));
  }

  protected remove(chunk: Address): void {
    const { memory, roots } = this;
    const next = memory.load32(chunk + NEXT);
    const previous = memory.load32(chunk + PREVIOUS);
    if (next !== NULL) memory.store32(next + PREVIOUS, previous);
    if (previous !== NULL) {
      memory.store32(previous + NEXT, next);
      return;
    }
    const list = listOf(this.sizeOf(chunk));
    memory.store32(this.#head(list), next);
    if (next !== NULL) return;
    const second = roots + SECOND_BITMAPS + (list >>> 5) * 4;
    const lists = memory.load32(second) & ~(1 << (list & 31));
    memory.store32(second, lists);
    if (lists !== 0) return;
    memory.store32(roots + FIRST_BITMAP, memory.load32(roots + FIRST_BITMAP) & ~(1 << (list >>> 5)));
  }

  protected override binOf(chunk: Address): string {
    const list = listOf(this.sizeOf(chunk));
    return `level ${list >>> 5}, list ${list & 31}`;
  }

  protected inspect(faults: HeapFault[]): Set<Address> {
    const { memory, roots } = this;
    const known = new Set<Address>();
    for (let list = 0; list < LEVELS * SECOND_LEVELS; list++) {
      let chunk = memory.load32(this.#head(list));
      const level = list >>> 5;
      const bit = (memory.load32(roots + SECOND_BITMAPS + level * 4) >>> (list & 31)) & 1;
      const name = `level ${level}, list ${list & 31}`;
      if ((bit === 1) !== (chunk !== NULL))
        faults.push({ address: chunk, fault: `${name}: the bitmap is wrong` });
      let previous: Address = NULL;
      for (; chunk !== NULL; chunk = memory.load32(chunk + NEXT)) {
        if (known.has(chunk) || !this.owns(chunk)) {
          faults.push({ address: chunk, fault: `${name} leads in a circle or out of the heap` });
          break;
        }
        known.add(chunk);
        if (listOf(this.sizeOf(chunk)) !== list)
          faults.push({ address: chunk, fault: `chunk is on the wrong ${name}` });
        if (memory.load32(chunk + PREVIOUS) !== previous) {
          faults.push({ address: chunk, fault: `${name} is broken backwards` });
        }
        previous = chunk;
      }
    }
    for (let level = 0; level < LEVELS; level++) {
      const bit = (memory.load32(roots + FIRST_BITMAP) >>> level) & 1;
      if ((bit === 1) !== (memory.load32(roots + SECOND_BITMAPS + level * 4) !== 0)) {
        faults.push({ address: roots, fault: `the bitmap of levels is wrong at ${level}` });
      }
    }
    return known;
  }
}
