import { Errno } from "../abi/errno.ts";
import { Madvise } from "../abi/mman.ts";
import { isPageAligned, pageCeil } from "../abi/page.ts";
import { modifyFlags } from "../mm/merge.ts";
import type { Mm } from "../mm/mm.ts";
import { ensureAnonVma } from "../vma/anon-vma.ts";
import type { VmArea } from "../vma/area.ts";
import { VM_SPECIAL, Vm } from "../vma/flags.ts";

/** The advice that is known here, for the check that comes before all others. */
const KNOWN: ReadonlySet<number> = new Set(Object.values(Madvise));

/** madvise(2). Goes on behind holes and then says -ENOMEM; stops at the first other error. */
export const madvise = (mm: Mm, address: number, bytes: number, advice: number): number => {
  if (!KNOWN.has(advice)) return -Errno.EINVAL;
  if (!isPageAligned(address)) return -Errno.EINVAL;
  const end = address + pageCeil(bytes);
  if (bytes === 0) return 0;
  if (advice === Madvise.POPULATE_READ) return populateAll(mm, address, end, false);
  if (advice === Madvise.POPULATE_WRITE) return populateAll(mm, address, end, true);

  let result = 0;
  let start = address;
  while (start < end) {
    const area = mm.areas.find(start);
    if (area === null) return -Errno.ENOMEM;
    if (area.start > start) {
      result = -Errno.ENOMEM;
      start = area.start;
      if (start >= end) break;
    }
    const to = Math.min(end, area.end);
    const error = adviseArea(mm, area, start, to, advice);
    if (error < 0) return error;
    start = to;
  }
  return result;
};

/** MADV_POPULATE_READ and MADV_POPULATE_WRITE. Stop at the first problem. */
const populateAll = (mm: Mm, address: number, end: number, write: boolean): number => {
  let at = address;
  while (at < end) {
    const area = mm.areas.at(at);
    if (area === null) return -Errno.ENOMEM;
    const permitted = area.flags & (write ? Vm.WRITE : Vm.READ);
    if (!permitted || area.flags & (Vm.IO | Vm.PFNMAP)) return -Errno.EINVAL;
    const done = mm.pager.touch(area, at, Math.min(end, area.end), write, false);
    if (done < 0) return done;
    at += done;
  }
  return 0;
};

const adviseArea = (mm: Mm, area: VmArea, start: number, end: number, advice: number): number => {
  switch (advice) {
    case Madvise.WILLNEED:
      return 0;
    case Madvise.COLD:
    case Madvise.PAGEOUT:
      if (area.flags & (Vm.LOCKED | Vm.PFNMAP)) return -Errno.EINVAL;
      if (advice === Madvise.COLD) mm.pager.deactivate(area, start, end);
      else mm.pager.pageOut(area, start, end);
      return 0;
    case Madvise.DONTNEED:
    case Madvise.DONTNEED_LOCKED:
      if (area.flags & Vm.PFNMAP) return -Errno.EINVAL;
      if (advice === Madvise.DONTNEED && area.flags & Vm.LOCKED) return -Errno.EINVAL;
      mm.pager.discard(area, start, end);
      return 0;
    case Madvise.FREE:
      if (area.flags & (Vm.LOCKED | Vm.PFNMAP) || !area.isAnonymous) return -Errno.EINVAL;
      mm.pager.lazyFree(area, start, end);
      return 0;
    case Madvise.REMOVE:
      return removePages(mm, area, start, end);
    case Madvise.GUARD_INSTALL:
      if (area.flags & (VM_SPECIAL | Vm.LOCKED)) return -Errno.EINVAL;
      area.flags |= Vm.MAYBE_GUARD;
      if (area.isAnonymous) ensureAnonVma(area);
      return mm.pager.installGuards(area, start, end) ? 0 : -Errno.ENOMEM;
    case Madvise.GUARD_REMOVE:
      if (area.flags & VM_SPECIAL) return -Errno.EINVAL;
      mm.pager.removeGuards(area, start, end);
      return 0;
    default: {
      const flags = advisedFlags(area, advice);
      if (flags < 0 || flags === area.flags) return Math.min(flags, 0);
      // A want of kernel objects is -EAGAIN here, where other calls say -ENOMEM.
      return typeof modifyFlags(mm, area, start, end, flags) === "number" ? -Errno.EAGAIN : 0;
    }
  }
};

const removePages = (mm: Mm, area: VmArea, start: number, end: number): number => {
  if (area.flags & Vm.LOCKED || area.file === null) return -Errno.EINVAL;
  const needed = Vm.SHARED | Vm.MAYWRITE;
  if ((area.flags & needed) !== needed) return -Errno.EACCES;
  return mm.pager.punchHole(area, start, end);
};

/** The area's flags after an advice that only changes flags, or a negated error number. */
const advisedFlags = (area: VmArea, advice: number): number => {
  const { flags } = area;
  switch (advice) {
    case Madvise.NORMAL:
      return flags & ~(Vm.RAND_READ | Vm.SEQ_READ);
    case Madvise.SEQUENTIAL:
      return (flags & ~Vm.RAND_READ) | Vm.SEQ_READ;
    case Madvise.RANDOM:
      return (flags & ~Vm.SEQ_READ) | Vm.RAND_READ;
    case Madvise.DONTFORK:
      return flags | Vm.DONTCOPY;
    case Madvise.DOFORK:
      return flags & Vm.IO ? -Errno.EINVAL : flags & ~Vm.DONTCOPY;
    case Madvise.WIPEONFORK:
      return area.file !== null || flags & Vm.SHARED ? -Errno.EINVAL : flags | Vm.WIPEONFORK;
    case Madvise.KEEPONFORK:
      return flags & Vm.DROPPABLE ? -Errno.EINVAL : flags & ~Vm.WIPEONFORK;
    case Madvise.DONTDUMP:
      return flags | Vm.DONTDUMP;
    case Madvise.DODUMP:
      return flags & (VM_SPECIAL | Vm.DROPPABLE) ? -Errno.EINVAL : flags & ~Vm.DONTDUMP;
    case Madvise.MERGEABLE:
      return flags & (Vm.SHARED | Vm.MAYSHARE | VM_SPECIAL) ? flags : flags | Vm.MERGEABLE;
    case Madvise.UNMERGEABLE:
      return flags & ~Vm.MERGEABLE;
    case Madvise.HUGEPAGE:
      return flags & VM_SPECIAL ? -Errno.EINVAL : (flags & ~Vm.NOHUGEPAGE) | Vm.HUGEPAGE;
    case Madvise.NOHUGEPAGE:
      return (flags & ~Vm.HUGEPAGE) | Vm.NOHUGEPAGE;
    default:
      return -Errno.EINVAL;
  }
};
