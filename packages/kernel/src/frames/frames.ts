import { NULL, type PageAllocator } from "@heapwright/allocator";
import type { LinearMemory } from "@heapwright/heap-memory";
import { PAGE_SHIFT, PAGE_SIZE } from "../abi/page.ts";
import type { AnonVma, MappedObject } from "../vma/area.ts";

/** What a page frame is used for, as bits of {@link Frames.flags}. */
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

/**
 * Physical memory: the frames themselves, and what the kernel knows of each (`struct page`).
 *
 * Frame n is the bytes `[4096 n, 4096 n + 4096)` of `memory`. Frame 0 is never used, so 0 stands for "none".
 *
 * Must always hold: `mapCount` is the number of page-table entries that map the frame (for a page table: the number of
 * its entries in use).
 */
export class Frames {
  /** The physical memory. */
  readonly memory: LinearMemory;
  /** Where free frames come from and go to. */
  readonly allocator: PageAllocator;
  /** {@link Frame} bits. */
  readonly flags: Uint16Array;
  /** Page-table entries that map the frame. */
  readonly mapCount: Int32Array;
  /** Page number within the owner. */
  readonly index: Float64Array;
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

  /** @param total Frames that `allocator` can hand out. */
  constructor(memory: LinearMemory, allocator: PageAllocator, total: number) {
    const count = memory.maxByteLength / PAGE_SIZE;
    this.memory = memory;
    this.allocator = allocator;
    this.total = total;
    this.flags = new Uint16Array(count);
    this.mapCount = new Int32Array(count);
    this.index = new Float64Array(count);
  }

  /** Frames not in use. */
  get free(): number {
    return this.total - this.used;
  }

  /** Takes a frame, contents undefined; 0 when there is none even after reclaim. */
  take(): number {
    if (this.pressure !== null && this.free <= this.lowWatermark) this.pressure(this, false);
    let address = this.allocator.allocatePages(0);
    while (address === NULL) {
      if (this.pressure === null || !this.pressure(this, true)) return 0;
      address = this.allocator.allocatePages(0);
    }
    this.used += 1;
    return address / PAGE_SIZE;
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
    this.flags[frame] = 0;
    this.mapCount[frame] = 0;
    this.owner[frame] = null;
    this.used -= 1;
    this.allocator.freePages((frame << PAGE_SHIFT) >>> 0, 0);
  }
}
