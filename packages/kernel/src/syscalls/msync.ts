import { Errno } from "../abi/errno.ts";
import { MsyncFlag } from "../abi/mman.ts";
import { isPageAligned, pageCeil } from "../abi/page.ts";
import type { Mm } from "../mm/mm.ts";
import { Vm } from "../vma/flags.ts";

/** msync(2). MS_SYNC writes back shared file pages, going on behind holes; MS_ASYNC only looks at the range. */
export const msync = (mm: Mm, address: number, bytes: number, flags: number): number => {
  if (flags & ~(MsyncFlag.ASYNC | MsyncFlag.INVALIDATE | MsyncFlag.SYNC)) return -Errno.EINVAL;
  if (!isPageAligned(address)) return -Errno.EINVAL;
  if (flags & MsyncFlag.ASYNC && flags & MsyncFlag.SYNC) return -Errno.EINVAL;
  const end = address + pageCeil(bytes);
  let result = 0;
  let start = address;
  while (start < end) {
    const area = mm.areas.find(start);
    if (area === null) return -Errno.ENOMEM;
    if (start < area.start) {
      if (flags === MsyncFlag.ASYNC) return -Errno.ENOMEM;
      start = area.start;
      if (start >= end) return -Errno.ENOMEM;
      result = -Errno.ENOMEM;
    }
    if (flags & MsyncFlag.INVALIDATE && area.flags & Vm.LOCKED) return -Errno.EBUSY;
    if (flags & MsyncFlag.SYNC && area.file !== null && area.flags & Vm.SHARED) {
      const error = mm.pager.sync(area, start, Math.min(end, area.end));
      if (error < 0) return error;
    }
    start = area.end;
  }
  return result;
};
