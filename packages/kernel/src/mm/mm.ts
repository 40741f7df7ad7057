import type { ObjectCaches } from "@heapwright/allocator";
import type { LinearMemory } from "@heapwright/heap-memory";
import { Errno } from "../abi/errno.ts";
import { PAGE_SIZE, pageOf } from "../abi/page.ts";
import { ObjectPool } from "../objects/object-pool.ts";
import { AREA_BYTES, type AreaSpace, type MappedFile, type MappedObject, VmArea } from "../vma/area.ts";
import { isCode, isData, isStack, Vm } from "../vma/flags.ts";
import { AreaTree } from "../vma/tree.ts";
import type { AddressLayout } from "./layout.ts";
import { Limits } from "./limits.ts";
import type { Pager } from "./pager.ts";

/** The greatest number of areas (`vm.max_map_count`). */
export const MAX_MAP_COUNT = 65530;

/** How memory may be promised (`vm.overcommit_memory`). */
export const Overcommit = {
  /** Refuse a single request beyond all memory and swap. */
  HEURISTIC: 0,
  /** Refuse nothing. */
  ALWAYS: 1,
  /** Refuse what goes beyond the commit limit. */
  NEVER: 2,
} as const;

/** What all processes of one machine share of commit accounting. All in pages. */
export class CommitAccount {
  /** One of {@link Overcommit}. */
  policy: number = Overcommit.HEURISTIC;
  /** Memory and swap together. */
  total: number = Number.POSITIVE_INFINITY;
  /** The limit in mode {@link Overcommit.NEVER} (`CommitLimit`). */
  limit: number = Number.POSITIVE_INFINITY;
  /** Pages promised so far (`Committed_AS`). */
  committed = 0;
}

/** What the address spaces of one machine share. */
export interface SharedByAll {
  readonly commit: CommitAccount;
  readonly areaObjects: ObjectPool;
}

/** Objects for areas: in caches that were plugged in, in the physical memory `memory`, or else in an array. */
export const newAreaObjects = (caches?: ObjectCaches, memory?: LinearMemory): ObjectPool =>
  ObjectPool.create("vm_area_struct", AREA_BYTES, caches, memory);

/**
 * An address space (`mm_struct`): the areas, the break, and the counters that limits are checked against.
 *
 * Must always hold: `totalVm` is the sum of the areas' pages; `dataVm`, `stackVm` and `execVm` the sums over those
 * that are data, stack and code; the break never lies below `startBrk`.
 */
export class Mm {
  /** The areas. */
  readonly areas: AreaTree = new AreaTree();
  /** Where things are. */
  readonly layout: AddressLayout;
  /** The resource limits. */
  readonly limits: Limits = new Limits();
  /** The machine's commit accounting. */
  readonly commit: CommitAccount;
  /** Where the areas' objects come from. */
  readonly areaObjects: ObjectPool;
  /** What holds the pages. Set once, right after construction. */
  pager!: Pager;
  /** How pages find their way back to this space; null where pages are not modelled. Set like {@link Mm.pager}. */
  space: AreaSpace | null = null;
  /** Makes the memory object behind a shared anonymous mapping of that many bytes. */
  newShmem: (bytes: number) => MappedObject;

  /** First address of the break's range. */
  startBrk = 0;
  /** The program break, byte exact. */
  brk = 0;
  /** The program's data segment, for RLIMIT_DATA. */
  startData = 0;
  /** The end of the program's data segment. */
  endData = 0;
  /** Where the stack pointer was at first: the area around it is `[stack]`. */
  startStack = 0;

  /** Pages of all areas (VmSize). */
  totalVm = 0;
  /** The most pages that all areas ever had (VmPeak). */
  peakVm = 0;
  /** Pages of private writable areas (VmData). */
  dataVm = 0;
  /** Pages of areas that grow down (VmStk). */
  stackVm = 0;
  /** Pages of executable areas (VmExe and VmLib). */
  execVm = 0;
  /** Pages of locked areas (VmLck). */
  lockedVm = 0;

