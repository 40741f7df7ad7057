/*
 * Spans: made from runs when a size class has no free block, listed while they have some, kept when they are empty, and
 * given back to the runs before the break would move. So a burst of frees and allocations costs no run, and yet idle
 * spans never make the heap longer.
 *
 * Invariants: a span is the current one of its class, or in its class's list, or full. The list holds the spans that have
 * free blocks: first those that are partly used, then the empty ones.
 */
import {
  BASE,
  BITMAP,
  BLOCKS,
  CAPACITY,
  CURRENT,
  FULL,
  GRANULE,
  GRANULE_SHIFT,
  HEAD,
  INFO,
  INVERSE,
  META,
  NEXT,
  ONE_LIVE,
  OWNER,
  PREV,
  RECORD_WORDS,
  RECORDS,
  SPAN,
  SUMMARY,
  TABLE,
  TAIL,
} from "./layout.ts";
import { addressOf, type RunHeap } from "./run-heap.ts";
import { CLASS_COUNT, CLASS_INVERSE, CLASS_SHIFT, CLASS_SIZE, spanGranules } from "./size-classes.ts";

/** Granules of records that are made at a time. */
const RECORD_GRANULES = 4;

export class SpanPool {
  private readonly runs: RunHeap;
  private readonly arena: number;

  constructor(runs: RunHeap) {
    this.runs = runs;
    this.arena = runs.arena;
  }

  /** The class's next span with free blocks, made its current one; 0 when the memory is exhausted. */
  next(sizeClass: number): number {
    const { words } = this.runs;
    const listed = words[this.arena + HEAD + sizeClass]!;
    if (listed !== 0) this.unlist(listed, sizeClass);
    const record = listed !== 0 ? listed : this.make(sizeClass);
    if (record !== 0) this.runs.words[this.arena + CURRENT + sizeClass] = record;
    return record;
  }

  /** To be called when a span that was full has a free block, or a span has become empty. `meta` is what it was before. */
  relist(record: number, meta: number): void {
    const { words } = this.runs;
    const sizeClass = (words[record + INFO]! >>> 8) & 255;
    if (words[this.arena + CURRENT + sizeClass] === record) return;
    if ((meta & SUMMARY) !== 0) this.unlist(record, sizeClass);
    if (words[record + META]! < ONE_LIVE) this.append(record, sizeClass);
    else this.prepend(record, sizeClass);
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
    const tight = runs.takeTight(granules);
    if (tight !== 0) return tight;
    return runs.grow(granules) ? runs.take(granules) || runs.takeTight(granules) : 0;
  }

  /** Gives every empty span back to the runs. Returns whether there was one. */
  reclaim(): boolean {
    const { words } = this.runs;
    let any = false;
    for (let sizeClass = 0; sizeClass < CLASS_COUNT; sizeClass++) {
      for (;;) {
        const last = words[this.arena + TAIL + sizeClass]!;
        if (last === 0 || words[last + META]! >= ONE_LIVE) break;
        this.unlist(last, sizeClass);
        this.release(last, sizeClass);
        any = true;
      }
      const current = words[this.arena + CURRENT + sizeClass]!;
      if (current !== this.arena + FULL && words[current + META]! < ONE_LIVE) {
        words[this.arena + CURRENT + sizeClass] = this.arena + FULL;
        this.release(current, sizeClass);
        any = true;
      }
    }
    return any;
  }

