import { PAGE_SIZE, pageFloor, pageOf } from "../abi/page.ts";
import type { Mm } from "../mm/mm.ts";
import { ensureAnonVma } from "../vma/anon-vma.ts";
import { STACK_GUARD, type VmArea } from "../vma/area.ts";
import { isAccessible, Vm } from "../vma/flags.ts";

/**
 * Grows an area that grows down to the page of `address`, which lies in the hole right below it.
 * `expand_downwards`.
 *
 * @returns whether it could.
 */
export const growStack = (mm: Mm, area: VmArea, address: number): boolean => {
  if ((area.flags & Vm.GROWSDOWN) === 0) return false;
  const start = pageFloor(address);
  if (start < mm.layout.minHint) return false;
  const below = area.prev;
  if (below !== null && (below.flags & Vm.GROWSDOWN) === 0 && isAccessible(below.flags)) {
    if (start - below.end < STACK_GUARD) return false;
  }
  // From here on the area counts as written to, whether the limits allow the growth or not.
  ensureAnonVma(area);
  const pages = (area.start - start) / PAGE_SIZE;
  if (pages > area.pgoff) return false;
  if (!mm.mayExpand(area.flags, pages)) return false;
  if (area.end - start > mm.limits.stack) return false;
  if (area.flags & Vm.LOCKED && mm.lockedVm + pages > pageOf(mm.limits.memlock)) return false;
  if (mm.charge(pages) < 0) return false;
  if (area.flags & Vm.LOCKED) mm.lockedVm += pages;
  mm.account(area.flags, pages);
  area.pgoff -= pages;
  mm.areas.resize(area, start, area.end);
  return true;
};
