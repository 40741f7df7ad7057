import { Frame } from "../frames/frames.ts";
import { Pte } from "../page-table/entry.ts";
import type { PagedSpace } from "../paging/paged-space.ts";
import { ensureAnonVma } from "../vma/anon-vma.ts";
import type { VmArea } from "../vma/area.ts";
import { Vm } from "../vma/flags.ts";
import { Fault } from "./result.ts";

/** Makes a new frame an anonymous page of the area, for one process alone, and maps it at `entry`. */
export const mapAnonymous = (
  space: PagedSpace,
  area: VmArea,
  address: number,
  entry: number,
  frame: number,
): void => {
  const { frames, lru } = space.machine;
  frames.assign(frame, Frame.ANON | Frame.EXCLUSIVE | Frame.DIRTY, area.anonVma, area.pgoffAt(address));
  const write = area.flags & Vm.WRITE ? Pte.WRITE | Pte.DIRTY : 0;
  space.mapFrame(entry, address, frame, Pte.ACCESSED | write, area);
  lru.add(frame, true);
};

/** First touch of private memory without a file: a load shows the page of zeros, a store gets a page. */
export const faultAnonymous = (space: PagedSpace, area: VmArea, address: number, write: boolean): number => {
  const entry = space.table.reach(address);
  if (entry === 0) return Fault.OOM;
  if (!write) {
    space.mapZero(entry, address, area);
    return Fault.MINOR;
  }
  ensureAnonVma(area);
  const frame = space.machine.frames.takeZeroed();
  if (frame === 0) return Fault.OOM;
  mapAnonymous(space, area, address, entry, frame);
  return Fault.MINOR;
};
