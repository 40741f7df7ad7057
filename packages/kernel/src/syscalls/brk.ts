import { PAGE_SIZE, pageCeil } from "../abi/page.ts";
import { mergeNew } from "../mm/merge.ts";
import { MAX_MAP_COUNT, type Mm } from "../mm/mm.ts";
import { STACK_GUARD } from "../vma/area.ts";
import { VM_DATA_DEFAULT, Vm } from "../vma/flags.ts";
import { unmapRange } from "./munmap.ts";

/** brk(2) as the kernel has it: never an error, always the break that is in force afterwards. */
export const brk = (mm: Mm, wanted: number): number => {
  if (wanted < mm.startBrk) return mm.brk;
  if (wanted - mm.startBrk + (mm.endData - mm.startData) > mm.limits.data) return mm.brk;
  const newEnd = pageCeil(wanted);
  const oldEnd = pageCeil(mm.brk);
  if (newEnd === oldEnd) mm.brk = wanted;
  else if (wanted <= mm.brk) shrink(mm, wanted, newEnd, oldEnd);
  else if (grow(mm, oldEnd, newEnd)) mm.brk = wanted;
  return mm.brk;
};

const shrink = (mm: Mm, wanted: number, newEnd: number, oldEnd: number): void => {
  // Where nothing at all is mapped in between, the break stays.
  if (mm.areas.intersecting(newEnd, oldEnd) === null) return;
  const before = mm.brk;
  mm.brk = wanted;
  if (unmapRange(mm, newEnd, oldEnd) < 0) mm.brk = before;
};

const grow = (mm: Mm, oldEnd: number, newEnd: number): boolean => {
  const bytes = newEnd - oldEnd;
  if (newEnd > mm.layout.taskSize) return false;
  // One page must stay free above the break, and the guard of a stack that follows.
  const next = mm.areas.intersecting(oldEnd, newEnd + PAGE_SIZE + STACK_GUARD);
  if (next !== null && newEnd + PAGE_SIZE > next.guardStart) return false;

  const flags = VM_DATA_DEFAULT | Vm.ACCOUNT;
  const pages = bytes / PAGE_SIZE;
  if (!mm.mayExpand(flags, pages) || mm.areas.size > MAX_MAP_COUNT) return false;
  if (mm.charge(pages) < 0) return false;
  const below = mm.areas.before(oldEnd);
  // The heap grows; memory that ends below the start of the break (the program's bss) never does.
  const mayMerge = below !== null && below.end === oldEnd && below.end > mm.startBrk;
  const kind = { flags, pgoff: oldEnd / PAGE_SIZE, file: null, anonVma: null, source: null };
  if (!mayMerge || mergeNew(mm, oldEnd, newEnd, kind, true) === null) {
    const area = mm.newArea(oldEnd, newEnd, flags, kind.pgoff, null);
    if (area === null) {
      mm.charge(-pages);
      return false;
    }
    mm.link(area);
  }
  mm.account(flags, pages);
  return true;
};
