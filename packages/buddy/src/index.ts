/**
 * The buddy system, in the memory it manages or outside it.
 *
 * @packageDocumentation
 */

export { FreeAreas } from "./areas/free-areas.ts";
export { Mobility } from "./areas/mobility.ts";
export { PerCpuLists } from "./areas/per-cpu-lists.ts";
export { Buddy, type BuddyOptions } from "./buddy.ts";
export { BuddyHeap } from "./heap.ts";
export { check } from "./inspect/check.ts";
export { stats, walk } from "./inspect/walk.ts";
export {
  type Move,
  NO_SPACE,
  OffsetAllocator,
  type OffsetAllocatorOptions,
  type StorageReport,
} from "./offset/offset-allocator.ts";
export { RangeBuddy, type RangeBuddyOptions } from "./range-buddy.ts";
export { allocateContiguousRange, type Migrate } from "./runs/contiguous.ts";
export { allocatePagesExact, freePagesExact } from "./runs/exact.ts";
export {
  buddyinfo,
  extfragIndex,
  fragmentationIndex,
  pagetypeinfo,
  unusableFreeIndex,
  unusableIndex,
} from "./zones/proc.ts";
export {
  Gfp,
  MemoryNode,
  type Reclaimer,
  setWatermarks,
  type Watermarks,
  type Zone,
  type ZoneLayout,
  zonesOf,
} from "./zones/zones.ts";
