import { Errno } from "../abi/errno.ts";
import { Prot } from "../abi/mman.ts";
import { isPageAligned, PAGE_SIZE, pageCeil } from "../abi/page.ts";
import { modifyFlags } from "../mm/merge.ts";
import type { Mm } from "../mm/mm.ts";
import type { VmArea } from "../vma/area.ts";
import { VM_ACCESS, Vm } from "../vma/flags.ts";
import { populateArea } from "./populate.ts";

/** mprotect(2). Everything before the first hole or error is changed, then the error is returned. */
export const mprotect = (mm: Mm, address: number, bytes: number, prot: number): number => {
  const grows = prot & (Prot.GROWSDOWN | Prot.GROWSUP);
  if (grows === (Prot.GROWSDOWN | Prot.GROWSUP)) return -Errno.EINVAL;
  if (!isPageAligned(address)) return -Errno.EINVAL;
  if (bytes === 0) return 0;
  const end = address + pageCeil(bytes);
  const access = prot & ~grows;
  if (access & ~(Prot.READ | Prot.WRITE | Prot.EXEC | Prot.SEM)) return -Errno.EINVAL;

  let area = mm.areas.intersecting(address, end);
  if (area === null) return -Errno.ENOMEM;
  let start = address;
  if (grows === Prot.GROWSDOWN) {
    start = area.start;
    if ((area.flags & Vm.GROWSDOWN) === 0) return -Errno.EINVAL;
  } else {
    if (area.start > start) return -Errno.ENOMEM;
    // No area of x86 grows upwards.
    if (grows === Prot.GROWSUP) return -Errno.EINVAL;
  }
  while (area !== null && area.start < end) {
    if (area.start > start) return -Errno.ENOMEM;
    const flags = (area.flags & ~VM_ACCESS) | (access & VM_ACCESS);
    // Each of read, write and execute needs its "may" bit, four places higher.
    if (flags & ~(flags >> 4) & VM_ACCESS) return -Errno.EACCES;
    const changed = protectArea(mm, area, start, Math.min(area.end, end), flags);
    if (typeof changed === "number") return changed;
    start = changed.end;
    area = changed.next;
  }
  return start < end ? -Errno.ENOMEM : 0;
};

/** `mprotect_fixup`. */
const protectArea = (mm: Mm, area: VmArea, start: number, end: number, access: number): VmArea | number => {
  const old = area.flags;
  let flags = access;
  if (flags === old) return area;
  const pages = (end - start) / PAGE_SIZE;
  let charged = 0;
  if (flags & Vm.WRITE) {
    if (!mm.mayExpand(flags, pages) && mm.mayExpand(old, pages)) return -Errno.ENOMEM;
    if ((old & (Vm.ACCOUNT | Vm.WRITE | Vm.SHARED | Vm.NORESERVE)) === 0) {
      const refused = mm.charge(pages);
      if (refused < 0) return refused;
      flags |= Vm.ACCOUNT;
      charged = pages;
    }
  } else if (old & Vm.ACCOUNT && area.isAnonymous && area.anonVma === null) {
    flags &= ~Vm.ACCOUNT;
  }
  const changed = modifyFlags(mm, area, start, end, flags);
  if (typeof changed === "number") {
    mm.charge(-charged);
    return changed;
  }
  mm.pager.protect(changed, start, end);
  if (old & Vm.ACCOUNT && !(flags & Vm.ACCOUNT)) mm.charge(-pages);
  // Locked private memory that becomes writable gets its copies now, so that no store faults later.
  if ((old & (Vm.WRITE | Vm.SHARED | Vm.LOCKED)) === Vm.LOCKED && flags & Vm.WRITE) {
    populateArea(mm, changed, start, end);
  }
  mm.account(old, -pages);
  mm.account(flags, pages);
  return changed;
};
