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

/**
 * First touch of a page of a file or of shared memory. Page tables are made only once there is a page to map: a touch
 * beyond the end of the file leaves none behind.
 */
export const faultFile = (space: PagedSpace, area: VmArea, address: number, write: boolean): number => {
  if (!write) return readFault(space, area, address);
  return area.flags & Vm.SHARED ? sharedFault(space, area, address) : copyFault(space, area, address);
};

/** Pages of the object, rounded up. */
const pagesIn = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE);

const readFault = (space: PagedSpace, area: VmArea, address: number): number => {
  if (!faultAround(space, area, address)) return Fault.OOM;
  if (space.table.read(address) !== 0) return Fault.MINOR;
  const object = objectOf(area);
  const index = area.pgoffAt(address);
  if (index >= pagesIn(object.size)) return Fault.ADRERR;
  const away = isPageAway(object, index);
  const frame = loadPage(space.machine, object, index);
  if (frame === 0) return Fault.OOM;
  const entry = reachKeeping(space, frame, address);
  if (entry === 0) return Fault.OOM;
  mapCached(space, area, address, entry, frame);
  return away ? Fault.MAJOR : Fault.MINOR;
};

/** Maps a page of the cache as a load needs it. */
const mapCached = (space: PagedSpace, area: VmArea, address: number, entry: number, frame: number): void => {
  const write = space.mapsWritable(area) ? Pte.WRITE : 0;
  space.mapFrame(entry, address, frame, Pte.ACCESSED | write, area);
};

/** The entry for `address`, with its table made if need be, while `frame` is kept from being reclaimed. */
const reachKeeping = (space: PagedSpace, frame: number, address: number): number => {
  const { lru } = space.machine;
  lru.remove(frame);
  const entry = space.table.reach(address);
  lru.add(frame, false);
  return entry;
};

/**
 * Maps what is in the cache around `address`: 16 pages from the last multiple of 64 KiB or, if that is later, from the
 * start of the area, cut at the ends of the area, the file and the page table.
 *
 * A missing page table is made when the first of these pages is not the last of the file (or it is shared memory):
 * so the kernel makes sure that no huge page ever reaches beyond the end of a file.
 *
 * @returns false when there was no frame for the page table.
 */
const faultAround = (space: PagedSpace, area: VmArea, address: number): boolean => {
  const { table } = space;
  const object = objectOf(area);
  const tableStart = address - (address % table.leafSpan);
  const block = address - (address % (AROUND * PAGE_SIZE));
  const fileEnd = area.start + (pagesIn(object.size) - area.pgoff) * PAGE_SIZE;
  let from = Math.max(block, area.start, tableStart);
  const to = Math.min(from + AROUND * PAGE_SIZE, area.end, tableStart + table.leafSpan, fileEnd);
  while (from < to && findPage(object, area.pgoffAt(from)) === 0) from += PAGE_SIZE;
  if (from >= to) return true;
  let entry = table.find(from);
  if (entry === 0) {
    if (!object.isShmem && from + PAGE_SIZE === fileEnd) return true;
    entry = reachKeeping(space, findPage(object, area.pgoffAt(from)), from);
    if (entry === 0) return false;
  }
  for (let at = from; at < to; at += PAGE_SIZE, entry += table.stride) {
    if (table.get(entry) !== 0) continue;
    const frame = findPage(object, area.pgoffAt(at));
    if (frame !== 0) mapCached(space, area, at, entry, frame);
  }
  return true;
};

/** A store to a page of a shared mapping: maps that page alone, writable and dirty. */
const sharedFault = (space: PagedSpace, area: VmArea, address: number): number => {
  const object = objectOf(area);
  const index = area.pgoffAt(address);
  if (index >= pagesIn(object.size)) return Fault.ADRERR;
  const away = isPageAway(object, index);
  const frame = loadPage(space.machine, object, index);
  if (frame === 0) return Fault.OOM;
  const entry = reachKeeping(space, frame, address);
  if (entry === 0) return Fault.OOM;
  space.machine.frames.mark(frame, Frame.DIRTY);
  space.mapFrame(entry, address, frame, Pte.ACCESSED | Pte.WRITE | Pte.DIRTY, area);
  return away ? Fault.MAJOR : Fault.MINOR;
};

/** A store to a page of a private mapping that is not mapped yet: the page is copied at once. */
const copyFault = (space: PagedSpace, area: VmArea, address: number): number => {
  const { frames, lru } = space.machine;
  const object = objectOf(area);
  const index = area.pgoffAt(address);
  // The area counts as written to from here on, even when the page proves to lie beyond the end of the file.
  ensureAnonVma(area);
  if (index >= pagesIn(object.size)) return Fault.ADRERR;
  const away = isPageAway(object, index);
  const source = loadPage(space.machine, object, index);
  if (source === 0) return Fault.OOM;
  // The page must not be reclaimed while room for its copy is sought.
  lru.remove(source);
  const entry = space.table.reach(address);
  const frame = entry === 0 ? 0 : frames.take();
  lru.add(source, false);
  if (frame === 0) return Fault.OOM;
  frames.copy(frame, source);
  mapAnonymous(space, area, address, entry, frame);
  return away ? Fault.MAJOR : Fault.MINOR;
};
