import { Frame } from "../frames/frames.ts";
import { Pte, slotOf } from "../page-table/entry.ts";
import type { PagedSpace } from "../paging/paged-space.ts";
import { ensureAnonVma } from "../vma/anon-vma.ts";
import type { VmArea } from "../vma/area.ts";
import { Vm } from "../vma/flags.ts";
import { Fault } from "./result.ts";
import { faultWriteProtected } from "./write-protected.ts";

/** A touch of a page that is in swap: brings it back, from the device or from the swap cache. `do_swap_page`. */
export const faultSwapped = (
  space: PagedSpace,
  area: VmArea,
  address: number,
  entry: number,
  write: boolean,
): number => {
  const { machine } = space;
  const { frames, lru, swap } = machine;
  const slot = slotOf(space.table.get(entry));
  let frame = swap.cached(slot);
  let result: number = Fault.MINOR;
  if (frame === 0) {
    frame = frames.take();
    if (frame === 0) return Fault.OOM;
    swap.read(slot, frames.bytesOf(frame));
    machine.events.pswpin += 1;
    frames.assign(frame, Frame.ANON | Frame.SWAP_CACHED, ensureAnonVma(area), area.pgoffAt(address));
    swap.link(slot, frame);
    lru.add(frame, true);
    result = Fault.MAJOR;
  }
  space.table.set(entry, 0, 0);
  space.rss.swap -= 1;
  // The last one to come for the page has it for itself.
  if (swap.references(slot) === 1 && frames.mapCountOf(frame) === 0) frames.mark(frame, Frame.EXCLUSIVE);
  space.mapFrame(entry, address, frame, Pte.ACCESSED, area);
  swap.drop(slot);
  if (write && area.flags & Vm.WRITE) {
    const copied = faultWriteProtected(space, area, address, entry);
    if (copied < 0) return copied;
  }
  return result;
};
