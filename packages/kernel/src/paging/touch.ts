import { Errno } from "../abi/errno.ts";
import { PAGE_SIZE } from "../abi/page.ts";
import { faultPage } from "../fault/fault.ts";
import { Fault } from "../fault/result.ts";
import { isMapped, Pte } from "../page-table/entry.ts";
import type { VmArea } from "../vma/area.ts";
import { VM_ACCESS, Vm } from "../vma/flags.ts";
import type { PagedSpace } from "./paged-space.ts";

/**
 * Faults pages in on the kernel's behalf, in order, as if they were loaded from or stored to. `__get_user_pages`.
 *
 * @param force Whether a protection other than PROT_NONE is ignored.
 * @returns bytes done before the first failure or, when the very first page fails, a negated error.
 */
export const touchPages = (
  space: PagedSpace,
  area: VmArea,
  start: number,
  end: number,
  write: boolean,
  force: boolean,
): number => {
  const needed = write ? Vm.WRITE : Vm.READ;
  const access = area.flags & VM_ACCESS;
  if ((access & needed) === 0 && !(force && access !== 0 && !write)) return -Errno.EFAULT;
  if (access === Vm.EXEC) return -Errno.EFAULT;
  for (let at = start; at < end; at += PAGE_SIZE) {
    const pte = space.table.read(at);
    if (isMapped(pte) && (!write || pte & Pte.WRITE)) continue;
    const result = faultPage(space, area, at, write);
    if (result >= 0) continue;
    if (at > start) return at - start;
    return result === Fault.OOM ? -Errno.ENOMEM : -Errno.EFAULT;
  }
  return end - start;
};
