import { Frame } from "../frames/frames.ts";
import type { Pager } from "../mm/pager.ts";
import type { CachedObject } from "../page-cache/cached-object.ts";
import { findPage, punchObject, truncateObject, writeBackRange } from "../page-cache/page-cache.ts";
import { frameOf, GUARD_ENTRY, isGuard, isMapped, Pte } from "../page-table/entry.ts";
import type { MappedObject, VmArea } from "../vma/area.ts";
import { movePages } from "./move.ts";
import { objectOf, type PagedSpace } from "./paged-space.ts";
import { protectPages } from "./protect.ts";
import { touchPages } from "./touch.ts";

/** Pages behind page tables, faulted in on demand: what the system calls do to them. */
export class PagedPager implements Pager {
  readonly space: PagedSpace;

  constructor(space: PagedSpace) {
    this.space = space;
  }

  unmap(_area: VmArea, start: number, end: number): void {
    this.space.zap(start, end, false, false);
  }

  freeTables(start: number, end: number, floor: number, ceiling: number): void {
    const { table } = this.space;
    const span = table.leafSpan;
    let from = start - (start % span);
    if (from < floor) from += span;
    let to = Math.ceil(end / span) * span;
    if (to > ceiling) to -= span;
    table.prune(from, to);
  }

  /** A table that this empties as a whole goes too. */
  discard(_area: VmArea, start: number, end: number): void {
    const { table } = this.space;
    const span = table.leafSpan;
    this.space.zap(start, end, false, true);
    table.prune(Math.ceil(start / span) * span, end - (end % span));
  }

  move(area: VmArea, from: number, to: number, length: number): boolean {
    const done = movePages(this.space, area, from, to, length);
    if (done === length) return true;
    // Back again: the tables for that are still there.
    movePages(this.space, area, to, from, done);
    return false;
  }

  protect(area: VmArea, start: number, end: number): void {
    protectPages(this.space, area, start, end);
  }

  touch(area: VmArea, start: number, end: number, write: boolean, force: boolean): number {
    return touchPages(this.space, area, start, end, write, force);
  }

  installGuards(_area: VmArea, start: number, end: number): boolean {
    const { space } = this;
    space.zap(start, end, false, true);
    for (let at = start; at < end; at += 4096) {
      const entry = space.table.reach(at);
      if (entry === 0) return false;
      space.table.set(entry, GUARD_ENTRY, 0);
    }
    return true;
  }

  removeGuards(_area: VmArea, start: number, end: number): void {
    const { table } = this.space;
    table.forEach(start, end, (first, _address, count) => {
      for (let i = 0, entry = first; i < count; i++, entry += table.stride) {
        if (isGuard(table.get(entry))) table.set(entry, 0, 0);
      }
    });
  }

  inCore(area: VmArea, address: number): boolean {
    const pte = this.space.table.read(address);
    if (isMapped(pte)) return true;
    if (pte !== 0 && !isGuard(pte)) return false;
    return area.file !== null && findPage(objectOf(area), area.pgoffAt(address)) !== 0;
  }

  sync(area: VmArea, start: number, end: number): number {
    writeBackRange(this.space.machine, objectOf(area), area.pgoffAt(start), area.pgoffAt(end));
    return 0;
  }

  punchHole(area: VmArea, start: number, end: number): number {
    punchObject(this.space.machine, objectOf(area), area.pgoffAt(start), area.pgoffAt(end));
    return 0;
  }

  /** Pages of this process alone may be dropped instead of swapped out, until they are written again. */
  lazyFree(area: VmArea, start: number, end: number): void {
    const { space } = this;
    const { frames } = space.machine;
    this.#eachMapped(start, end, (entry, address, pte) => {
      const frame = frameOf(pte);
      if (pte & Pte.SPECIAL || frames.mapCountOf(frame) !== 1) return;
      frames.setFlags(frame, (frames.flagsOf(frame) | Frame.LAZY_FREE) & ~Frame.DIRTY);
      space.setBits(entry, address, pte & ~(Pte.DIRTY | Pte.ACCESSED), area);
    });
  }

  deactivate(area: VmArea, start: number, end: number): void {
    const { space } = this;
    const { frames, lru } = space.machine;
    this.#eachMapped(start, end, (entry, address, pte) => {
      if (pte & Pte.SPECIAL) return;
      const frame = frameOf(pte);
      space.setBits(entry, address, pte & ~Pte.ACCESSED, area);
      frames.clear(frame, Frame.REFERENCED);
      if (frames.flagsOf(frame) & Frame.LISTED) lru.move(frame, false);
    });
  }

  /** Pages that others map too stay, as Linux has it. */
  pageOut(area: VmArea, start: number, end: number): void {
    this.deactivate(area, start, end);
    const { frames, pageOut } = this.space.machine;
    if (pageOut === null) return;
    this.#eachMapped(start, end, (_entry, _address, pte) => {
      if ((pte & Pte.SPECIAL) === 0 && frames.mapCountOf(frameOf(pte)) === 1) pageOut(frameOf(pte));
    });
  }

  unreferenced(object: MappedObject): void {
    if (!object.isShmem) return;
    const { machine } = this.space;
    truncateObject(machine, object as CachedObject, 0);
    machine.objects.delete(object as CachedObject);
  }

  #eachMapped(
    start: number,
    end: number,
    visit: (entry: number, address: number, pte: number) => void,
  ): void {
    const { table } = this.space;
    table.forEach(start, end, (first, firstAddress, count) => {
      for (let i = 0, entry = first, address = firstAddress; i < count; i++) {
        const pte = table.get(entry);
        if (isMapped(pte)) visit(entry, address, pte);
        entry += table.stride;
        address += 4096;
      }
    });
  }
}
