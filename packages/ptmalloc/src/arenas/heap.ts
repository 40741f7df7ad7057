/*
 * Heaps of thread arenas. A heap is a mapping of heapMax bytes, aligned to heapMax, of which the first part is accessible and
 * the rest only reserved; so the heap of any chunk is found by masking its address.
 *
 *   heap -> +----------------+ +0        heap_info, in words:
 *           | heap_info      |             0 ar_ptr         the arena
 *           | (malloc_state) | first       1 prev           the arena's heap before this one
 *           | chunks ...     | heap only   2 size           bytes in use
 *           | top            |             3 mprotect_size  bytes ever made accessible
 *           +----------------+ +size       4 pagesize       (since 2.35)
 *           | reserved       |
 *           +----------------+ +heapMax
 */
import { type Address, Advice, Protection } from "@heapwright/allocator";
import type { Core } from "../core.ts";
import { PARAMETER } from "../layout/statics.ts";
import { mapPages } from "../system/mapped.ts";

const HEAP_MIN = 32 * 1024;
const READ_WRITE = Protection.READ | Protection.WRITE;

export const heapArena = (core: Core, heap: Address): Address => core.load(heap);
export const setHeapArena = (core: Core, heap: Address, arena: Address): void => core.store(heap, arena);
export const heapPrevious = (core: Core, heap: Address): Address => core.load(heap + core.word);
export const setHeapPrevious = (core: Core, heap: Address, previous: Address): void =>
  core.store(heap + core.word, previous);
export const heapSize = (core: Core, heap: Address): number => core.load(heap + 2 * core.word);
const setHeapSize = (core: Core, heap: Address, size: number): void => core.store(heap + 2 * core.word, size);
export const heapProtected = (core: Core, heap: Address): number => core.load(heap + 3 * core.word);
const setHeapProtected = (core: Core, heap: Address, size: number): void =>
  core.store(heap + 3 * core.word, size);

/** The page size that the heap was made with. */
export const heapPageSize = (core: Core, heap: Address): number =>
  core.profile.heapInfoWords === 5 ? core.load(heap + 4 * core.word) : core.pageSize;

/**
 * Reserves an aligned stretch: at the place known to be aligned from last time, else by mapping twice the length and giving
 * back what sticks out, else by luck.
 */
const reserve = (core: Core): Address => {
  const { heapMax, maps } = core;
  if (maps === undefined) return 0;
  const hint = core.parameter(PARAMETER.alignedHeapArea);
  if (hint !== 0) {
    const heap = mapPages(core, heapMax, Protection.NONE, hint);
    core.setParameter(PARAMETER.alignedHeapArea, 0);
    if (heap !== 0) {
      if (heap % heapMax === 0) return heap;
      maps.munmap(heap, heapMax);
    }
  }
  const block = mapPages(core, 2 * heapMax, Protection.NONE);
  if (block !== 0) {
    const heap = Math.ceil(block / heapMax) * heapMax;
    const before = heap - block;
    if (before !== 0) maps.munmap(block, before);
    else core.setParameter(PARAMETER.alignedHeapArea, heap + heapMax);
    maps.munmap(heap + heapMax, heapMax - before);
    return heap;
  }
  const heap = mapPages(core, heapMax, Protection.NONE);
  if (heap === 0 || heap % heapMax === 0) return heap;
  maps.munmap(heap, heapMax);
  return 0;
};

/** A new heap of at least `size` bytes, of `size + pad` when that fits, or 0. new_heap. */
export const newHeap = (core: Core, size: number, pad: number): Address => {
  let length: number;
  if (size + pad < HEAP_MIN) length = HEAP_MIN;
  else if (size + pad <= core.heapMax) length = size + pad;
  else if (size > core.heapMax) return 0;
  else length = core.heapMax;
  length = core.pageUp(length);
  const heap = reserve(core);
  if (heap === 0) return 0;
  if (!core.maps!.mprotect(heap, length, READ_WRITE)) {
    core.maps!.munmap(heap, core.heapMax);
    return 0;
  }
  setHeapSize(core, heap, length);
  setHeapProtected(core, heap, length);
  if (core.profile.heapInfoWords === 5) core.store(heap + 4 * core.word, core.pageSize);
  const probe = core.probe;
  if (probe !== undefined) probe.event("memory_heap_new", heap, length, 0);
  return heap;
};

/** Grows a heap by at least `bytes`. Returns whether it could. grow_heap. */
export const growHeap = (core: Core, heap: Address, bytes: number): boolean => {
  const size = heapSize(core, heap) + core.pageUp(bytes);
  if (size > core.heapMax) return false;
  const accessible = heapProtected(core, heap);
  if (size > accessible) {
    if (!core.maps!.mprotect(heap + accessible, size - accessible, READ_WRITE)) return false;
    setHeapProtected(core, heap, size);
  }
  setHeapSize(core, heap, size);
  const probe = core.probe;
  if (probe !== undefined) probe.event("memory_heap_more", heap, size, 0);
  return true;
};

/** Gives back the last `bytes` of a heap: they stay accessible, but read as zero. shrink_heap. */
export const shrinkHeap = (core: Core, heap: Address, bytes: number): boolean => {
  const size = heapSize(core, heap) - bytes;
  if (size < core.g.heapInfoBytes) return false;
  core.maps!.madvise(heap + size, bytes, Advice.DONTNEED);
  setHeapSize(core, heap, size);
  const probe = core.probe;
  if (probe !== undefined) probe.event("memory_heap_less", heap, size, 0);
  return true;
};

/** Unmaps a heap. */
export const deleteHeap = (core: Core, heap: Address): void => {
  const probe = core.probe;
  if (probe !== undefined) probe.event("memory_heap_free", heap, heapSize(core, heap), 0);
  if (heap + core.heapMax === core.parameter(PARAMETER.alignedHeapArea))
    core.setParameter(PARAMETER.alignedHeapArea, 0);
  core.maps!.munmap(heap, core.heapMax);
};
