import { Errno } from "../abi/errno.ts";
import { isPageAligned, pageCeil } from "../abi/page.ts";
import { discardArea, splitArea } from "../mm/merge.ts";
import { MAX_MAP_COUNT, type Mm } from "../mm/mm.ts";
import type { VmArea } from "../vma/area.ts";
import { Vm } from "../vma/flags.ts";

/**
 * Cuts areas at the borders of `[start, end)`, so that every area lies wholly inside or wholly outside.
 *
 * @returns 0, or -ENOMEM when there would be too many areas, or there is no memory for them. A cut that was made by then
 * remains.
 */
export const isolate = (mm: Mm, start: number, end: number): number => {
  const first = mm.areas.intersecting(start, end);
  if (first === null) return 0;
  if (first.start < start) {
    // Only a cut out of the middle leaves more areas than before. All others may pass the limit on their way, so that
    // freeing can go on.
    if (end < first.end && mm.areas.size >= MAX_MAP_COUNT) return -Errno.ENOMEM;
    if (splitArea(mm, first, start) === null) return -Errno.ENOMEM;
  }
  const last = mm.areas.find(end - 1);
  if (last !== null && last.start < end && last.end > end && splitArea(mm, last, end) === null) {
    return -Errno.ENOMEM;
  }
  return 0;
};

/** What the areas inside an isolated range come to. */
export interface RangeSum {
  /** Pages. */
  readonly pages: number;
  /** Pages that are charged against the commit limit. */
  readonly accounted: number;
}

/** The sum of a range without areas. */
export const NOTHING: RangeSum = { pages: 0, accounted: 0 };

/** Sums up the areas of an isolated range. */
export const sumRange = (mm: Mm, start: number, end: number): RangeSum => {
  let pages = 0;
  let accounted = 0;
  for (let area = mm.areas.intersecting(start, end); area !== null && area.start < end; area = area.next) {
    pages += area.pages;
    if (area.flags & Vm.ACCOUNT) accounted += area.pages;
  }
  return { pages, accounted };
};

/** Removes the areas of an isolated range, with their pages. */
export const removeRange = (mm: Mm, start: number, end: number): void => {
  let area = mm.areas.intersecting(start, end);
  if (area === null) return;
  const from = area.start;
  const floor = area.prev?.end ?? 0;
  let to = end;
  while (area !== null && area.start < end) {
    const next: VmArea | null = area.next;
    to = area.end;
    mm.pager.unmap(area, area.start, area.end);
    const { pages, flags } = area;
    mm.account(flags, -pages);
    if (flags & Vm.LOCKED) mm.lockedVm -= pages;
    if (flags & Vm.ACCOUNT) mm.charge(-pages);
    discardArea(mm, area);
    area = next;
  }
  mm.pager.freeTables(from, to, floor, area?.start ?? Number.POSITIVE_INFINITY);
};

/** Removes whatever is mapped in `[start, end)`, both page-aligned. 0 or a negated error. `do_vmi_align_munmap`. */
export const unmapRange = (mm: Mm, start: number, end: number): number => {
  const error = isolate(mm, start, end);
  if (error < 0) return error;
  removeRange(mm, start, end);
  return 0;
};

/** munmap(2). */
export const munmap = (mm: Mm, address: number, length: number): number => {
  const { taskSize } = mm.layout;
  if (!isPageAligned(address) || address > taskSize || length > taskSize - address) return -Errno.EINVAL;
  if (length <= 0) return -Errno.EINVAL;
  return unmapRange(mm, address, address + pageCeil(length));
};
