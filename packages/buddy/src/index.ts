/**
 * The buddy system, in the memory it manages or outside it.
 *
 * @packageDocumentation
 */
export { Buddy, type BuddyOptions } from "./buddy.ts";
export { check } from "./check.ts";
export { allocateContiguousRange, type Migrate } from "./contiguous.ts";
export { allocatePagesExact, freePagesExact } from "./exact.ts";
export { FreeAreas } from "./free-areas.ts";
export { BuddyHeap } from "./heap.ts";
export { stats, walk } from "./inspect.ts";
export { Mobility } from "./mobility.ts";
export {
  type Move,
  NO_SPACE,
  OffsetAllocator,
  type OffsetAllocatorOptions,
  type StorageReport,
} from "./offset/offset-allocator.ts";
export { PerCpuLists } from "./per-cpu-lists.ts";
export {
  buddyinfo,
  extfragIndex,
  fragmentationIndex,
  pagetypeinfo,
  unusableFreeIndex,
  unusableIndex,
} from "./proc.ts";
export { RangeBuddy, type RangeBuddyOptions } from "./range-buddy.ts";
export {
  Gfp,
  MemoryNode,
  type Reclaimer,
  setWatermarks,
  type Watermarks,
  type Zone,
  type ZoneLayout,
  zonesOf,
} from "./zones.ts";
