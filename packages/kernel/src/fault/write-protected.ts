import { Frame } from "../frames/frames.ts";
import { frameOf, Pte } from "../page-table/entry.ts";
import { forgetSwapCopy, type PagedSpace } from "../paging/paged-space.ts";
import { ensureAnonVma } from "../vma/anon-vma.ts";
import type { VmArea } from "../vma/area.ts";
import { Vm } from "../vma/flags.ts";
import { mapAnonymous } from "./anonymous.ts";
import { Fault } from "./result.ts";

const WRITTEN: number = Pte.WRITE | Pte.DIRTY | Pte.ACCESSED;

/** A store to a page that is mapped but not writable, in an area that allows stores. `do_wp_page`. */
export const faultWriteProtected = (
  space: PagedSpace,
  area: VmArea,
  address: number,
  entry: number,
): number => {
  const { machine } = space;
  const { frames } = machine;
  const pte = space.table.get(entry);
  const frame = frameOf(pte);
  if ((pte & Pte.SPECIAL) === 0) {
    const flags = frames.flagsOf(frame);
    if (area.flags & (Vm.SHARED | Vm.MAYSHARE)) {
      // How the kernel learns that a page of a file becomes dirty.
      frames.setFlags(frame, flags | Frame.DIRTY);
      space.setBits(entry, address, pte | WRITTEN, area);
      return Fault.MINOR;
    }
    if (flags & Frame.ANON && (flags & Frame.EXCLUSIVE || isSole(space, frame))) {
      frames.mark(frame, Frame.EXCLUSIVE);
      space.setBits(entry, address, pte | WRITTEN, area);
      return Fault.MINOR;
    }
  }
  return copy(space, area, address, entry, pte);
};

/** Whether nobody else can reach an anonymous page: no other mapping, no swap entry that will come back to it. */
const isSole = (space: PagedSpace, frame: number): boolean => {
  const { frames, swap } = space.machine;
  if (frames.mapCountOf(frame) !== 1) return false;
  if ((frames.flagsOf(frame) & Frame.SWAP_CACHED) === 0) return true;
  if (swap.references(swap.slotOf(frame)) > 0) return false;
  forgetSwapCopy(space.machine, frame);
  return true;
};

/** Gives the process a copy of its own in place of the page of zeros, a page of a file, or one shared since a fork. */
const copy = (space: PagedSpace, area: VmArea, address: number, entry: number, pte: number): number => {
  const { frames, lru } = space.machine;
  const source = frameOf(pte);
  ensureAnonVma(area);
  let frame: number;
  if (pte & Pte.SPECIAL) frame = frames.takeZeroed();
  else {
    // The page must not be reclaimed while room for its copy is sought.
    const active = (frames.flagsOf(source) & Frame.ACTIVE) !== 0;
    lru.remove(source);
    frame = frames.take();
    lru.add(source, active);
    if (frame !== 0) frames.copy(frame, source);
  }
  if (frame === 0) return Fault.OOM;
  space.clearEntry(entry, address);
  mapAnonymous(space, area, address, entry, frame);
  return Fault.MINOR;
};
