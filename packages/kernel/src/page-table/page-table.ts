import { PAGE_SHIFT, PAGE_SIZE } from "../abi/page.ts";
import { Frame, type Frames } from "../frames/frames.ts";
import { Pte } from "./entry.ts";

/** The shape of a processor's page tables. */
export interface TableShape {
  /** Tables that a walk goes through. */
  readonly levels: number;
  /** log2 of the entries in a table. */
  readonly indexBits: number;
  /** Bytes in an entry. */
  readonly entryBytes: 4 | 8;
}

/** i386: a page directory and page tables, 1024 four-byte entries each. */
export const I386_TABLES: TableShape = { levels: 2, indexBits: 10, entryBytes: 4 };
/** x86-64: four levels of 512 eight-byte entries. */
export const X86_64_TABLES: TableShape = { levels: 4, indexBits: 9, entryBytes: 8 };

/** What an entry of an upper table has besides the frame of the lower one. */
const TABLE_BITS: number = Pte.PRESENT | Pte.WRITE | Pte.USER | Pte.ACCESSED | Pte.DIRTY;

/** Called for a run of entries of one lowest table: the first one's physical address, what it maps, and their number. */
export type VisitEntries = (entry: number, address: number, count: number) => void;

/**
 * Page tables as the processor walks them: each table fills one page frame, entries lie in it in memory. Tables are
 * made when an entry in them is first needed and freed when the last one goes. A table frame's `mapCount` is the
 * number of its entries in use.
 *
 * ```
 *  root -> [ 512 x 8 bytes ] -> [ ... ] -> [ ... ] -> lowest table: entries that map pages
 * ```
 */
export class PageTable {
  /** The shape of the tables. */
  readonly shape: TableShape;
  /** Frames that hold tables, the root included. */
  tables = 0;
  readonly #frames: Frames;
  readonly #root: number;
  readonly #entries: number;
  readonly #entryShift: number;
  /** Bytes that one entry covers, by level from the root down. */
  readonly #spans: readonly number[];
  /** Bytes that a lowest table covers. */
  readonly leafSpan: number;
  // The lowest table that was used last: which one, and its physical address (0 for none).
  #cachedLeaf = -1;
  #cachedTable = 0;
  #missSpan = 0;

  /** @throws RangeError when there is no frame for the root. */
  constructor(frames: Frames, shape: TableShape) {
    this.#frames = frames;
    this.shape = shape;
    this.#entries = 2 ** shape.indexBits;
    this.#entryShift = shape.entryBytes === 8 ? 3 : 2;
    this.leafSpan = this.#entries * PAGE_SIZE;
    this.#spans = Array.from(
      { length: shape.levels },
      (_, level) => PAGE_SIZE * this.#entries ** (shape.levels - 1 - level),
    );
    this.#root = this.#newTable();
    if (this.#root === 0) throw new RangeError("no frame for the root of the page tables");
  }

  /** Bytes held by page tables, the root not counted (VmPTE). */
  get bytes(): number {
    return (this.tables - 1) * PAGE_SIZE;
  }

  /** Physical address of the entry for `address`; 0 when no table is there. */
  find(address: number): number {
    const table = this.#leaf(address, false);
    return table === 0 ? 0 : table + this.#offset(address);
  }

  /** As {@link PageTable.find}, making the tables that are missing; 0 when out of frames. */
  reach(address: number): number {
    const table = this.#leaf(address, true);
    return table === 0 ? 0 : table + this.#offset(address);
  }

  /** The low word of an entry. */
  get(entry: number): number {
    return this.#frames.memory.words[entry >>> 2]!;
  }

  /** The entry for `address`, 0 when there is none. */
  read(address: number): number {
    const entry = this.find(address);
    return entry === 0 ? 0 : this.#frames.memory.words[entry >>> 2]!;
  }

