import { pageFloor } from "../abi/page.ts";
import { isGuard, isMapped, Pte } from "../page-table/entry.ts";
import type { PagedSpace } from "../paging/paged-space.ts";
import type { VmArea } from "../vma/area.ts";
import { isAccessible, VM_ACCESS, Vm } from "../vma/flags.ts";
import { faultAnonymous } from "./anonymous.ts";
import { faultFile } from "./file.ts";
import { Fault } from "./result.ts";
import { growStack } from "./stack.ts";
import { faultSwapped } from "./swapped.ts";
import { faultWriteProtected } from "./write-protected.ts";

/**
 * Serves the page fault that a load or store at `address` causes: finds the area, lets a stack grow, checks the
 * access, makes the page available.
 *
 * @returns one of {@link Fault}: 0 or more when the access can be repeated and will succeed.
 */
export const handleFault = (space: PagedSpace, address: number, write: boolean): number => {
  const { mm } = space;
  const area = mm.areas.find(address);
  if (area === null || address >= mm.layout.taskSize) return Fault.MAPERR;
  if (area.start > address && !growStack(mm, area, address)) return Fault.MAPERR;
  const access = area.flags & VM_ACCESS;
  if (access === Vm.EXEC) return Fault.PKUERR;
  // A page that may be written can be read on x86, whatever the area says.
  if (write ? (access & Vm.WRITE) === 0 : !isAccessible(access)) return Fault.ACCERR;
  return faultPage(space, area, pageFloor(address), write);
};

/**
 * Makes the page at `address` (page-aligned, inside `area`) available, the access being allowed. Counts the fault
 * when it succeeds. `handle_mm_fault`.
 */
export const faultPage = (space: PagedSpace, area: VmArea, address: number, write: boolean): number => {
  const result = serve(space, area, address, write);
  if (result < 0) return result;
  const { events } = space.machine;
  events.pgfault += 1;
  if (result === Fault.MAJOR) {
    events.pgmajfault += 1;
    space.majorFaults += 1;
  } else space.minorFaults += 1;
  return result;
};

const serve = (space: PagedSpace, area: VmArea, address: number, write: boolean): number => {
  const entry = space.table.find(address);
  const pte = entry === 0 ? 0 : space.table.get(entry);
  if (pte === 0) {
    return area.isAnonymous
      ? faultAnonymous(space, area, address, write)
      : faultFile(space, area, address, write);
  }
  if (isGuard(pte)) return Fault.MAPERR;
  if (!isMapped(pte)) return faultSwapped(space, area, address, entry, write);
  if (write && (pte & Pte.WRITE) === 0) return faultWriteProtected(space, area, address, entry);
  space.setBits(entry, address, pte | Pte.ACCESSED | (write ? Pte.DIRTY : 0), area);
  return Fault.MINOR;
};