  /** Makes a span of a class, in no list. Returns its record, or 0. */
  private make(sizeClass: number): number {
    const { runs, arena } = this;
    const record = this.takeRecord();
    if (record === 0) return 0;
    const size = CLASS_SIZE[sizeClass]!;
    let granules = spanGranules(sizeClass, runs.words[arena + BLOCKS + sizeClass]!);
    let run = this.obtain(granules);
    if (run === 0) {
      // The memory is nearly exhausted: a single block's worth must do.
      granules = Math.ceil(size / GRANULE);
      run = this.obtain(granules);
      if (run === 0) {
        this.giveRecord(record);
        return 0;
      }
    }
    const { words, heap } = runs;
    const capacity = Math.floor((granules * GRANULE) / size);
    words[record + BASE] = addressOf(run);
    words[record + INVERSE] = CLASS_INVERSE[sizeClass]!;
    words[record + INFO] = (granules << 16) | (sizeClass << 8) | CLASS_SHIFT[sizeClass]!;
    words[record + CAPACITY] = capacity;
    words[record + OWNER] = runs.owner;
    let summary = 0;
    for (let word = 0; word < 8; word++) {
      const blocks = capacity - word * 32;
      words[record + BITMAP + word] = blocks >= 32 ? -1 : blocks <= 0 ? 0 : (1 << blocks) - 1;
      if (blocks > 0) summary |= 1 << word;
    }
    words[record + META] = summary;
    const at = words[heap + TABLE]! + run;
    const tag = (record << 2) | SPAN;
    for (let granule = 0; granule < granules; granule++) words[at + granule] = tag;
    words[arena + BLOCKS + sizeClass] = words[arena + BLOCKS + sizeClass]! + capacity;
    return record;
  }

  /** Gives the run of an empty span in no list back. */
  private release(record: number, sizeClass: number): void {
    const { runs, arena } = this;
    const { words } = runs;
    const run = words[record + BASE]! >>> GRANULE_SHIFT;
    const granules = words[record + INFO]! >>> 16;
    const at = words[runs.heap + TABLE]! + run;
    for (let granule = 1; granule < granules; granule++) words[at + granule] = 0;
    words[arena + BLOCKS + sizeClass] = words[arena + BLOCKS + sizeClass]! - words[record + CAPACITY]!;
    this.giveRecord(record);
    runs.give(run, granules);
  }

  private takeRecord(): number {
    const { runs, arena } = this;
    let record = runs.words[arena + RECORDS]!;
    if (record === 0) {
      const run = this.obtain(RECORD_GRANULES);
      if (run === 0) return 0;
      runs.own(run);
      const from = run * (GRANULE / 4);
      runs.words.fill(0, from, from + RECORD_GRANULES * (GRANULE / 4));
      for (let at = from + RECORD_GRANULES * (GRANULE / 4) - RECORD_WORDS; at >= from; at -= RECORD_WORDS) {
        this.giveRecord(at);
      }
      record = from;
    }
    runs.words[arena + RECORDS] = runs.words[record + NEXT]!;
    return record;
  }

  private giveRecord(record: number): void {
    const { words } = this.runs;
    words[record + CAPACITY] = 0;
    words[record + NEXT] = words[this.arena + RECORDS]!;
    words[this.arena + RECORDS] = record;
  }

  private prepend(record: number, sizeClass: number): void {
    const { words } = this.runs;
    const head = words[this.arena + HEAD + sizeClass]!;
    words[record + NEXT] = head;
    words[record + PREV] = 0;
    words[this.arena + HEAD + sizeClass] = record;
    if (head !== 0) words[head + PREV] = record;
    else words[this.arena + TAIL + sizeClass] = record;
  }

  private append(record: number, sizeClass: number): void {
    const { words } = this.runs;
    const tail = words[this.arena + TAIL + sizeClass]!;
    words[record + NEXT] = 0;
    words[record + PREV] = tail;
    words[this.arena + TAIL + sizeClass] = record;
    if (tail !== 0) words[tail + NEXT] = record;
    else words[this.arena + HEAD + sizeClass] = record;
  }

  private unlist(record: number, sizeClass: number): void {
    const { words } = this.runs;
    const next = words[record + NEXT]!;
    const prev = words[record + PREV]!;
    if (prev !== 0) words[prev + NEXT] = next;
    else words[this.arena + HEAD + sizeClass] = next;
    if (next !== 0) words[next + PREV] = prev;
    else words[this.arena + TAIL + sizeClass] = prev;
  }
}
