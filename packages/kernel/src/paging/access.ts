import { handleFault } from "../fault/fault.ts";
import { frameOf, Pte } from "../page-table/entry.ts";
import type { PagedSpace } from "./paged-space.ts";

/**
 * The processor's side: goes through the page tables for a load or store at `address`, sets the accessed and dirty
 * bits as the processor does, and has a fault served when the tables do not allow it.
 *
 * @returns the physical address, or one of the negative {@link Fault} results.
 */
export const translate = (space: PagedSpace, address: number, write: boolean): number => {
  const { table } = space;
  const needed = write ? Pte.PRESENT | Pte.WRITE : Pte.PRESENT;
  for (;;) {
    const entry = table.find(address);
    if (entry !== 0) {
      const pte = table.get(entry);
      if ((pte & needed) === needed) {
        const seen = pte | Pte.ACCESSED | (write ? Pte.DIRTY : 0);
        if (seen !== (pte | 0)) table.mark(entry, seen >>> 0);
        return frameOf(pte) * 4096 + (address % 4096);
      }
    }
    const result = handleFault(space, address, write);
    if (result < 0) return result;
  }
};
