import { Errno } from "../abi/errno.ts";
import { MremapFlag } from "../abi/mman.ts";
import { isPageAligned, PAGE_SIZE, pageCeil, pageOf } from "../abi/page.ts";
import { mergeNew } from "../mm/merge.ts";
import { MAX_MAP_COUNT, type Mm } from "../mm/mm.ts";
import { cloneAnonVma, unlinkAnonVmas, type VmArea } from "../vma/area.ts";
import { VM_LOCKED_MASK, VM_SPECIAL, Vm } from "../vma/flags.ts";
import { munmap } from "./munmap.ts";
import { populate } from "./populate.ts";
import { unmappedArea } from "./unmapped-area.ts";

/**
 * mremap(2), as since Linux 6.17: a fixed move that changes no length may take several areas along.
 *
 * @returns the new address, or a negated error number.
 */
export const mremap = (
  mm: Mm,
  address: number,
  oldBytes: number,
  newBytes: number,
  flags: number,
  newAddress: number,
): number => {
  const call = new Remap(mm, address, pageCeil(oldBytes), pageCeil(newBytes), flags, newAddress);
  const error = call.checkArguments();
  if (error < 0) return error;
  const fixed = (flags & MremapFlag.FIXED) !== 0;
  const result = fixed && call.oldLength === call.newLength ? call.moveAll() : call.one();
  if (result >= 0 && call.populateFrom > 0) populate(mm, call.populateFrom, call.populateLength, true);
  return result;
};

/** One call on its way: what the kernel keeps in `vma_remap_struct`. */
class Remap {
  readonly mm: Mm;
  address: number;
  oldLength: number;
  newLength: number;
  readonly flags: number;
  newAddress: number;
  /** Locked memory that grew is faulted in at the end of the call. */
  populateFrom = 0;
  populateLength = 0;

  constructor(mm: Mm, address: number, oldLength: number, newLength: number, flags: number, target: number) {
    this.mm = mm;
    this.address = address;
    this.oldLength = oldLength;
    this.newLength = newLength;
    this.flags = flags;
    this.newAddress = target;
  }

