import { PAGE_SIZE } from "../abi/page.ts";

/**
 * Where the pages of a file are when they are not in memory: a disk, an image, a real file. All transfers are whole
 * pages of 4096 bytes.
 */
export interface BackingStore {
  /** Reads page `index` into `target` (4096 bytes); what was never written reads as zero. */
  readPage(index: number, target: Uint8Array): void;
  /** Writes page `index`. */
  writePage(index: number, source: Uint8Array): void;
  /** Forgets pages `[from, to)`; they read as zero again. */
  discardPages(from: number, to: number): void;
}

/** A backing store in memory. */
export class MemoryStore implements BackingStore {
  readonly #pages = new Map<number, Uint8Array>();

  readPage(index: number, target: Uint8Array): void {
    const page = this.#pages.get(index);
    if (page === undefined) target.fill(0);
    else target.set(page);
  }
  writePage(index: number, source: Uint8Array): void {
    let page = this.#pages.get(index);
    if (page === undefined) {
      page = new Uint8Array(PAGE_SIZE);
      this.#pages.set(index, page);
    }
    page.set(source.subarray(0, PAGE_SIZE));
  }
  discardPages(from: number, to: number): void {
    if (to - from < this.#pages.size) for (let index = from; index < to; index++) this.#pages.delete(index);
    else for (const index of this.#pages.keys()) if (index >= from && index < to) this.#pages.delete(index);
  }
}
