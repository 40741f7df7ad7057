import { Errno } from "../abi/errno.ts";
import { MlockFlag } from "../abi/mman.ts";
import { PAGE_SIZE, pageCeil, pageFloor, pageOf } from "../abi/page.ts";
import { modifyFlags } from "../mm/merge.ts";
import type { Mm } from "../mm/mm.ts";
import type { VmArea } from "../vma/area.ts";
import { VM_LOCKED_MASK, VM_SPECIAL, Vm } from "../vma/flags.ts";
import { populate } from "./populate.ts";

/** mlock2(2); with `flags` 0, mlock(2). */
export const mlock = (mm: Mm, address: number, bytes: number, flags: number): number => {
  if (flags & ~MlockFlag.ONFAULT) return -Errno.EINVAL;
  const { memlock } = mm.limits;
  if (memlock === 0) return -Errno.EPERM;
  const start = pageFloor(address);
  const length = pageCeil(bytes + (address - start));
  const limit = pageOf(memlock);
  let locked = length / PAGE_SIZE + mm.lockedVm;
  if (locked > limit) locked -= lockedPages(mm, start, start + length);
  if (locked > limit) return -Errno.ENOMEM;
  const set = flags & MlockFlag.ONFAULT ? VM_LOCKED_MASK : Vm.LOCKED;
  const error = applyLock(mm, start, length, set);
  if (error < 0) return error;
  const failed = populate(mm, start, length, false);
  if (failed === -Errno.EFAULT) return -Errno.ENOMEM;
  return failed === -Errno.ENOMEM ? -Errno.EAGAIN : failed;
};

/** munlock(2). */
export const munlock = (mm: Mm, address: number, bytes: number): number => {
  const start = pageFloor(address);
  return applyLock(mm, start, pageCeil(bytes + (address - start)), 0);
};

const lockedPages = (mm: Mm, start: number, end: number): number => {
  let pages = 0;
  for (let area = mm.areas.intersecting(start, end); area !== null && area.start < end; area = area.next) {
    if (area.flags & Vm.LOCKED) pages += (Math.min(end, area.end) - Math.max(start, area.start)) / PAGE_SIZE;
  }
  return pages;
};

/** Everything before the first hole is changed, then -ENOMEM is returned. `apply_vma_lock_flags`. */
const applyLock = (mm: Mm, address: number, length: number, lockFlags: number): number => {
  const end = address + length;
  if (length === 0) return 0;
  let start = address;
  let area = mm.areas.at(address);
  if (area === null) return -Errno.ENOMEM;
  while (area !== null && area.start < end) {
    if (area.start > start) return -Errno.ENOMEM;
    const changed = lockArea(mm, area, start, Math.min(area.end, end), lockFlags);
    if (typeof changed === "number") return changed;
    start = changed.end;
    area = changed.next;
  }
  return start < end ? -Errno.ENOMEM : 0;
};

/** `mlock_fixup`. */
const lockArea = (mm: Mm, area: VmArea, start: number, end: number, lockFlags: number): VmArea | number => {
  const old = area.flags;
  const flags = (old & ~VM_LOCKED_MASK) | lockFlags;
  if (flags === old || old & (VM_SPECIAL | Vm.DROPPABLE)) return area;
  const changed = modifyFlags(mm, area, start, end, flags);
  if (typeof changed === "number") return changed;
  const pages = (end - start) / PAGE_SIZE;
  if ((flags & Vm.LOCKED) === 0) mm.lockedVm -= pages;
  else if ((old & Vm.LOCKED) === 0) mm.lockedVm += pages;
  return changed;
};
