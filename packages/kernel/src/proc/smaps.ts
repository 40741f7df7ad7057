import { Frame } from "../frames/frames.ts";
import { frameOf, isMapped, isSwap, Pte } from "../page-table/entry.ts";
import type { PagedSpace } from "../paging/paged-space.ts";
import type { VmArea } from "../vma/area.ts";
import { flagLetters, Vm } from "../vma/flags.ts";
import { kilobytes } from "./format.ts";
import { mapsLine } from "./maps.ts";

/** What /proc/PID/smaps says of one area, in pages. */
class AreaPages {
  rss = 0;
  pss = 0;
  pssDirty = 0;
  sharedClean = 0;
  sharedDirty = 0;
  privateClean = 0;
  privateDirty = 0;
  referenced = 0;
  anonymous = 0;
  lazyFree = 0;
  swap = 0;
}

const countPages = (space: PagedSpace, area: VmArea): AreaPages => {
  const pages = new AreaPages();
  const { frames } = space.machine;
  const { table } = space;
  space.table.forEach(area.start, area.end, (first, _address, count) => {
    for (let i = 0, entry = first; i < count; i++, entry += table.stride) {
      const pte = table.get(entry);
      if (isSwap(pte)) pages.swap += 1;
      // The page of zeros is nobody's.
      if (!isMapped(pte) || pte & Pte.SPECIAL) continue;
      const frame = frameOf(pte);
      const flags = frames.flagsOf(frame);
      const users = frames.mapCountOf(frame);
      const dirty = (pte & Pte.DIRTY) !== 0 || (flags & Frame.DIRTY) !== 0;
      pages.rss += 1;
      pages.pss += 1 / users;
      if (dirty) pages.pssDirty += 1 / users;
      if (users > 1 && dirty) pages.sharedDirty += 1;
      else if (users > 1) pages.sharedClean += 1;
      else if (dirty) pages.privateDirty += 1;
      else pages.privateClean += 1;
      if (pte & Pte.ACCESSED || flags & Frame.REFERENCED) pages.referenced += 1;
      if (flags & Frame.ANON) pages.anonymous += 1;
      if (flags & Frame.LAZY_FREE && !dirty) pages.lazyFree += 1;
    }
  });
  return pages;
};

/** The text of /proc/PID/smaps: every area with its pages by kind. O(resident pages). */
export const smapsText = (space: PagedSpace): string => {
  const { mm } = space;
  let text = "";
  for (const area of mm.areas) {
    const pages = countPages(space, area);
    const line = (name: string, value: number): string => kilobytes(name, value, 8);
    text += `${mapsLine(mm, area)}\n`;
    text += line("Size", area.pages) + line("KernelPageSize", 1) + line("MMUPageSize", 1);
    text += line("Rss", pages.rss) + line("Pss", pages.pss) + line("Pss_Dirty", pages.pssDirty);
    text += line("Shared_Clean", pages.sharedClean) + line("Shared_Dirty", pages.sharedDirty);
    text += line("Private_Clean", pages.privateClean) + line("Private_Dirty", pages.privateDirty);
    text += line("Referenced", pages.referenced) + line("Anonymous", pages.anonymous);
    text += line("KSM", 0) + line("LazyFree", pages.lazyFree);
    for (const name of ["AnonHugePages", "ShmemPmdMapped", "FilePmdMapped"]) text += line(name, 0);
    text += line("Shared_Hugetlb", 0) + line("Private_Hugetlb", 0);
    text += line("Swap", pages.swap) + line("SwapPss", pages.swap);
    text += line("Locked", area.flags & Vm.LOCKED ? pages.pss : 0);
    text += `THPeligible:    ${"0".padStart(8)}\n`;
    text += `VmFlags: ${flagLetters(area.flags).join(" ")} \n`;
  }
  return text;
};