  /** Sets an entry and, where entries have one, its high word. */
  set(entry: number, low: number, high: number): void {
    const { words } = this.#frames.memory;
    const word = entry >>> 2;
    const old = words[word]!;
    if (old === 0) {
      if (low !== 0) this.#frames.countMapping(entry >>> PAGE_SHIFT, 1);
    } else if (low === 0) this.#frames.countMapping(entry >>> PAGE_SHIFT, -1);
    words[word] = low;
    if (this.#entryShift === 3) words[word + 1] = low === 0 ? 0 : high;
  }

  /** Sets the low word of an entry that is in use and stays so; the high word keeps its value. */
  mark(entry: number, low: number): void {
    this.#frames.memory.words[entry >>> 2] = low;
  }

  /** Visits the entries for `[start, end)`, table by table, where there are tables. */
  forEach(start: number, end: number, visit: VisitEntries): void {
    let at = start;
    while (at < end) {
      const table = this.#leaf(at, false);
      if (table === 0) {
        at = (Math.floor(at / this.#missSpan) + 1) * this.#missSpan;
        continue;
      }
      const stop = Math.min(end, (Math.floor(at / this.leafSpan) + 1) * this.leafSpan);
      visit(table + this.#offset(at), at, (stop - at) / PAGE_SIZE);
      at = stop;
    }
  }

  /** Bytes from one entry to the next. */
  get stride(): number {
    return this.shape.entryBytes;
  }

  /** Frees the tables for `[start, end)` that have no entry left, lowest first. */
  prune(start: number, end: number): void {
    if (start < end) this.#prune(this.#root, 0, 0, start, end);
  }

  /** Prunes what hangs below the table at `level` that covers addresses from `base` on. */
  #prune(table: number, level: number, base: number, start: number, end: number): void {
    const span = this.#spans[level]!;
    const first = Math.max(0, Math.floor((start - base) / span));
    const last = Math.min(this.#entries, Math.ceil((end - base) / span));
    for (let i = first; i < last; i++) {
      const entry = table + (i << this.#entryShift);
      const word = this.get(entry);
      if (word === 0) continue;
      const lower = (word & ~0xfff) >>> 0;
      if (level < this.shape.levels - 2) this.#prune(lower, level + 1, base + i * span, start, end);
      if (this.#frames.mapCountOf(lower >>> PAGE_SHIFT) !== 0) continue;
      this.#cachedLeaf = -1;
      this.#frames.release(lower >>> PAGE_SHIFT);
      this.tables -= 1;
      this.set(entry, 0, 0);
    }
  }

  /**
   * Hands the lowest table for `from` over to `to`, both being multiples of {@link PageTable.leafSpan}.
   *
   * @returns false, with nothing changed, when `to` has a table already or no frame is left for an upper one.
   */
  moveLeaf(from: number, to: number): boolean {
    if (this.#leaf(to, false) !== 0) return false;
    const target = this.#lastUpperEntry(to, true);
    if (target === 0) return false;
    const source = this.#lastUpperEntry(from, false);
    this.set(target, this.get(source), 0);
    this.set(source, 0, 0);
    this.#cachedLeaf = -1;
    return true;
  }

  /** Frees all tables. Their entries must be gone. */
  destroy(): void {
    this.prune(0, this.#spans[0]! * this.#entries);
    this.#frames.release(this.#root >>> PAGE_SHIFT);
    this.tables -= 1;
  }

  #offset(address: number): number {
    return (Math.floor(address / PAGE_SIZE) % this.#entries) << this.#entryShift;
  }

  /** Physical address of the lowest table for `address`. Sets #missSpan when there is none. */
  #leaf(address: number, make: boolean): number {
    const leaf = Math.floor(address / this.leafSpan);
    if (leaf === this.#cachedLeaf) return this.#cachedTable;
    let table = this.#root;
    for (let level = 0; level < this.shape.levels - 1; level++) {
      const entry = this.#upperEntry(table, address, level);
      const word = this.get(entry);
      if (word !== 0) table = (word & ~0xfff) >>> 0;
      else if (make) {
        const lower = this.#newTable();
        if (lower === 0) return 0;
        this.set(entry, (lower | TABLE_BITS) >>> 0, 0);
        table = lower;
      } else {
        this.#missSpan = this.#spans[level]!;
        return 0;
      }
    }
    this.#cachedLeaf = leaf;
    this.#cachedTable = table;
    return table;
  }

  #upperEntry(table: number, address: number, level: number): number {
    return table + ((Math.floor(address / this.#spans[level]!) % this.#entries) << this.#entryShift);
  }

  /** The entry that leads to the lowest table for `address`; 0 when a table above is missing and cannot be made. */
  #lastUpperEntry(address: number, make: boolean): number {
    let table = this.#root;
    for (let level = 0; ; level++) {
      const entry = this.#upperEntry(table, address, level);
      if (level === this.shape.levels - 2) return entry;
      const word = this.get(entry);
      if (word !== 0) table = (word & ~0xfff) >>> 0;
      else {
        const lower = make ? this.#newTable() : 0;
        if (lower === 0) return 0;
        this.set(entry, (lower | TABLE_BITS) >>> 0, 0);
        table = lower;
      }
    }
  }

  #newTable(): number {
    const frame = this.#frames.takeZeroed();
    if (frame === 0) return 0;
    this.#frames.setFlags(frame, Frame.TABLE);
    this.tables += 1;
    return frame * PAGE_SIZE;
  }
}
