import { PAGE_SIZE } from "../abi/page.ts";
import type { VmArea } from "../vma/area.ts";
import type { PagedSpace } from "./paged-space.ts";

/**
 * Moves the entries of `[from, from + length)` to `to`: pages, swap entries and markers alike. No page faults, none is
 * counted anew. `move_page_tables`.
 *
 * Where old and new addresses lie equally in their page tables, whole tables change hands. For that the range is
 * widened downwards to the start of a table when the area begins at `from`, nothing else is mapped in the same table
 * on either side, and the range reaches the table's end.
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
  const span = space.table.leafSpan;
  const end = from + length;
  const shift = to - from;
  let at = from;
  const inTable = from % span;
  if (inTable !== 0 && to % span === inTable && length >= span - inTable) {
    if (startsAlone(space, from, span) && startsAlone(space, to, span)) at -= inTable;
  }
  while (at < end) {
    const target = at + shift;
    const extent = Math.min(span - (at % span), span - (target % span), end - at);
    if (space.table.find(at) !== 0 && !(extent === span && moveTable(space, at, target))) {
      if (space.table.reach(target) === 0) return Math.max(0, at - from);
      moveEntries(space, area, at, target, extent);
    }
    at += extent;
  }
  return length;
};

/** Whether an area begins at `address` and nothing is mapped below it in the same table. */
const startsAlone = (space: PagedSpace, address: number, span: number): boolean => {
  const area = space.mm.areas.at(address);
  if (area === null || area.start !== address) return false;
  return space.mm.areas.intersecting(address - (address % span), address) === null;
};

const moveTable = (space: PagedSpace, from: number, to: number): boolean => {
  if (!space.table.moveLeaf(from, to)) return false;
  const { flush } = space;
  if (flush !== null) {
    const { leafSpan } = space.table;
    for (let offset = 0; offset < leafSpan; offset += PAGE_SIZE) flush(from + offset);
  }
  return true;
};

/** Both ranges lie in one table each, which exist. */
const moveEntries = (space: PagedSpace, area: VmArea, from: number, to: number, length: number): void => {
  const { table, flush } = space;
  const step = table.stride;
  let source = table.find(from);
  let target = table.find(to);
  for (let offset = 0; offset < length; offset += PAGE_SIZE, source += step, target += step) {
    const pte = table.get(source);
    if (pte === 0) continue;
    table.set(source, 0, 0);
    table.set(target, pte, space.highWord(area));
    flush?.(from + offset);
  }
};
