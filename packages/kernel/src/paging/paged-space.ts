import { Frame } from "../frames/frames.ts";
import type { MachineCore } from "../machine/core.ts";
import type { Mm } from "../mm/mm.ts";
import type { CachedObject } from "../page-cache/cached-object.ts";
import { frameOf, isGuard, isMapped, isSwap, NO_EXECUTE, Pte, slotOf } from "../page-table/entry.ts";
import { PageTable, type TableShape } from "../page-table/page-table.ts";
import type { AreaSpace, VmArea } from "../vma/area.ts";
import { isAccessible, Vm } from "../vma/flags.ts";

/** Resident pages of a process by kind, and its swapped-out ones (RssAnon, RssFile, RssShmem, VmSwap). */
export class ResidentPages {
  /** Private anonymous pages (RssAnon). */
  anon = 0;
  /** Pages of files (RssFile). */
  file = 0;
  /** Pages of shared memory objects (RssShmem). */
  shmem = 0;
  /** Pages that are in swap (VmSwap). */
  swap = 0;
  /** The most that were resident when last noted; the present number may be higher. */
  peak = 0;

  /** All that are resident (VmRSS). */
  get total(): number {
    return this.anon + this.file + this.shmem;
  }
}

/** Called with a real address whose translation changed. */
export type FlushPage = (address: number) => void;

/**
 * The pages of one process: its page tables and the counts that go with them. The rules of when a page appears, goes
 * or changes are in the functions of `fault/` and `paging/`; here are the steps that all of them are made of, each
 * keeping entry, frame and counters in agreement.
 */
export class PagedSpace implements AreaSpace {
  /** The machine whose frames they are. */
  readonly machine: MachineCore;
  /** The areas. */
  readonly mm: Mm;
  /** The page tables. */
  readonly table: PageTable;
  /** The pages by kind. */
  readonly rss: ResidentPages = new ResidentPages();
  /** Faults served without reading from a device. */
  minorFaults = 0;
  /** Faults that had to read from a device. */
  majorFaults = 0;
  /** Set by whoever caches translations. */
  flush: FlushPage | null = null;

  constructor(machine: MachineCore, mm: Mm, shape: TableShape) {
    this.machine = machine;
    this.mm = mm;
    this.table = new PageTable(machine.frames, shape);
    mm.space = this;
  }

  /** The bits of an entry that the area's flags decide, without WRITE: that one has rules of its own. */
  protectionBits(area: VmArea): number {
    return isAccessible(area.flags) ? Pte.PRESENT | Pte.USER : Pte.NO_ACCESS;
  }

  /** The high word of an entry in the area. */
  highWord(area: VmArea): number {
    return area.flags & Vm.EXEC ? 0 : NO_EXECUTE;
  }

  /**
   * Whether pages of a shared area are mapped writable from the start: those of shared memory objects are. A page of
   * a file becomes writable by its first store, which is how the kernel learns that it is dirty.
   */
  mapsWritable(area: VmArea): boolean {
    const both = Vm.SHARED | Vm.WRITE;
    return (area.flags & both) === both && area.file!.object.isShmem;
  }

  /** Makes an empty entry map a frame, and counts it. */
  mapFrame(entry: number, address: number, frame: number, bits: number, area: VmArea): void {
    this.table.set(entry, ((frame << 12) | bits | this.protectionBits(area)) >>> 0, this.highWord(area));
    this.machine.frames.countMapping(frame, 1);
    this.countResident(frame, 1);
    this.flush?.(address);
  }

  /** Makes an empty entry map the page of zeros, which is not counted anywhere. */
  mapZero(entry: number, address: number, area: VmArea): void {
    const bits = Pte.SPECIAL | Pte.ACCESSED | this.protectionBits(area);
    this.table.set(entry, ((this.machine.zeroFrame << 12) | bits) >>> 0, this.highWord(area));
    this.flush?.(address);
  }

  /** Changes bits of a mapped entry. */
  setBits(entry: number, address: number, low: number, area: VmArea): void {
    this.table.set(entry, low >>> 0, this.highWord(area));
    this.flush?.(address);
  }

  /** Counts a page as resident, or no longer so. */
  countResident(frame: number, by: number): void {
    // The peak is noted where a fall may begin.
    if (by < 0 && this.rss.total > this.rss.peak) this.rss.peak = this.rss.total;
    const flags = this.machine.frames.flagsOf(frame);
    if (flags & Frame.ANON) this.rss.anon += by;
    else if (flags & Frame.SHMEM) this.rss.shmem += by;
    else this.rss.file += by;
  }

