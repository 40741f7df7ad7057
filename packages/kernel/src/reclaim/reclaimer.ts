import { Frame, type Frames } from "../frames/frames.ts";
import type { MachineCore } from "../machine/core.ts";
import type { CachedObject } from "../page-cache/cached-object.ts";
import { chargePages, dropPage, writeBackPage } from "../page-cache/page-cache.ts";
import { Pte, swapEntry } from "../page-table/entry.ts";
import { eachMapping, isAnonOwner } from "../paging/rmap.ts";
import type { AnonVma } from "../vma/area.ts";
import { Vm } from "../vma/flags.ts";

/**
 * Makes room when page frames run low: the second-chance algorithm over the active and inactive lists.
 *
 * Below the low watermark each allocation first reclaims up to the high one. A page is taken from the cold end of the
 * inactive list. If a processor has used it since it was last looked at, it goes to the active list; otherwise it goes
 * out: a clean page of a file is dropped, a dirty one written back first, an anonymous one written to swap. Pages of
 * locked areas stay. The active list gives up its cold end whenever it is the longer one. Before any page goes, the caches
 * of the kernel's objects are shrunk; and when these find no page themselves, they have room made here.
 *
 * ```
 *   new anonymous page -> [ active ............ ] -> cold -> [ inactive ........... ] -> cold -> out
 *   new page of a file ------------------------------------^        used again: back to active
 * ```
 */
export class Reclaimer {
  readonly #machine: MachineCore;
  /** Free frames below which reclaim starts. */
  readonly low: number;
  /** Free frames up to which it goes on. */
  readonly high: number;
  /** Free frames that only the desperate get at; shown in /proc texts. */
  readonly min: number;
  /** After a fruitless round, allocations left until the next one. */
  #pause = 0;
  #busy = false;

  constructor(machine: MachineCore) {
    this.#machine = machine;
    const { frames } = machine;
    this.min = Math.max(2, Math.floor(frames.total / 256));
    this.low = Math.floor((this.min * 5) / 4) + 1;
    this.high = Math.floor((this.min * 3) / 2) + 2;
    frames.lowWatermark = this.low;
    machine.pageOut = (frame: number) => this.#pageOut(frame);
    frames.pressure = (_frames: Frames, desperate: boolean) => this.#pressure(desperate);
    frames.objects?.onPressure(() => this.#pressure(true));
  }

  /** MADV_PAGEOUT of one page: out of the page table in any case, unless it is anonymous and there is no swap. */
  #pageOut(frame: number): void {
    const { frames } = this.#machine;
    const owner = frames.owner[frame]!;
    if (isAnonOwner(owner)) {
      this.#anonymousOut(frame, owner);
      return;
    }
    this.#unmap(frame, owner as CachedObject, 0);
    const flags = frames.flagsOf(frame);
    const isDirty = (flags & Frame.DIRTY) !== 0;
    if (isDirty && (flags & Frame.SHMEM) !== 0) this.#cachedOut(frame, owner as CachedObject);
    else if (!isDirty) this.#dropUnmapped(frame, owner as CachedObject);
  }

  #pressure(desperate: boolean): boolean {
    if (this.#busy) return false;
    if (!desperate && this.#pause > 0) {
      this.#pause -= 1;
      return false;
    }
    const { frames, events } = this.#machine;
    const wanted = desperate ? Math.max(1, this.high - frames.free) : this.high - frames.free;
    // Pages of the caches without a live object go first: nothing has to be written for them, nothing will come back.
    let freed = frames.objects?.reclaim(wanted) ?? 0;
    if (freed < wanted) freed += this.reclaim(wanted - freed);
    if (freed === 0) {
      this.#pause = 64;
      if (desperate) events.oomKill += 1;
    }
    return freed > 0;
  }

  /**
   * Tries to free frames.
   *
   * @param wanted How many.
   * @returns how many it freed.
   */
  reclaim(wanted: number): number {
    const { lru } = this.#machine;
    this.#busy = true;
    let freed = 0;
    // Every page may be looked at three times: once on each list, and once more after its second chance.
    let budget = 3 * (lru.active + lru.inactive) + 3;
    while (freed < wanted && budget > 0) {
      budget -= 1;
      if (lru.inactive <= lru.active) this.#coolOne();
      const frame = lru.oldest(false);
      if (frame !== 0 && this.#tryOut(frame)) freed += 1;
    }
    this.#busy = false;
    return freed;
  }

  /** Takes the coldest active page down, or, if it has been used lately, up again. */
  #coolOne(): void {
    const { lru } = this.#machine;
    const frame = lru.oldest(true);
    if (frame === 0) return;
    lru.move(frame, this.#wasUsed(frame));
  }

  /** Whether a processor used the page since last asked. */
  #wasUsed(frame: number): boolean {
    const { frames } = this.#machine;
    const owner = frames.owner[frame];
    let used = (frames.flagsOf(frame) & Frame.REFERENCED) !== 0;
    frames.clear(frame, Frame.REFERENCED);
    if (owner === null || owner === undefined) return used;
    eachMapping(owner, frames.indexOf(frame), (area, address) => {
      const bits = area.space?.takeReferences(address, frame) ?? 0;
      if (bits & Pte.ACCESSED) used = true;
    });
    return used;
  }

