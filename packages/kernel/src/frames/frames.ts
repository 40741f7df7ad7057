import { NULL, type ObjectCaches, type PageAllocator } from "@heapwright/allocator";
import type { LinearMemory } from "@heapwright/heap-memory";
import { PAGE_SHIFT, PAGE_SIZE } from "../abi/page.ts";
import { ObjectPool } from "../objects/object-pool.ts";
import type { AnonVma, MappedObject } from "../vma/area.ts";

/** What a page frame is used for, as bits of {@link Frames.flagsOf}. */
export const Frame = {
  /** Holds private anonymous memory; its owner is an anon_vma. */
  ANON: 0x1,
  /** Holds memory of a shared anonymous object. */
  SHMEM: 0x2,
  /** Is in the page cache; its owner is the object. */
  CACHED: 0x4,
  /** Differs from what the backing store has. */
  DIRTY: 0x8,
  /** Belongs to one process alone, so a store needs no copy. */
  EXCLUSIVE: 0x10,
  /** On the active list. */
  ACTIVE: 0x20,
  /** On one of the two lists. */
  LISTED: 0x40,
  /** Used since it was last looked at. */
  REFERENCED: 0x80,
  /** Has a copy in swap that is still good (unless DIRTY). */
  SWAP_CACHED: 0x100,
  /** May be dropped instead of swapped out (MADV_FREE), unless written to since. */
  LAZY_FREE: 0x200,
  /** Holds a page table. */
  TABLE: 0x400,
} as const;

/** Makes room; `desperate` when not a single frame is left. Returns whether it freed any. */
export type Pressure = (frames: Frames, desperate: boolean) => boolean;

/** Bytes of a descriptor. */
const DESCRIPTOR_BYTES = 24;

/**
 * Physical memory: the frames themselves, and what the kernel knows of each (`struct page`).
 *
 * Frame n is the bytes `[4096 n, 4096 n + 4096)` of `memory`. Frame 0 is never used, so 0 stands for "none".
 *
 * Every frame in use has a descriptor, an object in the kernel's memory from the cache `page`: it comes with the frame and
 * goes with it. Of frames not in use there is nothing but a zero in the table that leads to the descriptors. (Linux has an
 * array of descriptors for all frames, and means to come to this.)
 *
 * ```
 *   0       4          8      12     16      24
 *   | flags | mapCount | next | prev | index |       32-bit words, index a 64-bit floating-point number
 * ```
 *
 * Must always hold: the map count is the number of page-table entries that map the frame (for a page table: the number of
 * its entries in use).
 */
export class Frames {
  /** The physical memory. */
  readonly memory: LinearMemory;
  /** Where free frames come from and go to. */
  readonly allocator: PageAllocator;
  /** Where descriptors come from. */
  readonly pageObjects: ObjectPool;
  /** The anon_vma or object that the page belongs to. */
  readonly owner: (AnonVma | MappedObject | null)[] = [];
  /** Frames in use. */
  used = 0;
  /** Called when a frame is wanted and few or none are left; returns whether it made room. Set by the reclaimer. */
  pressure: Pressure | null = null;
  /** Below so many free frames, {@link Frames.pressure} is called before each allocation. */
  lowWatermark = 0;
  /** Frames that may be used. */
  readonly total: number;
  /** The caches that the kernel's objects come from, which hold pages of the same allocator; undefined for none. */
  readonly objects: ObjectCaches | undefined;
  /** Where each frame's descriptor lies, in 32-bit words; 0 for none. */
  private readonly at: Uint32Array<ArrayBuffer>;

  /**
   * @param total Frames that `allocator` can hand out.
   * @param objects See {@link Frames.objects}.
   */
  constructor(memory: LinearMemory, allocator: PageAllocator, total: number, objects?: ObjectCaches) {
    this.memory = memory;
    this.allocator = allocator;
    this.total = total;
    this.objects = objects;
    this.at = new Uint32Array(memory.maxByteLength / PAGE_SIZE);
    this.pageObjects = ObjectPool.create("page", DESCRIPTOR_BYTES, objects, memory);
  }

  /** One more than the highest frame number that there can be. */
  get count(): number {
    return this.at.length;
  }

  /** Frames not in use, neither as pages nor by the caches of objects. */
  get free(): number {
    return this.total - this.used - this.slabPages;
  }

  /** Frames that the caches of the kernel's objects hold. */
  get slabPages(): number {
    return this.objects === undefined ? 0 : this.objects.pagesHeld;
  }

  /** Whether a frame is in use as a page. */
  isUsed(frame: number): boolean {
    return this.at[frame] !== 0;
  }

