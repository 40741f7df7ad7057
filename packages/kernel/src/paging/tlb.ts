import type { Address } from "@heapwright/allocator";
import { PAGE_SHIFT } from "../abi/page.ts";

/** What {@link Tlb} holds for a page that it does not know: what new tables are full of, which so cost nothing yet. */
const MISS = 0;

/**
 * The physical address that a view used with a {@link Tlb} begins at. It lies in the page that is never used, and keeps
 * the entry of a page whose physical address is its window address from looking like a miss.
 */
export const TLB_ORIGIN = 8;

/** Pages from this physical address on are never in a {@link Tlb}, so that no offset in the view is taken for negative. */
const END = 2 ** 31;

/** What a {@link Tlb} holds for the page of `address`: what to add, modulo 2^32, to get the offset in the view. */
export const tlbEntry = (address: Address, physical: number): number =>
  physical < END ? (physical - TLB_ORIGIN - address) | 0 : MISS;

/**
 * A translation look-aside buffer in software: one flat table per kind of access, indexed by the page number of the
 * 32-bit window address, so that an access costs one table read and one addition.
 *
 * Must always hold: what is in `reads` may be read through the page tables without a fault, and its entry is marked
 * accessed; what is in `writes` may be written, and its entry is marked dirty.
 */
export class Tlb {
  readonly reads: Int32Array<ArrayBuffer> = new Int32Array(2 ** 20);
  readonly writes: Int32Array<ArrayBuffer> = new Int32Array(2 ** 20);

  /** Forgets one page. */
  flush(address: Address): void {
    const page = address >>> PAGE_SHIFT;
    this.reads[page] = MISS;
    this.writes[page] = MISS;
  }
}
