import type { VmArea } from "../vma/area.ts";
import type { PagedSpace } from "./paged-space.ts";

/**
 * Moves the entries of `[from, from + length)` to `to`: pages, swap entries and markers alike. No page faults, none is
 * counted anew. `move_page_tables`.
 *
 * @returns how many bytes were done; less than `length` when there was no frame for a page table.
 */
export const movePages = (
  space: PagedSpace,
  area: VmArea,
  from: number,
  to: number,
  length: number,
): number => {
  const { table } = space;
  let done = length;
  table.forEach(from, from + length, (first, firstAddress, count) => {
    for (let i = 0, entry = first, address = firstAddress; i < count && done === length; i++) {
      const pte = table.get(entry);
      if (pte !== 0) {
        const target = table.reach(address - from + to);
        if (target === 0) {
          done = address - from;
          return;
        }
        table.set(entry, 0, 0);
        table.set(target, pte, space.highWord(area));
        space.flush?.(address);
        space.flush?.(address - from + to);
      }
      entry += table.stride;
      address += 4096;
    }
  });
  table.prune(from, from + length);
  return done;
};
