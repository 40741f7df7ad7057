import { pageOf } from "../abi/page.ts";
import type { Mm } from "../mm/mm.ts";
import type { MapsEntry } from "../proc/parse-maps.ts";
import { ensureAnonVma } from "../vma/anon-vma.ts";
import type { MappedFile, MappedObject, VmArea } from "../vma/area.ts";
import { VM_MAY_ACCESS, Vm } from "../vma/flags.ts";

/**
 * Rebuilds an address space from what /proc/PID/maps tells, and guesses by glibc's habits what it does not tell:
 *
 * - private writable areas have been written to, so they hold an anon_vma and are accounted;
 * - a page without access right before a writable area is the guard of a thread's stack; glibc maps both with
 *   MAP_STACK, whose mark keeps them from joining what is mapped next to them;
 * - names in brackets are the kernel's own special mappings, which never join.
 *
 * @param makeObject Makes the object behind a file, once for each file.
 * @returns false when there is no memory for the areas; those made so far are there.
 */
export const loadMaps = (
  mm: Mm,
  entries: readonly MapsEntry[],
  makeObject: (entry: MapsEntry) => MappedObject,
): boolean => {
  const files = new Map<string, MappedFile>();
  for (const entry of entries) {
    const area = areaOf(mm, entry, files, makeObject);
    if (area === null) return false;
    mm.link(area);
    mm.account(area.flags, area.pages);
    if (area.flags & Vm.ACCOUNT) mm.commit.committed += area.pages;
    if (entry.path === "[stack]") mm.startStack = entry.end - 8;
  }
  for (let area = mm.areas.first; area !== null; area = area.next) {
    const below = area.prev;
    if (below !== null && isStackGuard(below, area)) {
      below.flags |= Vm.NOHUGEPAGE;
      area.flags |= Vm.NOHUGEPAGE;
    }
  }
  for (const area of mm.areas) if (area.flags & Vm.ACCOUNT) ensureAnonVma(area);
  placeBreak(mm, entries);
  return true;
};

const isStackGuard = (below: VmArea, area: VmArea): boolean =>
  below.end === area.start &&
  below.pages === 1 &&
  below.isAnonymous &&
  area.isAnonymous &&
  (below.flags & (Vm.READ | Vm.WRITE | Vm.EXEC | Vm.SHARED)) === 0 &&
  (area.flags & (Vm.READ | Vm.WRITE)) === (Vm.READ | Vm.WRITE);

const SPECIAL = /^\[v(var|dso|var_vclock|syscall)\]$/;

const areaOf = (
  mm: Mm,
  entry: MapsEntry,
  files: Map<string, MappedFile>,
  makeObject: (entry: MapsEntry) => MappedObject,
): VmArea | null => {
  const { start, end, permissions, path } = entry;
  let flags = VM_MAY_ACCESS;
  if (permissions[0] === "r") flags |= Vm.READ;
  if (permissions[1] === "w") flags |= Vm.WRITE;
  if (permissions[2] === "x") flags |= Vm.EXEC;
  if (permissions[3] === "s") flags |= Vm.SHARED | Vm.MAYSHARE;
  else if (flags & Vm.WRITE) flags |= Vm.ACCOUNT;
  if (path === "[stack]") flags |= Vm.GROWSDOWN;
  if (SPECIAL.test(path)) flags |= Vm.DONTEXPAND | Vm.PFNMAP;
  if (entry.inode === 0) {
    const pgoff = path === "[stack]" ? mm.layout.stackPgoff : pageOf(start);
    const area = mm.newArea(start, end, flags, pgoff, null);
    if (area !== null && path !== "" && path !== "[stack]" && path !== "[heap]") area.label = path;
    return area;
  }
  const key = `${entry.device} ${entry.inode} ${path}`;
  let file = files.get(key);
  if (file === undefined) {
    file = { object: makeObject(entry), readable: true, writable: false };
    files.set(key, file);
  }
  return mm.newArea(start, end, flags, pageOf(entry.offset), file);
};

/** The break: the end of `[heap]`, or where the program's own areas end when there is no heap yet. */
const placeBreak = (mm: Mm, entries: readonly MapsEntry[]): void => {
  const heaps = entries.filter(({ path }) => path === "[heap]");
  const program = entries.find(({ path }) => path.startsWith("/"))?.path;
  const own = entries.filter(({ path, start }) => path === program && start < mm.layout.mmapBase);
  mm.startData = own.find(({ permissions }) => permissions[1] === "w")?.start ?? 0;
  mm.endData = own.at(-1)?.end ?? mm.startData;
  if (heaps.length > 0) {
    mm.startBrk = heaps[0]!.start;
    mm.brk = heaps.at(-1)!.end;
    return;
  }
  // The program's last area, and its bss when that follows without a gap.
  let end = mm.endData;
  for (const { start, end: next, inode } of entries) if (start === end && inode === 0) end = next;
  mm.startBrk = end;
  mm.brk = end;
};
