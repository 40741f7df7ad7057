import type { ObjectCaches, PageAllocator } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import { PAGE_SIZE } from "../abi/page.ts";
import { FrameStack } from "../frames/frame-stack.ts";
import { Frames } from "../frames/frames.ts";
import { LruLists } from "../frames/lru.ts";
import { CommitAccount, newAreaObjects } from "../mm/mm.ts";
import type { ObjectPool } from "../objects/object-pool.ts";
import type { BackingStore } from "../page-cache/backing-store.ts";
import { CachedObject, type ObjectName } from "../page-cache/cached-object.ts";
import { SwapDevice } from "../swap/swap-device.ts";

/** Of what a machine is made. */
export interface MachineOptions {
  /** Physical memory. A new one of 4 GiB, committed by the host as it is touched, when left out. */
  readonly memory?: LinearMemory;
  /** Hands out its page frames: the buddy system, for instance. A plain stack of frames when left out. */
  readonly frames?: PageAllocator;
  /** Page frames that `frames` can hand out. All of `memory` but page 0 when left out. */
  readonly totalFrames?: number;
  /**
   * Where the kernel's own objects live: caches in `memory`, over the same page allocator as `frames`; the slab layer's, for
   * instance. The machine makes the caches `vm_area_struct` and `page` there, has the caches shrunk when frames run out,
   * and makes room when the caches find no page. When left out, the objects live in arrays outside the physical memory.
   */
  readonly objects?: ObjectCaches;
  /** Free runs of `frames` by order, for /proc/buddyinfo. When left out, all free frames show as single ones. */
  readonly freeRuns?: () => readonly number[];
  /** Pages of swap; 0 when left out. */
  readonly swapPages?: number;
  /** Where swapped pages go; in memory when left out. */
  readonly swapStore?: BackingStore;
}

/** Events that /proc/vmstat counts. */
export class VmEvents {
  /** Page faults of both kinds. */
  pgfault = 0;
  /** Page faults that had to read from a device. */
  pgmajfault = 0;
  /** Pages read from swap. */
  pswpin = 0;
  /** Pages written to swap. */
  pswpout = 0;
  /** Pages read from files. */
  pgpgin = 0;
  /** Pages written to files. */
  pgpgout = 0;
  /** Pages that reclaim looked at. */
  pgscan = 0;
  /** Pages that reclaim freed. */
  pgsteal = 0;
  /** Times that nothing could be reclaimed. */
  oomKill = 0;
}

/**
 * What all processes of one machine share: physical memory, swap, the page cache's lists, commit accounting, and the
 * page of zeros that every untouched page reads from.
 */
export class MachineCore {
  /** Physical memory, frame by frame. */
  readonly frames: Frames;
  /** The lists from which pages are reclaimed. */
  readonly lru: LruLists;
  /** The swap area. */
  readonly swap: SwapDevice;
  /** Where the processes' areas are kept. */
  readonly areaObjects: ObjectPool;
  /** What has been promised to the processes. */
  readonly commit: CommitAccount = new CommitAccount();
  /** What has happened so far. */
  readonly events: VmEvents = new VmEvents();
  /** Sends a page out at once, as far as that is possible without waiting for a device. Set by the reclaimer. */
  pageOut: ((frame: number) => void) | null = null;
  /** The frame that holds nothing but zeros, for ever. */
  readonly zeroFrame: number;
  /** All files and shared memory objects with pages in memory or swap. */
  readonly objects: Set<CachedObject> = new Set();
  #lastId = 0;

  /**
   * @throws InvalidArgumentError when `objects` lie in another memory than the machine's.
   * @throws RangeError when there is no frame for the page of zeros.
   */
  constructor(options: MachineOptions = {}) {
    const memory = options.memory ?? LinearMemory.fixed(2 ** 32);
    const allocator = options.frames ?? new FrameStack(memory.byteLength);
    const total = options.totalFrames ?? memory.byteLength / PAGE_SIZE - 1;
    this.frames = new Frames(memory, allocator, total, options.objects);
    this.areaObjects = newAreaObjects(options.objects, memory);
    this.lru = new LruLists(this.frames);
    this.swap = new SwapDevice(options.swapPages ?? 0, options.swapStore);
    this.zeroFrame = this.frames.takeZeroed();
    if (this.zeroFrame === 0) throw new RangeError("no frame for the page of zeros");
    this.commit.total = total + this.swap.slots;
    this.commit.limit = Math.floor(total / 2) + this.swap.slots;
  }

  /** A file of `size` bytes on a backing store. */
  createFile(size: number, store: BackingStore, path: string): CachedObject {
    this.#lastId += 1;
    const inode = this.#lastId;
    const object = new CachedObject(inode, size, store, { device: "fe:00", inode, path });
    this.objects.add(object);
    return object;
  }

  /** A file with a name, device and inode of its own. */
  openNamed(name: ObjectName, size: number, store: BackingStore): CachedObject {
    this.#lastId += 1;
    const object = new CachedObject(this.#lastId, size, store, name);
    this.objects.add(object);
    return object;
  }

  /** The object behind a shared anonymous mapping. */
  createShmem(size: number): CachedObject {
    this.#lastId += 1;
    const inode = this.#lastId;
    const object = new CachedObject(inode, size, null, {
      device: "00:01",
      inode,
      path: "/dev/zero (deleted)",
    });
    this.objects.add(object);
    return object;
  }
}
