/*
 * From any address to what its page is used for: a table of two levels in the memory, as a processor's page table is.
 *
 *   address  | directory index | leaf index | offset in page |
 *
 *   directory  part of the root: one word for each leaf, the leaf's address or 0
 *   leaf       one page: one word (an entry) for each page of the memory
 *
 *   entry  0                         not ours
 *          slab descriptor           ...00   a page of a slab
 *          order << 8                ...01   first page of a large run
 *          address of the first page ...10   a further page of a large run
 *
 * A leaf of 4 KiB serves 4 MiB, so the map costs 1/1024 of what it maps. Leaves are made on demand and stay.
 */
import { type Address, type Memory, NULL } from "@heapwright/allocator";

export const TAG_MASK = 3;
export const TAG_SLAB = 0;
export const TAG_LARGE = 1;
export const TAG_LARGE_TAIL = 2;

export class PageMap {
  readonly #memory: Memory;
  /** Address of the directory, and its length in words. */
  readonly directory: Address;
  readonly length: number;
  readonly pageShift: number;
  /** Bits of an address below its directory index. */
  readonly leafShift: number;
  readonly leafMask: number;

  constructor(memory: Memory, directory: Address, length: number, pageShift: number) {
    this.#memory = memory;
    this.directory = directory;
    this.length = length;
    this.pageShift = pageShift;
    this.leafShift = leafShiftFor(pageShift);
    this.leafMask = (1 << (pageShift - 2)) - 1;
  }

  /** The leaf that serves `address` (an integer inside the memory), or `NULL`. */
  leafOf(address: Address): Address {
    return this.#memory.load32(this.directory + 4 * (address >>> this.leafShift));
  }

  /** The entry of the page around `address` (an integer inside the memory); 0 when it is none of ours. */
  entry(address: Address): number {
    const leaf = this.leafOf(address);
    return leaf === NULL ? 0 : this.#memory.load32(leaf + 4 * ((address >>> this.pageShift) & this.leafMask));
  }

  /** Sets the entries of `pages` pages from `address` on. Every leaf must be there: see {@link PageMap.prepare}. */
  set(address: Address, pages: number, value: number): void {
    const pageSize = 2 ** this.pageShift;
    for (let page = 0; page < pages; page++) {
      const at = address + page * pageSize;
      this.#memory.store32(this.leafOf(at) + 4 * ((at >>> this.pageShift) & this.leafMask), value);
    }
  }

  /**
   * Makes every leaf that `pages` pages from `address` on need.
   *
   * @param takePage hands out one page for a leaf, or `NULL`.
   * @returns false when a leaf could not be had; leaves made stay, for the next try.
   */
  prepare(address: Address, pages: number, takePage: () => Address): boolean {
    const span = 2 ** this.leafShift;
    const end = address + pages * 2 ** this.pageShift;
    for (let at = address - (address % span); at < end; at += span) {
      if (this.leafOf(at) !== NULL) continue;
      const leaf = takePage();
      if (leaf === NULL) return false;
      this.#memory.fill(leaf, 2 ** this.pageShift, 0);
      this.#memory.store32(this.directory + 4 * Math.floor(at / span), leaf);
    }
    return true;
  }

  /** Calls `visit` for every page that has an entry, in ascending order, and for every leaf. */
  *entries(): Generator<{ readonly page: Address; readonly entry: number }> {
    for (let index = 0; index < this.length; index++) {
      const leaf = this.#memory.load32(this.directory + 4 * index);
      if (leaf === NULL) continue;
      for (let page = 0; page <= this.leafMask; page++) {
        const entry = this.#memory.load32(leaf + 4 * page);
        if (entry !== 0) yield { page: index * 2 ** this.leafShift + page * 2 ** this.pageShift, entry };
      }
    }
  }

  /** The addresses of the leaves. */
  leaves(): Address[] {
    const found: Address[] = [];
    for (let index = 0; index < this.length; index++) {
      const leaf = this.#memory.load32(this.directory + 4 * index);
      if (leaf !== NULL) found.push(leaf);
    }
    return found;
  }
}

/** Bits below the directory index: a page of words, each standing for a page. */
const leafShiftFor = (pageShift: number): number => 2 * pageShift - 2;

/** Words of a directory that covers `byteLength` bytes. */
export const directoryLength = (byteLength: number, pageShift: number): number =>
  Math.ceil(byteLength / 2 ** leafShiftFor(pageShift));