  /** Empties an entry, whatever it holds; the page behind it goes when nothing maps it any more. */
  clearEntry(entry: number, address: number): void {
    const pte = this.table.get(entry);
    this.table.set(entry, 0, 0);
    if (isMapped(pte)) {
      this.flush?.(address);
      if ((pte & Pte.SPECIAL) === 0) this.#dropMapping(frameOf(pte), pte);
    } else if (isSwap(pte)) {
      this.rss.swap -= 1;
      this.machine.swap.drop(slotOf(pte));
    }
  }

  #dropMapping(frame: number, pte: number): void {
    const { frames } = this.machine;
    if (pte & Pte.DIRTY) frames.mark(frame, Frame.DIRTY);
    this.countResident(frame, -1);
    if (frames.countMapping(frame, -1) === 0 && frames.flagsOf(frame) & Frame.ANON) this.freeAnonymous(frame);
  }

  /** Frees an anonymous page that nothing maps, with its slot in swap if it has one. */
  freeAnonymous(frame: number): void {
    const { frames, lru } = this.machine;
    lru.remove(frame);
    if (frames.flagsOf(frame) & Frame.SWAP_CACHED) forgetSwapCopy(this.machine, frame);
    frames.release(frame);
  }

  /**
   * Empties the entries of `[start, end)`.
   *
   * @param keepCopies Whether anonymous pages, in memory or in swap, stay.
   * @param keepGuards Whether guard markers stay.
   */
  zap(start: number, end: number, keepCopies: boolean, keepGuards: boolean): void {
    const { table } = this;
    const { frames } = this.machine;
    const { words } = frames.memory;
    const step = table.stride;
    table.forEach(start, end, (first, firstAddress, count) => {
      for (let i = 0, entry = first, address = firstAddress; i < count; i++, entry += step, address += 4096) {
        const pte = words[entry >>> 2]!;
        if (pte === 0) continue;
        if (isMapped(pte)) {
          const isCopy = (pte & Pte.SPECIAL) === 0 && (frames.flagsOf(frameOf(pte)) & Frame.ANON) !== 0;
          if (keepCopies && isCopy) continue;
        } else if (isGuard(pte) ? keepGuards : keepCopies) continue;
        this.clearEntry(entry, address);
      }
    });
  }

  zapFile(start: number, end: number, evenCopies: boolean): void {
    this.zap(start, end, !evenCopies, true);
  }

  clean(address: number, frame: number): void {
    const entry = this.#entryFor(address, frame);
    if (entry === 0) return;
    const pte = this.table.get(entry);
    if ((pte & (Pte.WRITE | Pte.DIRTY)) === 0) return;
    this.table.mark(entry, (pte & ~(Pte.WRITE | Pte.DIRTY)) >>> 0);
    this.flush?.(address);
  }

  takeReferences(address: number, frame: number): number {
    const entry = this.#entryFor(address, frame);
    if (entry === 0) return 0;
    const pte = this.table.get(entry);
    if (pte & Pte.ACCESSED) {
      this.table.mark(entry, (pte & ~Pte.ACCESSED) >>> 0);
      this.flush?.(address);
    }
    return pte & (Pte.ACCESSED | Pte.DIRTY);
  }

  evict(address: number, frame: number, replacement: number): number {
    const entry = this.#entryFor(address, frame);
    if (entry === 0) return 0;
    const pte = this.table.get(entry);
    this.table.set(entry, replacement, 0);
    this.flush?.(address);
    this.countResident(frame, -1);
    this.machine.frames.countMapping(frame, -1);
    if (replacement !== 0) this.rss.swap += 1;
    return pte;
  }

  /** The entry at `address` if it maps `frame`, else 0. */
  #entryFor(address: number, frame: number): number {
    const entry = this.table.find(address);
    if (entry === 0) return 0;
    const pte = this.table.get(entry);
    return isMapped(pte) && (pte & Pte.SPECIAL) === 0 && frameOf(pte) === frame ? entry : 0;
  }
}

/** The object behind a file area. In a paged space every mapped object is one of the page cache's. */
export const objectOf = (area: VmArea): CachedObject => area.file!.object as CachedObject;

/** Takes a page's copy in swap away; the page itself is then all there is of it. */
export const forgetSwapCopy = (machine: MachineCore, frame: number): void => {
  const { frames, swap } = machine;
  frames.setFlags(frame, (frames.flagsOf(frame) & ~Frame.SWAP_CACHED) | Frame.DIRTY);
  swap.unlink(frame);
};
