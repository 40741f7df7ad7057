/*
 * Runs of granules: the coalescing heap under everything else. It serves large blocks, spans, records and its own table.
 *
 * A run is taken from the bin of its length, or the next one that is not empty, found in two bitmap words; the rest of
 * a longer run goes back to its bin. A run given back is merged with free neighbours at once. Both are O(1) and
 * touch only the tag table (one word for each 256 bytes of heap), never the blocks: no cache miss or page fault on memory
 * that is not used.
 */
import type { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { binFrom, binOf, MIN_BINNED } from "./bins.ts";
import * as layout from "./layout.ts";

// V8 folds constants of the module itself into its code, but loads an imported one at each use.
const {
  BIN_BITS,
  BIN_SUMMARY,
  BINS,
  END,
  FIRST,
  FREE,
  FRESH,
  GRANULE,
  GRANULE_SHIFT,
  KIND,
  LENGTH_SHIFT,
  LIVE,
  META_OWNER,
  OWNER_MASK,
  PREV_FREE,
  TABLE,
  TABLE_LENGTH,
} = layout;

/** The break moves by at least this many bytes: a page of WebAssembly. */
const GROWTH = 65536;
/** The part of the heap by which it grows at least: one in this many. */
const GROWTH_SHARE = 32;
/** Granules that the first table has room for. */
const FIRST_TABLE = 1024;

const watchers = new WeakMap<object, Set<() => void>>();

/** The calls to make when the tag table in a memory has moved: other instances over the same memory look there too. */
export const watchersOf = (memory: LinearMemory): Set<() => void> => {
  const key = memory.wasm ?? memory.buffer;
  const found = watchers.get(key) ?? new Set();
  watchers.set(key, found);
  return found;
};

/** The runs of one arena. */
export class RunHeap {
  /** The memory as signed words: V8 keeps those in registers as they are, whatever their high bit. */
  declare words: Int32Array;
  declare readonly memory: LinearMemory;
  declare readonly pages: LinearPages;
  /** Word index of HEAP. */
  declare readonly heap: number;
  /** Word index of ARENA. */
  declare readonly arena: number;
  /** The owner bits of this arena's runs. */
  declare readonly owner: number;

  constructor(pages: LinearPages, heap: number, arena: number, owner: number) {
    this.pages = pages;
    this.memory = pages.memory;
    this.heap = heap;
    this.arena = arena;
    this.owner = owner;
    this.words = new Int32Array(pages.memory.buffer, 0, pages.memory.byteLength >>> 2);
    this.memory.onGrow(() => {
      this.words = new Int32Array(this.memory.buffer);
    });
  }

  /**
   * Takes a run of `granules` and marks it live.
   *
   * @returns its first granule, or 0 when the memory is exhausted.
   */
  take(granules: number): number {
    const { words, arena } = this;
    const from = binFrom(Math.max(granules, MIN_BINNED));
    let word = from >>> 5;
    let bits = words[arena + BIN_BITS + word]! & (-1 << from);
    if (bits === 0) {
      const later = words[arena + BIN_SUMMARY]! & (-2 << word);
      if (later === 0) return 0;
      word = 31 - Math.clz32(later & -later);
      bits = words[arena + BIN_BITS + word]!;
    }
    const bin = (word << 5) + 31 - Math.clz32(bits & -bits);
    const run = words[arena + BINS + bin]!;
    const table = words[this.heap + TABLE]!;
    const length = words[table + run]! >>> LENGTH_SHIFT;
    this.unlink(run, bin);
    this.mark(run, length, granules);
    return run;
  }

  /** Takes a run where there is any, moving the break for it if need be. Returns its first granule, or 0. */
  obtain(granules: number): number {
    const run = this.take(granules) || this.takeTight(granules);
    if (run !== 0) return run;
    return this.grow(granules) ? this.take(granules) || this.takeTight(granules) : 0;
  }

  /**
   * Takes a run whose first granule is a multiple of `alignment` granules.
   *
   * @returns its first granule, or 0 when no free run is long enough to hold it wherever that run stands.
   */
  takeAligned(granules: number, alignment: number): number {
    const run = this.take(granules + alignment - 1) || this.takeTight(granules + alignment - 1);
    if (run === 0) return 0;
    const { words } = this;
    const table = words[this.heap + TABLE]!;
    const start = Math.ceil(run / alignment) * alignment;
    const lead = start - run;
    if (lead > 0) {
      const length = words[table + run]! >>> LENGTH_SHIFT;
      words[table + start] = ((length - lead) << LENGTH_SHIFT) | this.owner | LIVE;
      words[table + run] = (lead << LENGTH_SHIFT) | (words[table + run]! & 255);
      this.give(run, lead);
    }
    this.shorten(start, granules);
    return start;
  }

  /** Gives a live run back and merges it with its free neighbours. */
  give(run: number, granules: number): void {
    const { words } = this;
    const table = words[this.heap + TABLE]!;
    let start = run;
    let length = granules;
    if ((words[table + run]! & PREV_FREE) !== 0) {
      const end = words[table + run - 1]!;
      const before = (end & KIND) === FREE ? 1 : end >>> 2;
      start = run - before;
      length += before;
      this.unlink(start, binOf(before));
      words[table + run] = 0;
    }
    const next = words[table + run + granules]!;
    if ((next & KIND) === FREE) {
      const after = next >>> LENGTH_SHIFT;
      this.unlink(run + granules, binOf(after));
      words[table + run + granules] = 0;
      length += after;
    } else words[table + run + granules] = next | PREV_FREE;
    this.link(start, length);
  }

  /** Cuts a live run down to its first `granules`; the rest becomes free. */
  shorten(run: number, granules: number): void {
    const { words } = this;
    const table = words[this.heap + TABLE]!;
    const tag = words[table + run]!;
    const rest = (tag >>> LENGTH_SHIFT) - granules;
    if (rest === 0) return;
    words[table + run + granules] = (rest << LENGTH_SHIFT) | LIVE;
    words[table + run] = (granules << LENGTH_SHIFT) | (tag & 255);
    this.give(run + granules, rest);
  }

  /** Lengthens a live run into the free run behind it. Returns whether there was room. */
  lengthen(run: number, granules: number): boolean {
    const { words } = this;
    const table = words[this.heap + TABLE]!;
    const tag = words[table + run]!;
    const length = tag >>> LENGTH_SHIFT;
    const next = words[table + run + length]!;
    const after = next >>> LENGTH_SHIFT;
    if ((next & KIND) !== FREE || length + after < granules) return false;
    this.unlink(run + length, binOf(after));
    words[table + run + length] = 0;
    this.mark(run, length + after, granules);
    words[table + run] = words[table + run]! | (tag & PREV_FREE);
    return true;
  }

  /** Makes of `length` free and unlisted granules a live run of `granules`, and a free run of the rest. */
  private mark(run: number, length: number, granules: number): void {
    const { words } = this;
    const table = words[this.heap + TABLE]!;
    const end = run + granules;
    words[table + run] = (granules << LENGTH_SHIFT) | this.owner | LIVE;
    if (length > granules) this.link(end, length - granules);
    else words[table + end] = words[table + end]! & ~PREV_FREE;
    if (end >>> 0 > words[this.heap + FRESH]! >>> 0) words[this.heap + FRESH] = end;
  }

  /** Where this arena's runs are: pairs of a first granule and the granule behind the last. */
  regions(): readonly number[] {
    return [this.words[this.heap + FIRST]!, this.words[this.heap + END]!];
  }

  /** Makes granules, which have free runs on neither side, a free run and puts it in its bin. */
  link(run: number, length: number): void {
    const { words, arena } = this;
    const at = words[this.heap + TABLE]! + run;
    words[at + length - 1] = length << 2;
    words[at] = (length << LENGTH_SHIFT) | FREE;
    if (length < MIN_BINNED) return;
    const bin = binOf(length);
    const head = words[arena + BINS + bin]!;
    words[at + 1] = head << 2;
    words[at + 2] = 0;
    words[arena + BINS + bin] = run;
    if (head !== 0) words[words[this.heap + TABLE]! + head + 2] = run << 2;
    else {
      words[arena + BIN_BITS + (bin >>> 5)] = words[arena + BIN_BITS + (bin >>> 5)]! | (1 << bin);
      words[arena + BIN_SUMMARY] = words[arena + BIN_SUMMARY]! | (1 << (bin >>> 5));
    }
  }

  /** Takes a free run out of its bin. */
  private unlink(run: number, bin: number): void {
    if (bin < MIN_BINNED) return;
    const { words, arena } = this;
    const table = words[this.heap + TABLE]!;
    const next = words[table + run + 1]! >>> 2;
    const prev = words[table + run + 2]! >>> 2;
    if (next !== 0) words[table + next + 2] = prev << 2;
    if (prev !== 0) words[table + prev + 1] = next << 2;
    else {
      words[arena + BINS + bin] = next;
      if (next === 0) {
        const word = arena + BIN_BITS + (bin >>> 5);
        const bits = words[word]! & ~(1 << bin);
        words[word] = bits;
        if (bits === 0) words[arena + BIN_SUMMARY] = words[arena + BIN_SUMMARY]! & ~(1 << (bin >>> 5));
      }
    }
  }

  /**
   * Looks through the one bin in which a run of `granules` may be though not all runs there are long enough. Called
   * when nothing else is left: O(runs in that bin).
   */
  takeTight(granules: number): number {
    const bin = binOf(granules);
    if (bin === binFrom(granules)) return 0;
    const table = this.words[this.heap + TABLE]!;
    for (
      let run = this.words[this.arena + BINS + bin]!;
      run !== 0;
      run = this.words[table + run + 1]! >>> 2
    ) {
      const length = this.words[table + run]! >>> LENGTH_SHIFT;
      if (length >= granules) {
        this.unlink(run, bin);
        this.mark(run, length, granules);
        return run;
      }
    }
    return 0;
  }

  /**
   * Moves the break so that a free run of at least `granules` stands at the end. The new memory and, if it must
   * grow, a new table come from there. Returns whether it could.
   */
  grow(granules: number): boolean {
    const { words, heap } = this;
    const end = words[heap + END]!;
    const idle = (words[words[heap + TABLE]! + end]! & PREV_FREE) === 0 ? 0 : this.lengthBefore(end);
    const size = end - words[heap + FIRST]!;
    const least = end - idle + granules;
    const tight = (least + this.tableGranules(least + (least >>> 5)) + 1) * GRANULE;
    // A thirty-second of the heap at least, so that the cost of growing (a system call, new views) stays in proportion.
    const roomy = Math.max(tight, (end + size / GROWTH_SHARE) * GRANULE);
    return this.extend(roomy, granules, idle) || this.extend(tight, granules, idle);
  }

  /** Moves the break to about `limit` bytes if that leaves a run of `granules` at the end beside the table. */
  private extend(limit: number, granules: number, idle: number): boolean {
    const { words, heap, pages } = this;
    const end = words[heap + END]!;
    const bytes = Math.min(Math.ceil(limit / GROWTH) * GROWTH, pages.end);
    const newEnd = Math.floor(bytes / GRANULE);
    const tableGranules = this.tableGranules(newEnd);
    if (newEnd <= end || newEnd - end + idle < granules + tableGranules) return false;
    if (pages.sbrk(newEnd * GRANULE - pages.sbrk(0)) === 0) return false;
    if (tableGranules === 0) this.append(newEnd);
    else this.moveTable(newEnd, tableGranules, idle);
    return true;
  }

  /** Granules that a new table wants when the heap grows to `newEnd`; 0 when the present one is long enough. */
  private tableGranules(newEnd: number): number {
    const first = this.words[this.heap + FIRST]!;
    const granules = newEnd - first;
    if (granules < this.words[this.heap + TABLE_LENGTH]!) return 0;
    return tableRoom(granules, Math.floor(this.pages.end / GRANULE) - first);
  }

  /** The granules from the fence on become a free run; the fence moves to `newEnd`. */
  private append(newEnd: number): void {
    const { words, heap } = this;
    const end = words[heap + END]!;
    const table = words[heap + TABLE]!;
    words[heap + END] = newEnd;
    words[table + newEnd] = META_OWNER | LIVE;
    words[table + end] =
      ((newEnd - end) << LENGTH_SHIFT) | (words[table + end]! & PREV_FREE) | META_OWNER | LIVE;
    this.give(end, newEnd - end);
  }

  /** As append, after a longer table was made where the `idle` free granules before the fence begin. */
  private moveTable(newEnd: number, tableGranules: number, idle: number): void {
    const { words, heap } = this;
    const first = words[heap + FIRST]!;
    const end = words[heap + END]!;
    const old = words[heap + TABLE]!;
    const oldGranules = words[heap + TABLE_LENGTH]! / (GRANULE / 4);
    const start = end - idle;
    if (idle > 0) this.unlink(start, binOf(idle));
    const table = start * (GRANULE / 4) - first;
    words.fill(0, table + first, table + first + tableGranules * (GRANULE / 4));
    words.copyWithin(table + first, old + first, old + start);
    words[heap + TABLE] = table;
    words[heap + TABLE_LENGTH] = tableGranules * (GRANULE / 4);
    words[heap + END] = newEnd;
    words[heap + FRESH] = Math.max(words[heap + FRESH]!, start + tableGranules);
    words[table + newEnd] = META_OWNER | LIVE;
    words[table + start] = ((newEnd - start) << LENGTH_SHIFT) | META_OWNER | LIVE;
    this.shorten(start, tableGranules);
    this.give((old + first) / (GRANULE / 4), oldGranules);
    this.tellTable();
  }

  /** Tells all instances over this memory that the table has moved. */
  tellTable(): void {
    for (const watcher of watchersOf(this.memory)) watcher();
  }

  /** Gives the free granules at the end back to the page source, but for `keep` of them. Returns their number. */
  trim(keep: number): number {
    const { words, heap } = this;
    const table = words[heap + TABLE]!;
    const end = words[heap + END]!;
    if ((words[table + end]! & PREV_FREE) === 0) return 0;
    const length = this.lengthBefore(end);
    if (length <= keep) return 0;
    const start = end - length;
    this.unlink(start, binOf(length));
    words[table + end] = 0;
    words[table + end - 1] = 0;
    words[table + start] = 0;
    const newEnd = start + keep;
    words[heap + END] = newEnd;
    // The source clears what it gets back. What lies behind the old break is zero only if it was known to be.
    if (words[heap + FRESH]! <= end) words[heap + FRESH] = Math.min(words[heap + FRESH]!, newEnd);
    words[table + newEnd] = META_OWNER | LIVE;
    if (keep > 0) {
      this.link(start, keep);
      words[table + newEnd] = words[table + newEnd]! | PREV_FREE;
    }
    this.pages.sbrk(newEnd * GRANULE - this.pages.sbrk(0));
    return end - newEnd;
  }

  /** Takes a free run of any length out of its bin; its tags stay for the caller to write. */
  takeWhole(run: number): void {
    this.unlink(run, binOf(this.words[this.words[this.heap + TABLE]! + run]! >>> LENGTH_SHIFT));
  }

  /** Marks a live run as the heap's own, which no user can free. */
  own(run: number): void {
    const at = this.words[this.heap + TABLE]! + run;
    this.words[at] = (this.words[at]! & ~OWNER_MASK) | META_OWNER;
  }

  /** Length of the free run that ends where `granule` begins. */
  private lengthBefore(granule: number): number {
    const end = this.words[this.words[this.heap + TABLE]! + granule - 1]!;
    return (end & KIND) === FREE ? 1 : end >>> 2;
  }
}

/** Granules of a table for `granules`: a quarter more than needed, but not more than the memory can ever want. */
export const tableRoom = (granules: number, most: number): number => {
  const wanted = Math.min(Math.max(FIRST_TABLE, granules + (granules >>> 2)), most);
  return Math.floor((wanted * 4) / GRANULE) + 1;
};

/** The address of a granule's first byte. */
export const addressOf = (granule: number): number => (granule << GRANULE_SHIFT) >>> 0;
