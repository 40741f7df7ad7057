import { type Address, NULL } from "@heapwright/allocator";
import { PAGE_SIZE } from "../abi/page.ts";
import type { ObjectPool } from "../objects/object-pool.ts";
import { Vm } from "./flags.ts";

/**
 * Areas (`vm_area_struct`), and the two things an area can point to: the file that backs it and the anon_vma by
 * which its anonymous pages are found again.
 *
 * What must always hold of an area that is in an address space: `start < end`, both multiples of the page size;
 * `pgoff` is the number of the page of `file` that `start` shows or, where there is no file, of the page that the
 * anonymous memory had when it was first created; `anonVma` is set before the first anonymous page appears in it.
 */

/** What an area needs to know of the object (inode) that backs it. */
export interface MappedObject {
  /** A number of its own for every object. */
  readonly id: number;
  /** Bytes; pages wholly beyond are SIGBUS. */
  readonly size: number;
  /** Whether it is the kernel's own memory object behind a shared anonymous mapping (shmem). */
  readonly isShmem: boolean;
  /** Pages that are charged against the commit limit as long as it exists: shared memory, unless mapped with NORESERVE. */
  reserved: number;
  /** Device column of /proc/PID/maps, as in `"fe:00"`. */
  readonly device: string;
  /** Inode column of /proc/PID/maps. */
  readonly inode: number;
  /** Path column of /proc/PID/maps. */
  readonly path: string;
  /** The areas that show pages of this object (`i_mmap`). */
  readonly areas: Set<VmArea>;
}

/** What the space of an area does for those who come from a page: see the functions in paging/rmap. */
export interface AreaSpace {
  /** Drops what `[start, end)` maps of the area's file; private copies too when `evenCopies`. */
  zapFile(start: number, end: number, evenCopies: boolean): void;
  /** If `address` maps `frame`: makes the entry clean and read-only, so that the next store faults. */
  clean(address: number, frame: number): void;
  /** If `address` maps `frame`: whether it was used or written since last asked, as the processor's bits say. */
  takeReferences(address: number, frame: number): number;
  /** If `address` maps `frame`: puts `entry` there instead (0 for nothing). Returns the entry that was there. */
  evict(address: number, frame: number, entry: number): number;
}

/** An open file: the object, and how it was opened. Two areas of one file join only when this is the same. */
export interface MappedFile<T extends MappedObject = MappedObject> {
  /** The object behind it. */
  readonly object: T;
  /** Opened for reading. Every mapping needs that. */
  readonly readable: boolean;
  /** Opened for writing. Shared writable mappings need that. */
  readonly writable: boolean;
}

/**
 * The identity that anonymous pages of related areas share (`anon_vma`). From a page, it leads to every area that may
 * map it. Areas with different ones never join.
 */
export class AnonVma {
  /** The areas that may map pages which belong to this anon_vma. */
  readonly areas: Set<VmArea> = new Set();
}

/** Bytes of an area's object: what an object cache for areas must be made for. */
export const AREA_BYTES = 32;

/**
 * One area of an address space: a range of pages with one protection, one set of flags, one backing.
 *
 * ```
 *   0       8     16      24      28      32
 *   | start | end | pgoff | flags |       |       64-bit floating-point numbers, flags a 32-bit word
 * ```
 *
 * Its data are an object in the kernel's memory, from the cache `vm_area_struct`. This class is the handle to it, and has
 * what JavaScript must hold itself, the references to files and anon_vmas, and what the tree keeps of it. That is no part of
 * Linux's struct either: since the maple tree came, the tree's nodes have it. (Nor could it be: with it in the
 * object, every step in the tree would be a call, and mmap take twice as long.)
 */
export class VmArea {
  private readonly pool: ObjectPool;
  /** Where the object lies, in 64-bit numbers. */
  private readonly at: number;
  /** Where its flags lie, in 32-bit words. */
  private readonly flagsAt: number;
  /** The file that backs it, null for private anonymous memory. */
  file: MappedFile | null;
  /** The identity of its anonymous pages, null until the first one. */
  anonVma: AnonVma | null = null;
  /**
   * All anon_vmas under which its pages may be found: its own and, after forks, those of its ancestors. More than
   * one marks an area that a fork made.
   */
  chain: AnonVma[] = [];
  /** The space that the area belongs to, null where pages are not modelled. */
  space: AreaSpace | null = null;
  /** A name that /proc/PID/maps shows for a special mapping, as in `"[vdso]"`. */
  label = "";

