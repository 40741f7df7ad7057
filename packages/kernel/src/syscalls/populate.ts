import type { Mm } from "../mm/mm.ts";
import type { VmArea } from "../vma/area.ts";
import { isAccessible, Vm } from "../vma/flags.ts";

/** Touches `[start, end)` of one area as mlock(2) and MAP_POPULATE do. `populate_vma_page_range`. */
export const populateArea = (mm: Mm, area: VmArea, start: number, end: number): number => {
  if (area.flags & Vm.LOCKONFAULT) return end - start;
  // Private writable memory is written to, so that no copy is due later; all else is only read.
  const write = (area.flags & (Vm.WRITE | Vm.SHARED)) === Vm.WRITE;
  return mm.pager.touch(area, start, end, write, isAccessible(area.flags));
};

/**
 * Faults the pages of a range in. `__mm_populate`.
 *
 * @param ignoreErrors Whether to go on with the next area after a failure.
 * @returns 0 or a negated error number.
 */
export const populate = (mm: Mm, address: number, length: number, ignoreErrors: boolean): number => {
  const end = address + length;
  let at = address;
  while (at < end) {
    const area = mm.areas.intersecting(at, end);
    if (area === null) break;
    const to = Math.min(end, area.end);
    const from = Math.max(at, area.start);
    if (area.flags & (Vm.IO | Vm.PFNMAP)) {
      at = to;
      continue;
    }
    const done = populateArea(mm, area, from, to);
    if (done < 0) {
      if (!ignoreErrors) return done;
      at = to;
    } else at = from + done;
  }
  return 0;
};
