import { PAGE_SIZE } from "../abi/page.ts";
import { Frame } from "../frames/frames.ts";
import { findPage, isPageAway, loadPage } from "../page-cache/page-cache.ts";
import { Pte } from "../page-table/entry.ts";
import { objectOf, type PagedSpace } from "../paging/paged-space.ts";
import { ensureAnonVma } from "../vma/anon-vma.ts";
import type { VmArea } from "../vma/area.ts";
import { Vm } from "../vma/flags.ts";
import { mapAnonymous } from "./anonymous.ts";
import { Fault } from "./result.ts";

/** Pages that a read fault maps at most, when they are in the page cache already (`fault_around_bytes`). */
const AROUND = 16;

/** First touch of a page of a file or of shared memory. */
export const faultFile = (
  space: PagedSpace,
  area: VmArea,
  address: number,
  entry: number,
  write: boolean,
): number => {
  if (!write) return readFault(space, area, address, entry);
  return area.flags & Vm.SHARED
    ? sharedFault(space, area, address, entry)
    : copyFault(space, area, address, entry);
};

/** Pages of the object, rounded up. */
const pagesIn = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE);

const readFault = (space: PagedSpace, area: VmArea, address: number, entry: number): number => {
  faultAround(space, area, address);
  if (space.table.get(entry) !== 0) return Fault.MINOR;
  const object = objectOf(area);
  const index = area.pgoffAt(address);
  if (index >= pagesIn(object.size)) return Fault.ADRERR;
  const away = isPageAway(object, index);
  const frame = loadPage(space.machine, object, index);
  if (frame === 0) return Fault.OOM;
  mapShared(space, area, address, entry, frame);
  return away ? Fault.MAJOR : Fault.MINOR;
};

/** Maps a page of the cache as a load needs it. */
const mapShared = (space: PagedSpace, area: VmArea, address: number, entry: number, frame: number): void => {
  const write = space.mapsWritable(area) ? Pte.WRITE : 0;
  space.mapFrame(entry, address, frame, Pte.ACCESSED | write, area);
};

/**
 * Maps what is in the cache around `address`: 16 pages from the last multiple of 64 KiB or, if that is later, from the
 * start of the area, cut at the ends of the area, the file and the page table.
 */
const faultAround = (space: PagedSpace, area: VmArea, address: number): void => {
  const { table } = space;
  const object = objectOf(area);
  const tableStart = address - (address % table.leafSpan);
  const block = address - (address % (AROUND * PAGE_SIZE));
  const from = Math.max(block, area.start, tableStart);
  const fileEnd = area.start + (pagesIn(object.size) - area.pgoff) * PAGE_SIZE;
  const to = Math.min(from + AROUND * PAGE_SIZE, area.end, tableStart + table.leafSpan, fileEnd);
  let entry = table.find(from);
  for (let at = from; at < to; at += PAGE_SIZE, entry += table.stride) {
    if (table.get(entry) !== 0) continue;
    const frame = findPage(object, area.pgoffAt(at));
    if (frame !== 0) mapShared(space, area, at, entry, frame);
  }
};

/** A store to a page of a shared mapping: maps that page alone, writable and dirty. */
const sharedFault = (space: PagedSpace, area: VmArea, address: number, entry: number): number => {
  const object = objectOf(area);
  const index = area.pgoffAt(address);
  if (index >= pagesIn(object.size)) return Fault.ADRERR;
  const away = isPageAway(object, index);
  const frame = loadPage(space.machine, object, index);
  if (frame === 0) return Fault.OOM;
  space.machine.frames.flags[frame]! |= Frame.DIRTY;
  space.mapFrame(entry, address, frame, Pte.ACCESSED | Pte.WRITE | Pte.DIRTY, area);
  return away ? Fault.MAJOR : Fault.MINOR;
};

/** A store to a page of a private mapping that is not mapped yet: the page is copied at once. */
const copyFault = (space: PagedSpace, area: VmArea, address: number, entry: number): number => {
  const { machine } = space;
  const object = objectOf(area);
  const index = area.pgoffAt(address);
  // The area counts as written to from here on, even when the page proves to lie beyond the end of the file.
  ensureAnonVma(area);
  if (index >= pagesIn(object.size)) return Fault.ADRERR;
  const away = isPageAway(object, index);
  const source = loadPage(machine, object, index);
  if (source === 0) return Fault.OOM;
  // The page must not be reclaimed while room for its copy is sought.
  machine.frames.mapCount[source]! += 1;
  machine.lru.remove(source);
  const frame = machine.frames.take();
  machine.frames.mapCount[source]! -= 1;
  machine.lru.add(source, false);
  if (frame === 0) return Fault.OOM;
  machine.frames.copy(frame, source);
  mapAnonymous(space, area, address, entry, frame);
  return away ? Fault.MAJOR : Fault.MINOR;
};
