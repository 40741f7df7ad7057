/*
 * Spans: made from runs when a size class has no free block, and given back to the runs, when they are empty, before
 * the break would move. So a burst of frees and allocations costs no run, and yet idle spans never make the heap longer.
 */
import { HeapCorruptionError } from "@heapwright/allocator";
import * as layout from "./layout.ts";
import { addressOf, type RunHeap } from "./run-heap.ts";
import { CLASS_COUNT, CLASS_SIZE, spanGranules } from "./size-classes.ts";

// V8 folds constants of the module itself into its code, but loads an imported one at each use.
const {
  BACK_SHIFT,
  BLOCKS,
  CLASS_BITS,
  CLASS_SHIFT,
  FIRST,
  GRANULE,
  GRANULE_SHIFT,
  HEADS,
  KIND,
  LENGTH_SHIFT,
  LIVE,
  LIVE_SHIFT,
  PREV_FREE,
  RECLAIM_OWNER,
  SPAN,
  TABLE,
} = layout;

/** Bits of a tag that say which granule of a span it is. */
const SPAN_TAG: number = (layout.BACK_MAX << BACK_SHIFT) | KIND;

export class SpanPool {
  declare private readonly runs: RunHeap;
  declare private readonly arena: number;

  constructor(runs: RunHeap) {
    this.runs = runs;
    this.arena = runs.arena;
  }

  /**
   * Makes a span of a class and puts its blocks in the class's list, which must be empty.
   *
   * @returns whether there was memory.
   * @throws HeapCorruptionError when the list is not empty: its first block is no free block of the class.
   */
  fill(sizeClass: number): boolean {
    const { runs, arena } = this;
    const end = addressOf(runs.words[runs.heap + FIRST]!);
    const head = runs.words[arena + HEADS + sizeClass]! >>> 0;
    if (head !== end) {
      throw new HeapCorruptionError(head, `a freed block was written to: it links to 0x${head.toString(16)}`);
    }
    const size = CLASS_SIZE[sizeClass]!;
    let granules = spanGranules(sizeClass, runs.words[arena + BLOCKS + sizeClass]!);
    let run = this.obtain(granules);
    if (run === 0) {
      // The memory is nearly exhausted: a single block's worth must do.
      granules = Math.ceil(size / GRANULE);
      run = this.obtain(granules);
      if (run === 0) return false;
    }
    const { words } = runs;
    const at = words[runs.heap + TABLE]! + run;
    const tag = (sizeClass << CLASS_SHIFT) | SPAN;
    for (let back = 0; back < granules; back++) words[at + back] = tag | (back << BACK_SHIFT);
    const capacity = Math.floor((granules * GRANULE) / size);
    let link = run * (GRANULE / 4);
    for (let left = capacity; left > 1; left--) {
      words[link] = link * 4 + size;
      link += size / 4;
    }
    words[link] = end;
    words[arena + HEADS + sizeClass] = addressOf(run);
    words[arena + BLOCKS + sizeClass] = words[arena + BLOCKS + sizeClass]! + capacity;
    return true;
  }

  /**
   * A run of `granules`: a free one, or one that empty spans gave back, or one behind the old break.
   *
   * @returns its first granule, or 0 when the memory is exhausted.
   */
  obtain(granules: number): number {
    return this.runs.take(granules) || this.obtainSlowly(granules);
  }

  private obtainSlowly(granules: number): number {
    const { runs } = this;
    if (this.reclaim()) {
      const run = runs.take(granules);
      if (run !== 0) return run;
    }
    return runs.obtain(granules);
  }

  /**
   * Gives every empty span back to the runs. Returns whether there was one.
   *
   * O(heap / 256): it looks at every span. That is seldom, as it is called only before the break moves, by a part of the heap.
   */
  reclaim(): boolean {
    const { runs } = this;
    const { words, heap } = runs;
    const table = words[heap + TABLE]!;
    const empty: number[] = [];
    const classes = new Uint8Array(CLASS_COUNT);
    const regions = runs.regions();
    for (let region = 0; region < regions.length; region += 2) {
      const end = regions[region + 1]!;
      for (let run = regions[region]!; run < end; ) {
        const tag = words[table + run]!;
        if ((tag & KIND) !== SPAN) {
          run += tag >>> LENGTH_SHIFT;
          continue;
        }
        const at = table + run;
        let live = tag;
        let granules = 1;
        while ((words[at + granules]! & SPAN_TAG) === ((granules << BACK_SHIFT) | SPAN)) {
          live |= words[at + granules]!;
          granules++;
        }
        if (live >>> LIVE_SHIFT === 0) {
          this.dissolve(run, granules);
          classes[(tag & CLASS_BITS) >>> CLASS_SHIFT] = 1;
          empty.push(run);
        }
        run += granules;
      }
    }
    for (let sizeClass = 0; sizeClass < CLASS_COUNT; sizeClass++) {
      if (classes[sizeClass] !== 0) this.sift(sizeClass);
    }
    for (const run of empty) runs.give(run, words[table + run]! >>> LENGTH_SHIFT);
    return empty.length > 0;
  }

  /** Makes an empty span a live run. Its blocks stay in their list for now. */
  private dissolve(run: number, granules: number): void {
    const { words, heap } = this.runs;
    const at = words[heap + TABLE]! + run;
    const sizeClass = (words[at]! & CLASS_BITS) >>> CLASS_SHIFT;
    const blocks = this.arena + BLOCKS + sizeClass;
    words[blocks] = words[blocks]! - Math.floor((granules * GRANULE) / CLASS_SIZE[sizeClass]!);
    words.fill(0, at + 1, at + granules);
    words[at] = (granules << LENGTH_SHIFT) | RECLAIM_OWNER | (words[at]! & PREV_FREE) | LIVE;
  }

  /** Takes the blocks that are no longer in spans out of a class's list. */
  private sift(sizeClass: number): void {
    const { words, heap } = this.runs;
    const table = words[heap + TABLE]!;
    const end = addressOf(words[heap + FIRST]!);
    let last = this.arena + HEADS + sizeClass;
    // Where no span is left, nothing is left in the list: walking it would cost a cache miss for each block.
    if (words[this.arena + BLOCKS + sizeClass] === 0) words[last] = end;
    for (let block = words[last]! >>> 0; block !== end; block = words[block >>> 2]! >>> 0) {
      if ((words[table + (block >>> GRANULE_SHIFT)]! & KIND) !== SPAN) continue;
      words[last] = block;
      last = block >>> 2;
    }
    words[last] = end;
  }
}

/** Granules of the span whose first tag is at `at`: `back` counts up to the end. */
export const lengthOfSpan = (words: Int32Array, at: number): number => {
  let length = 1;
  while ((words[at + length]! & SPAN_TAG) === ((length << BACK_SHIFT) | SPAN)) length++;
  return length;
};
