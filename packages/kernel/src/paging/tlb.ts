import { PAGE_SHIFT } from "../abi/page.ts";

/** What {@link Tlb} holds for a page that it does not know. No delta looks like it: deltas are multiples of 4096. */
const TLB_MISS = 1;

/**
 * A translation look-aside buffer in software: one flat table per kind of access, indexed by the page number of the
 * 32-bit window address. An entry is the physical minus the window address (modulo 2^32), so that an access costs one
 * table read and one addition.
 *
 * Must always hold: what is in `reads` may be read through the page tables without a fault, and its entry is marked
 * accessed; what is in `writes` may be written, and its entry is marked dirty.
 */
export class Tlb {
  readonly reads: Int32Array<ArrayBuffer> = new Int32Array(2 ** 20).fill(TLB_MISS);
  readonly writes: Int32Array<ArrayBuffer> = new Int32Array(2 ** 20).fill(TLB_MISS);

  /** Forgets one page. */
  flush(address: number): void {
    const page = address >>> PAGE_SHIFT;
    this.reads[page] = TLB_MISS;
    this.writes[page] = TLB_MISS;
  }

  /** Forgets everything. */
  flushAll(): void {
    this.reads.fill(TLB_MISS);
    this.writes.fill(TLB_MISS);
  }
}