  get #fixed(): boolean {
    return (this.flags & MremapFlag.FIXED) !== 0;
  }
  get #dontUnmap(): boolean {
    return (this.flags & MremapFlag.DONTUNMAP) !== 0;
  }
  get #mayMove(): boolean {
    return (this.flags & MremapFlag.MAYMOVE) !== 0;
  }
  /** FIXED and DONTUNMAP always move. */
  get #impliesMove(): boolean {
    return this.#fixed || this.#dontUnmap;
  }

  checkArguments(): number {
    const { mm, address, oldLength, newLength, newAddress } = this;
    const { taskSize } = mm.layout;
    const known = MremapFlag.FIXED | MremapFlag.MAYMOVE | MremapFlag.DONTUNMAP;
    if (this.flags & ~known) return -Errno.EINVAL;
    if (!isPageAligned(address)) return -Errno.EINVAL;
    if (newLength === 0 || newLength > taskSize) return -Errno.EINVAL;
    if (!this.#impliesMove) return 0;
    if (newAddress > taskSize - newLength) return -Errno.EINVAL;
    if (!isPageAligned(newAddress)) return -Errno.EINVAL;
    if (!this.#mayMove) return -Errno.EINVAL;
    if (this.#dontUnmap && oldLength !== newLength) return -Errno.EINVAL;
    if (address < newAddress + newLength && newAddress < address + oldLength) return -Errno.EINVAL;
    if (mm.areas.size + 2 >= MAX_MAP_COUNT - 3) return -Errno.ENOMEM;
    return 0;
  }

  /** The usual case: the range belongs to one area. */
  one(): number {
    const area = this.mm.areas.at(this.address);
    const error = this.#checkArea(area);
    if (error < 0) return error;
    return this.#impliesMove ? this.#moveTo(area!) : this.#resize(area!);
  }

  /**
   * A fixed move without a change of length: area by area, each to the place that keeps the distances. Where the
   * source has a hole, whatever is mapped at the target stays.
   */
  moveAll(): number {
    const { mm, address: start } = this;
    const end = start + this.oldLength;
    const shift = this.newAddress - start;
    let result = -Errno.EFAULT;
    let seen = false;
    let at = start;
    for (;;) {
      const area = mm.areas.intersecting(at, end);
      if (area === null) return result;
      this.address = Math.max(area.start, start);
      if (!seen && this.address > start) return -Errno.EFAULT;
      at = area.end;
      this.oldLength = this.newLength = Math.min(end, area.end) - this.address;
      this.newAddress = this.address + shift;
      const error = this.#checkArea(area);
      const moved = error < 0 ? error : this.#moveTo(area);
      if (moved < 0) return moved;
      if (!seen) result = moved;
      seen = true;
      if (at >= end) return result;
    }
  }

  /** `check_prep_vma`. */
  #checkArea(area: VmArea | null): number {
    const { mm, address, newLength } = this;
    if (area === null) return -Errno.EFAULT;
    if (!this.#impliesMove && newLength <= this.oldLength) {
      // Nothing to map: a shrink may reach over several areas.
      return 0;
    }
    if (this.oldLength === 0 && !(area.flags & (Vm.SHARED | Vm.MAYSHARE))) return -Errno.EINVAL;
    if (this.#dontUnmap && area.flags & (Vm.DONTEXPAND | Vm.PFNMAP)) return -Errno.EINVAL;
    const kept = Math.min(this.oldLength, newLength);
    if (kept > area.end - address) return -Errno.EFAULT;
    if (newLength <= this.oldLength) return 0;
    if (area.flags & (Vm.DONTEXPAND | Vm.PFNMAP)) return -Errno.EFAULT;
    const delta = newLength - this.oldLength;
    if (!mm.mayLock(area.flags, delta)) return -Errno.EAGAIN;
    if (!mm.mayExpand(area.flags, pageOf(delta))) return -Errno.ENOMEM;
    return 0;
  }

  /** To an address that the caller states or, with DONTUNMAP alone, may suggest. `mremap_to`. */
  #moveTo(area: VmArea): number {
    const { mm } = this;
    let source = area;
    if (this.#fixed) {
      const error = munmap(mm, this.newAddress, this.newLength);
      if (error < 0) return error;
      const again = mm.areas.at(this.address);
      if (again === null) return -Errno.EFAULT;
      source = again;
    }
    if (this.newLength < this.oldLength) {
      const error = this.#shrink();
      if (error < 0) return error;
      this.oldLength = this.newLength;
      source = mm.areas.at(this.address)!;
    }
    if (this.#dontUnmap && !mm.mayExpand(source.flags, pageOf(this.oldLength))) return -Errno.ENOMEM;
    const target = unmappedArea(mm, this.newAddress, this.newLength, this.#fixed, source.isAnonymous);
    return target < 0 ? target : this.#move(source, target);
  }

  #shrink(): number {
    return munmap(this.mm, this.address + this.newLength, this.oldLength - this.newLength);
  }

  #resize(area: VmArea): number {
    const { mm, address } = this;
    if (this.newLength === this.oldLength) return address;
    if (this.newLength < this.oldLength) {
      const error = this.#shrink();
      return error < 0 ? error : address;
    }
    if (this.#growsInPlace(area)) return this.#growInPlace(area);
    if (!this.#mayMove) return -Errno.ENOMEM;
    const target = unmappedArea(mm, 0, this.newLength, false, area.isAnonymous);
    return target < 0 ? target : this.#move(area, target);
  }

  /** Only the range right behind the area must be free; no guard counts here. */
  #growsInPlace(area: VmArea): boolean {
    if (area.end - this.address !== this.oldLength || area.flags & VM_SPECIAL) return false;
    const end = area.end + this.newLength - this.oldLength;
    if (end > this.mm.layout.taskSize) return false;
    return this.mm.areas.intersecting(area.end, end) === null;
  }

  #growInPlace(area: VmArea): number {
    const { mm } = this;
    const from = area.end;
    const delta = this.newLength - this.oldLength;
    const pages = delta / PAGE_SIZE;
    if (area.flags & Vm.ACCOUNT && mm.charge(pages) < 0) return -Errno.ENOMEM;
    const { flags, file, anonVma } = area;
    const pgoff = area.pgoff + area.pages;
    const grown = mergeNew(mm, from, from + delta, { flags, pgoff, file, anonVma, source: area }, false);
    if (grown === null) return -Errno.ENOMEM;
    this.#count(flags, pages, from, delta);
    return this.address;
  }

  #count(flags: number, pages: number, grownFrom: number, grownBy: number): void {
    this.mm.account(flags, pages);
    if ((flags & Vm.LOCKED) === 0) return;
    this.mm.lockedVm += pages;
    if (grownBy > 0) {
      this.populateFrom = grownFrom;
      this.populateLength = grownBy;
    }
  }

  /** Copies the area to `target`, takes its pages along, and removes the old range. `move_vma`. */
  #move(area: VmArea, target: number): number {
    const { mm, address, oldLength, newLength } = this;
    if (mm.areas.size >= MAX_MAP_COUNT - 3) return -Errno.ENOMEM;
    const { flags } = area;
    const keepsOld = this.#dontUnmap || oldLength === 0;
    if (flags & Vm.ACCOUNT) {
      const more = keepsOld ? newLength : newLength - oldLength;
      if (mm.charge(more / PAGE_SIZE) < 0) return -Errno.ENOMEM;
      // The part that moves is given back when the old range is unmapped.
      if (!keepsOld) mm.commit.committed += oldLength / PAGE_SIZE;
    }
    const copy = this.#copyArea(area, target);
    if (copy === null) {
      if (flags & Vm.ACCOUNT) mm.charge(-newLength / PAGE_SIZE);
      return -Errno.ENOMEM;
    }
    if (oldLength > 0 && !mm.pager.move(copy, address, target, oldLength)) {
      this.#count(flags, newLength / PAGE_SIZE, 0, 0);
      munmap(mm, target, newLength);
      return -Errno.ENOMEM;
    }
    this.#count(flags, newLength / PAGE_SIZE, target + oldLength, newLength - oldLength);
    if (!this.#dontUnmap) {
      // When there is no memory to cut the old range out, it stays: empty, and charged for as before.
      if (oldLength > 0) munmap(mm, address, oldLength);
      return target;
    }
    const old = mm.areas.at(address)!;
    old.flags &= ~VM_LOCKED_MASK;
    if (copy !== old && old.start === address && old.end === address + oldLength) unlinkAnonVmas(old);
    return target;
  }

  /** The area that holds the target range; null when there is no memory for it. `copy_vma`. */
  #copyArea(area: VmArea, target: number): VmArea | null {
    const { mm, newLength } = this;
    const { flags, file, anonVma } = area;
    // Memory that was never written takes the page numbers of its new place, and so can join neighbours there.
    const fresh = area.isAnonymous && anonVma === null;
    const pgoff = fresh ? pageOf(target) : area.pgoffAt(this.address);
    const end = target + newLength;
    const merged = mergeNew(mm, target, end, { flags, pgoff, file, anonVma, source: area }, false);
    if (merged !== null) return merged;
    const copy = mm.newArea(target, end, flags, pgoff, file);
    if (copy === null) return null;
    copy.label = area.label;
    if (anonVma !== null) cloneAnonVma(copy, area);
    mm.link(copy);
    return copy;
  }
}
