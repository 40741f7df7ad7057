import { Frame } from "../frames/frames.ts";
import { frameOf, isMapped, Pte } from "../page-table/entry.ts";
import type { VmArea } from "../vma/area.ts";
import { Vm } from "../vma/flags.ts";
import type { PagedSpace } from "./paged-space.ts";

const KEPT: number = ~(Pte.PRESENT | Pte.USER | Pte.NO_ACCESS | Pte.WRITE);

/**
 * Brings the entries of `[start, end)` in line with the area's new protection. `change_protection`.
 *
 * What may be written without telling the kernel becomes writable at once: an anonymous page that belongs to this
 * process alone, a page of a file that is dirty already, a page of shared memory. All else faults on its next store.
 */
export const protectPages = (space: PagedSpace, area: VmArea, start: number, end: number): void => {
  const { table } = space;
  const base = space.protectionBits(area);
  table.forEach(start, end, (first, firstAddress, count) => {
    for (let i = 0, entry = first, address = firstAddress; i < count; i++) {
      const pte = table.get(entry);
      if (isMapped(pte)) {
        const write = base & Pte.PRESENT && mayWrite(space, area, pte) ? Pte.WRITE : 0;
        space.setBits(entry, address, (pte & KEPT) | base | write, area);
      }
      entry += table.stride;
      address += 4096;
    }
  });
};

const mayWrite = (space: PagedSpace, area: VmArea, pte: number): boolean => {
  if ((area.flags & Vm.WRITE) === 0 || pte & Pte.SPECIAL) return false;
  if (area.flags & Vm.SHARED) return space.mapsWritable(area) || (pte & Pte.DIRTY) !== 0;
  const owned = Frame.ANON | Frame.EXCLUSIVE;
  return (space.machine.frames.flagsOf(frameOf(pte)) & owned) === owned;
};
