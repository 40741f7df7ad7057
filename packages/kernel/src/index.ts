/**
 * A model of a Linux process's memory: areas, the break, mappings, page tables, faults, page cache and swap.
 *
 * @packageDocumentation
 */
export { Errno, type ErrnoName, errnoName, SystemError } from "./abi/errno.ts";
export { Madvise, MapFlag, MlockFlag, MremapFlag, MsyncFlag, Prot } from "./abi/mman.ts";
export { BusError, OutOfMemoryError, SegmentationFault } from "./fault/errors.ts";
export { Fault } from "./fault/result.ts";
export { FrameStack } from "./frames/frame-stack.ts";
export { Frame, Frames, type Pressure } from "./frames/frames.ts";
export { LruLists } from "./frames/lru.ts";
export { MachineCore, type MachineOptions, VmEvents } from "./machine/core.ts";
export { Machine } from "./machine/machine.ts";
export { type AddressLayout, I386_LAYOUT, X86_64_LAYOUT } from "./mm/layout.ts";
export { type LimitName, Limits } from "./mm/limits.ts";
export {
  CommitAccount,
  MAX_MAP_COUNT,
  Mm,
  newAreaObjects,
  Overcommit,
  type SharedByAll,
} from "./mm/mm.ts";
export type { Pager } from "./mm/pager.ts";
export { ObjectPool } from "./objects/object-pool.ts";
export { type BackingStore, MemoryStore } from "./page-cache/backing-store.ts";
export { CachedObject, type ObjectName } from "./page-cache/cached-object.ts";
export { FileStore, type FileSystem } from "./page-cache/file-store.ts";
export { readObject, truncateObject, writeBackRange, writeObject } from "./page-cache/page-cache.ts";
export { Pte } from "./page-table/entry.ts";
export {
  I386_TABLES,
  PageTable,
  type TableShape,
  type VisitEntries,
  X86_64_TABLES,
} from "./page-table/page-table.ts";
export { PagedMemory } from "./paging/paged-memory.ts";
export { type FlushPage, PagedSpace, ResidentPages } from "./paging/paged-space.ts";
export { type Abi, type FromMapsOptions, Process, type ProcessOptions } from "./process/process.ts";
export { type MmapArguments, SystemCalls } from "./process/system-calls.ts";
export { AddressWindow } from "./process/window.ts";
export { Reclaimer } from "./reclaim/reclaimer.ts";
export { SwapDevice } from "./swap/swap-device.ts";
export { AnonVma, type AreaSpace, type MappedFile, type MappedObject, VmArea } from "./vma/area.ts";
export { Vm } from "./vma/flags.ts";
export { AreaTree } from "./vma/tree.ts";