  /**
   * @param newShmem See {@link Mm.newShmem}.
   * @param shared What all processes of its machine share; of its own when left out.
   */
  constructor(layout: AddressLayout, newShmem: (bytes: number) => MappedObject, shared?: SharedByAll) {
    this.layout = layout;
    this.newShmem = newShmem;
    this.commit = shared?.commit ?? new CommitAccount();
    this.areaObjects = shared?.areaObjects ?? newAreaObjects();
  }

  /** A new area, in no address space yet; null when there is no memory for its object. */
  newArea(start: number, end: number, flags: number, pgoff: number, file: MappedFile | null): VmArea | null {
    return VmArea.create(this.areaObjects, start, end, flags, pgoff, file);
  }

  /** Counts `pages` more (or fewer) pages of areas with these flags. `vm_stat_account`. */
  account(flags: number, pages: number): void {
    this.totalVm += pages;
    if (this.totalVm > this.peakVm) this.peakVm = this.totalVm;
    if (isCode(flags)) this.execVm += pages;
    else if (isStack(flags)) this.stackVm += pages;
    else if (isData(flags)) this.dataVm += pages;
  }

  /** Whether RLIMIT_AS and RLIMIT_DATA allow `pages` more pages with these flags. `may_expand_vm`. */
  mayExpand(flags: number, pages: number): boolean {
    const { limits } = this;
    if (this.totalVm + pages > pageOf(limits.as)) return false;
    if (isData(flags) && this.dataVm + pages > pageOf(limits.data)) {
      // A soft limit of 0 means the hard one here: a concession that Linux makes to Valgrind.
      return limits.data === 0 && this.dataVm + pages <= pageOf(limits.hard.data);
    }
    return true;
  }

  /** Whether RLIMIT_MEMLOCK allows `bytes` more with these flags. `mlock_future_ok`. */
  mayLock(flags: number, bytes: number): boolean {
    if ((flags & Vm.LOCKED) === 0) return true;
    return this.lockedVm + pageOf(bytes) <= pageOf(this.limits.memlock);
  }

  /** Promises `pages` pages (negative to take back), or says -ENOMEM. `security_vm_enough_memory_mm`. */
  charge(pages: number): number {
    const { commit } = this;
    if (pages > 0) {
      if (commit.policy === Overcommit.HEURISTIC && pages > commit.total) return -Errno.ENOMEM;
      if (commit.policy === Overcommit.NEVER && commit.committed + pages > commit.limit) return -Errno.ENOMEM;
    }
    commit.committed += pages;
    return 0;
  }

  /** Takes an area into the space. */
  link(area: VmArea): void {
    this.areas.insert(area);
    area.space = this.space;
    area.file?.object.areas.add(area);
  }

  /** Whether the area is part of the break's range, and so shown as `[heap]`. */
  isHeap(area: VmArea): boolean {
    return area.start < this.brk && area.end > this.startBrk;
  }

  /** Whether the area is the main stack. */
  isMainStack(area: VmArea): boolean {
    return area.start <= this.startStack && area.end >= this.startStack;
  }

  /** Verifies the areas and the counters; the faults as words, none when sound. O(areas). For tests. */
  check(): string[] {
    const faults = this.areas.check();
    let total = 0;
    let data = 0;
    let stack = 0;
    let exec = 0;
    for (const area of this.areas) {
      if (area.start % PAGE_SIZE !== 0 || area.end % PAGE_SIZE !== 0) faults.push("unaligned area");
      total += area.pages;
      if (isCode(area.flags)) exec += area.pages;
      else if (isStack(area.flags)) stack += area.pages;
      else if (isData(area.flags)) data += area.pages;
      if (area.file !== null && !area.file.object.areas.has(area)) faults.push("area unknown to its file");
      if (area.anonVma !== null && !area.anonVma.areas.has(area)) faults.push("area unknown to its anon_vma");
    }
    if (total !== this.totalVm) faults.push(`totalVm ${this.totalVm}, not ${total}`);
    if (data !== this.dataVm) faults.push(`dataVm ${this.dataVm}, not ${data}`);
    if (stack !== this.stackVm) faults.push(`stackVm ${this.stackVm}, not ${stack}`);
    if (exec !== this.execVm) faults.push(`execVm ${this.execVm}, not ${exec}`);
    return faults;
  }
}