  #isLocked(frame: number): boolean {
    const { frames } = this.#machine;
    let locked = false;
    eachMapping(frames.owner[frame]!, frames.indexOf(frame), (area) => {
      if (area.flags & Vm.LOCKED) locked = true;
    });
    return locked;
  }

  /** Frees the frame, or moves the page to the warm end of a list. */
  #tryOut(frame: number): boolean {
    const { lru, events, frames } = this.#machine;
    events.pgscan += 1;
    if (this.#wasUsed(frame) || this.#isLocked(frame)) {
      lru.move(frame, true);
      return false;
    }
    const owner = frames.owner[frame]!;
    const out = isAnonOwner(owner)
      ? this.#anonymousOut(frame, owner)
      : this.#cachedOut(frame, owner as CachedObject);
    if (out) events.pgsteal += 1;
    else if (frames.flagsOf(frame) & Frame.LISTED) lru.move(frame, true);
    return out;
  }

  #anonymousOut(frame: number, owner: AnonVma): boolean {
    const { frames, swap, lru, events } = this.#machine;
    const index = frames.indexOf(frame);
    const lazy = (frames.flagsOf(frame) & Frame.LAZY_FREE) !== 0;
    if (lazy && !this.#isDirty(frame, owner)) {
      this.#unmap(frame, owner, 0);
      return this.#freeUnmapped(frame);
    }
    let slot = swap.slotOf(frame);
    const hadCopy = slot !== 0;
    if (!hadCopy) {
      slot = swap.take();
      if (slot === 0) return false;
      swap.link(slot, frame);
      frames.mark(frame, Frame.SWAP_CACHED | Frame.DIRTY);
    }
    eachMapping(owner, index, (area, address) => {
      const pte = area.space?.evict(address, frame, swapEntry(slot)) ?? 0;
      if (pte === 0) return;
      swap.hold(slot);
      if (pte & Pte.DIRTY) frames.mark(frame, Frame.DIRTY);
    });
    if (frames.flagsOf(frame) & Frame.DIRTY) {
      swap.write(slot, frames.bytesOf(frame));
      events.pswpout += 1;
      frames.clear(frame, Frame.DIRTY | Frame.LAZY_FREE);
    }
    if (frames.mapCountOf(frame) !== 0) return false;
    lru.remove(frame);
    swap.unlink(frame);
    frames.release(frame);
    return true;
  }

  #isDirty(frame: number, owner: AnonVma): boolean {
    const { frames } = this.#machine;
    let dirty = (frames.flagsOf(frame) & Frame.DIRTY) !== 0;
    eachMapping(owner, frames.indexOf(frame), (area, address) => {
      if ((area.space?.takeReferences(address, frame) ?? 0) & Pte.DIRTY) dirty = true;
    });
    return dirty;
  }

  /** Takes the page out of every page table; it is dirty when one of them says so. */
  #unmap(frame: number, owner: AnonVma | CachedObject, replacement: number): void {
    const { frames } = this.#machine;
    eachMapping(owner, frames.indexOf(frame), (area, address) => {
      const pte = area.space?.evict(address, frame, replacement) ?? 0;
      if (pte & Pte.DIRTY) frames.mark(frame, Frame.DIRTY);
    });
  }

  #freeUnmapped(frame: number): boolean {
    const { frames, swap, lru } = this.#machine;
    if (frames.mapCountOf(frame) !== 0) return false;
    lru.remove(frame);
    swap.unlink(frame);
    frames.release(frame);
    return true;
  }

  #cachedOut(frame: number, object: CachedObject): boolean {
    const { frames, swap, events } = this.#machine;
    const index = frames.indexOf(frame);
    if (object.isShmem) {
      const slot = swap.take();
      if (slot === 0) return false;
      this.#unmap(frame, object, 0);
      if (frames.mapCountOf(frame) !== 0) {
        swap.releaseIfUnused(slot);
        return false;
      }
      if (frames.flagsOf(frame) & Frame.DIRTY) {
        swap.hold(slot);
        swap.write(slot, frames.bytesOf(frame));
        events.pswpout += 1;
        object.slots.set(index, slot);
      } else swap.releaseIfUnused(slot);
    } else {
      writeBackPage(this.#machine, object, index);
      this.#unmap(frame, object, 0);
    }
    return this.#dropUnmapped(frame, object);
  }

  /** Shared memory that was never written goes this way too: it comes back as zeros. */
  #dropUnmapped(frame: number, object: CachedObject): boolean {
    const { frames } = this.#machine;
    if (frames.mapCountOf(frame) !== 0) return false;
    const index = frames.indexOf(frame);
    dropPage(this.#machine, object, index);
    if (!object.slots.has(index)) chargePages(this.#machine, object, -1);
    return true;
  }
}
