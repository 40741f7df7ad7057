import type { PagedSpace } from "../paging/paged-space.ts";
import { Vm } from "../vma/flags.ts";

/** The memory lines of /proc/PID/status. All are multiples of 4 kB. */
export const statusText = (space: PagedSpace): string => {
  const { mm, rss, table } = space;
  const program = mm.areas.first?.file;
  let code = 0;
  for (const area of mm.areas) {
    if (area.file === program && area.flags & Vm.EXEC && !(area.flags & Vm.WRITE)) code += area.pages;
  }
  const lines: readonly (readonly [string, number])[] = [
    ["VmPeak", mm.peakVm],
    ["VmSize", mm.totalVm],
    ["VmLck", mm.lockedVm],
    ["VmPin", 0],
    ["VmHWM", Math.max(rss.peak, rss.total)],
    ["VmRSS", rss.total],
    ["RssAnon", rss.anon],
    ["RssFile", rss.file],
    ["RssShmem", rss.shmem],
    ["VmData", mm.dataVm],
    ["VmStk", mm.stackVm],
    ["VmExe", code],
    ["VmLib", Math.max(0, mm.execVm - code)],
    ["VmPTE", table.bytes / 4096],
    ["VmSwap", rss.swap],
  ];
  return lines.map(([name, pages]) => `${name}:\t${String(pages * 4).padStart(8)} kB\n`).join("");
};