  /** {@link Frame} bits of a frame in use. */
  flagsOf(frame: number): number {
    return this.pageObjects.words[this.at[frame]!]!;
  }
  /** Replaces all {@link Frame} bits. */
  setFlags(frame: number, flags: number): void {
    this.pageObjects.words[this.at[frame]!] = flags;
  }
  /** Sets some {@link Frame} bits. */
  mark(frame: number, bits: number): void {
    this.pageObjects.words[this.at[frame]!]! |= bits;
  }
  /** Clears some {@link Frame} bits. */
  clear(frame: number, bits: number): void {
    this.pageObjects.words[this.at[frame]!]! &= ~bits;
  }

  /** Page-table entries that map the frame. */
  mapCountOf(frame: number): number {
    return this.pageObjects.words[this.at[frame]! + 1]!;
  }
  /** Counts `by` more (or fewer) of them; returns how many there are then. */
  countMapping(frame: number, by: number): number {
    const { words } = this.pageObjects;
    const at = this.at[frame]! + 1;
    const count = words[at]! + by;
    words[at] = count;
    return count;
  }

  /** The next page, towards the cold end, of the list that the page is on; 0 for none. See {@link LruLists}. */
  nextOf(frame: number): number {
    return this.pageObjects.words[this.at[frame]! + 2]!;
  }
  /** The next page towards the warm end; 0 for none. */
  prevOf(frame: number): number {
    return this.pageObjects.words[this.at[frame]! + 3]!;
  }
  /** Sets {@link Frames.nextOf} and {@link Frames.prevOf}. */
  link(frame: number, next: number, prev: number): void {
    const { words } = this.pageObjects;
    const at = this.at[frame]!;
    words[at + 2] = next;
    words[at + 3] = prev;
  }
  /** Sets {@link Frames.nextOf}. */
  setNext(frame: number, next: number): void {
    this.pageObjects.words[this.at[frame]! + 2] = next;
  }
  /** Sets {@link Frames.prevOf}. */
  setPrev(frame: number, prev: number): void {
    this.pageObjects.words[this.at[frame]! + 3] = prev;
  }

  /** Page number within the owner. */
  indexOf(frame: number): number {
    return this.pageObjects.doubles[(this.at[frame]! >>> 1) + 2]!;
  }

  /** Makes a new frame page `index` of its owner. */
  assign(frame: number, flags: number, owner: AnonVma | MappedObject | null, index: number): void {
    const { words, doubles } = this.pageObjects;
    const at = this.at[frame]!;
    words[at] = flags;
    doubles[(at >>> 1) + 2] = index;
    this.owner[frame] = owner;
  }

  /**
   * Takes a frame, contents undefined, with a descriptor that says nothing yet; 0 when there is none, or no memory for its
   * descriptor, even after reclaim.
   */
  take(): number {
    if (this.pressure !== null && this.free <= this.lowWatermark) this.pressure(this, false);
    const descriptor = this.pageObjects.alloc();
    if (descriptor === NULL) return 0;
    let address = this.allocator.allocatePages(0);
    while (address === NULL) {
      if (this.pressure === null || !this.pressure(this, true)) {
        this.pageObjects.free(descriptor);
        return 0;
      }
      address = this.allocator.allocatePages(0);
    }
    this.used += 1;
    const frame = address / PAGE_SIZE;
    const { words } = this.pageObjects;
    const at = descriptor >>> 2;
    this.at[frame] = at;
    words[at] = 0;
    words[at + 1] = 0;
    return frame;
  }

  /** Takes a frame full of zeros; 0 when there is none. */
  takeZeroed(): number {
    const frame = this.take();
    if (frame !== 0) this.zero(frame);
    return frame;
  }

  /** Fills a frame with zeros. */
  zero(frame: number): void {
    const start = frame * PAGE_SIZE;
    this.memory.bytes.fill(0, start, start + PAGE_SIZE);
  }

  /** Copies a frame's contents. */
  copy(target: number, source: number): void {
    const start = source * PAGE_SIZE;
    this.memory.bytes.copyWithin(target * PAGE_SIZE, start, start + PAGE_SIZE);
  }

  /** The bytes of a frame. */
  bytesOf(frame: number): Uint8Array {
    return this.memory.bytes.subarray(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
  }

  /** Gives a frame back. Nothing may map it any more. */
  release(frame: number): void {
    this.pageObjects.free(this.at[frame]! * 4);
    this.at[frame] = 0;
    this.owner[frame] = null;
    this.used -= 1;
    this.allocator.freePages((frame << PAGE_SHIFT) >>> 0, 0);
  }
}