  // What the tree keeps in its members; see AreaTree.
  /** Lower areas below this node of the tree. */
  left: VmArea | null = null;
  /** Higher areas below this node of the tree. */
  right: VmArea | null = null;
  /** The node above, null for the root. */
  parent: VmArea | null = null;
  /** Nodes on the longest path down, this one included. */
  height = 1;
  /** Free bytes before the area, its guard not counted. */
  gap = 0;
  /** The greatest gap in the subtree. */
  maxGap = 0;
  /** The next lower area. */
  prev: VmArea | null = null;
  /** The next higher area. */
  next: VmArea | null = null;

  private constructor(pool: ObjectPool, object: number, file: MappedFile | null) {
    this.pool = pool;
    this.at = object >>> 3;
    this.flagsAt = (object >>> 2) + 6;
    this.file = file;
  }

  /** A new area, in no address space yet; null when there is no memory for its object. `vm_area_alloc`. */
  static create(
    pool: ObjectPool,
    start: number,
    end: number,
    flags: number,
    pgoff: number,
    file: MappedFile | null,
  ): VmArea | null {
    const object = pool.alloc();
    if (object === NULL) return null;
    const area = new VmArea(pool, object, file);
    area.start = start;
    area.end = end;
    area.flags = flags;
    area.pgoff = pgoff;
    return area;
  }

  /** Gives the object of an area that is in no address space any more back. `vm_area_free`. */
  free(): void {
    this.pool.free(this.object);
  }

  /** The address of its object. */
  get object(): Address {
    return this.at * 8;
  }

  /** First address. Change it only through the tree that holds the area. */
  get start(): number {
    return this.pool.doubles[this.at]!;
  }
  set start(value: number) {
    this.pool.doubles[this.at] = value;
  }
  /** First address behind. Change it only through the tree that holds the area. */
  get end(): number {
    return this.pool.doubles[this.at + 1]!;
  }
  set end(value: number) {
    this.pool.doubles[this.at + 1] = value;
  }
  /** Page of `file` at `start`, or the page number at which private anonymous memory was created. */
  get pgoff(): number {
    return this.pool.doubles[this.at + 2]!;
  }
  set pgoff(value: number) {
    this.pool.doubles[this.at + 2] = value;
  }
  /** {@link Vm} flags. */
  get flags(): number {
    return this.pool.words[this.flagsAt]!;
  }
  set flags(value: number) {
    this.pool.words[this.flagsAt] = value;
  }

  /** Pages. */
  get pages(): number {
    return (this.end - this.start) / PAGE_SIZE;
  }

  /** Private memory without a file. */
  get isAnonymous(): boolean {
    return this.file === null;
  }

  /** Where the space begins that must stay free below: 256 pages lower than `start` for an area that grows down. */
  get guardStart(): number {
    return this.flags & Vm.GROWSDOWN ? Math.max(0, this.start - STACK_GUARD) : this.start;
  }

  /** The page of the backing object (or the creation-time page number) that stands at `address`. */
  pgoffAt(address: number): number {
    return this.pgoff + Math.floor((address - this.start) / PAGE_SIZE);
  }
}

/** Bytes that the search for room leaves free below an area that grows down (`stack_guard_gap`, 256 pages). */
export const STACK_GUARD: number = 256 * PAGE_SIZE;

/** Gives `area` all the anon_vmas of `from`, which must have one. `anon_vma_clone`. */
export const cloneAnonVma = (area: VmArea, from: VmArea): void => {
  for (const anonVma of from.chain) {
    if (area.chain.includes(anonVma)) continue;
    area.chain.push(anonVma);
    anonVma.areas.add(area);
  }
  area.anonVma = from.anonVma;
};

/** Takes `area` out of all its anon_vmas; it is then as never written. `unlink_anon_vmas`. */
export const unlinkAnonVmas = (area: VmArea): void => {
  for (const anonVma of area.chain) anonVma.areas.delete(area);
  area.chain = [];
  area.anonVma = null;
};
