import { Frame } from "../frames/frames.ts";
import type { Mm } from "../mm/mm.ts";
import { frameOf, isMapped, isSwap, Pte, slotOf } from "../page-table/entry.ts";
import { AnonVma, cloneAnonVma, type VmArea } from "../vma/area.ts";
import { VM_LOCKED_MASK, Vm } from "../vma/flags.ts";
import type { PagedSpace } from "./paged-space.ts";

/**
 * Copies an address space for a child process: areas with their identity, and the page-table entries of those that
 * hold anonymous pages. No page is copied; both sides lose the right to write to the ones that they now share, and
 * the first store on either side makes the copy. Other pages are simply faulted in again. `dup_mmap`.
 *
 * @param child A space without areas on the same machine.
 * @returns false when memory or the commit limit does not suffice; the child must be torn down then.
 */
export const forkSpace = (parent: PagedSpace, child: PagedSpace): boolean => {
  const { mm } = parent;
  copyBorders(mm, child.mm);
  for (const area of mm.areas) {
    if (area.flags & Vm.DONTCOPY) continue;
    if (area.flags & Vm.ACCOUNT && child.mm.charge(area.pages) < 0) return false;
    const flags = area.flags & ~VM_LOCKED_MASK;
    const copy = child.mm.newArea(area.start, area.end, flags, area.pgoff, area.file);
    if (copy === null) {
      if (flags & Vm.ACCOUNT) child.mm.charge(-area.pages);
      return false;
    }
    copy.label = area.label;
    const wiped = (area.flags & Vm.WIPEONFORK) !== 0;
    if (area.anonVma !== null && !wiped) forkAnonVma(copy, area);
    child.mm.link(copy);
    child.mm.account(copy.flags, copy.pages);
    if (area.anonVma !== null && !wiped && !copyEntries(parent, child, area, copy)) return false;
  }
  return true;
};

const copyBorders = (from: Mm, to: Mm): void => {
  to.startBrk = from.startBrk;
  to.brk = from.brk;
  to.startData = from.startData;
  to.endData = from.endData;
  to.startStack = from.startStack;
  to.limits.copy(from.limits);
};

/** The child's area shares all its parent's anon_vmas, and puts new pages into one of its own. `anon_vma_fork`. */
const forkAnonVma = (copy: VmArea, area: VmArea): void => {
  cloneAnonVma(copy, area);
  const own = new AnonVma();
  own.areas.add(copy);
  copy.chain.push(own);
  copy.anonVma = own;
};

const copyEntries = (parent: PagedSpace, child: PagedSpace, area: VmArea, copy: VmArea): boolean => {
  const { frames, swap } = parent.machine;
  const { table } = parent;
  let complete = true;
  table.forEach(area.start, area.end, (first, firstAddress, count) => {
    for (let i = 0, entry = first, address = firstAddress; i < count && complete; i++) {
      const pte = table.get(entry);
      if (pte !== 0) {
        // Making the child's table may push pages of the parent out: the entry is read again.
        const target = child.table.reach(address);
        if (target === 0) {
          complete = false;
          return;
        }
        const now = table.get(entry);
        if (isMapped(now) && (now & Pte.SPECIAL) === 0) {
          const frame = frameOf(now);
          const shared = (area.flags & Vm.SHARED) === 0 ? (now & ~Pte.WRITE) >>> 0 : now;
          if (frames.flagsOf(frame) & Frame.ANON) frames.clear(frame, Frame.EXCLUSIVE);
          if (shared !== now) parent.setBits(entry, address, shared, area);
          child.table.set(target, shared, child.highWord(copy));
          frames.countMapping(frame, 1);
          child.countResident(frame, 1);
        } else {
          child.table.set(target, now, child.highWord(copy));
          if (isSwap(now)) {
            swap.hold(slotOf(now));
            child.rss.swap += 1;
          }
        }
      }
      entry += table.stride;
      address += 4096;
    }
  });
  return complete;
};
