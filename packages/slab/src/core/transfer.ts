/*
 * Batches between a CPU's array, the shared array behind it, and the slabs. Everything here runs with the lock held.
 *
 *   CPU array  <- batch ->  shared array  <- batch ->  slabs' own free lists
 */
import { type Address, NULL } from "@heapwright/allocator";
import { dropOldest, initArray, transfer } from "./array-cache.ts";
import { metaAllocate, removeSlab } from "./grow.ts";
import type { Hierarchy } from "./hierarchy.ts";
import * as L from "./layout.ts";
import { addFreeObjects, objectAt, putObject, setInUse, slabWithFree } from "./slab-list.ts";

// Copies of what is imported: V8 folds a module's own constants into hot code, but loads imported ones each time.
const { ARRAY_AVAILABLE, ARRAY_ENTRIES, ENTRY_BYTES, SLAB_CONTROLS, SLAB_FREE, SLAB_IN_USE } = L;
const END = L.CONTROL_END;
const CACHED = L.CONTROL_CACHED;

/** Fills a CPU's empty array, from the shared array first, then from slabs. Returns how many objects came. */
export const refill = (hierarchy: Hierarchy, cache: Address, array: Address): number => {
  const { memory } = hierarchy;
  const batch = memory.load32(array + L.ARRAY_BATCH);
  memory.store32(array + L.ARRAY_TOUCHED, 1);
  const shared = memory.load32(cache + L.CACHE_SHARED);
  if (shared !== NULL) {
    const moved = transfer(memory, array, shared, batch);
    if (moved > 0) {
      memory.store32(shared + L.ARRAY_TOUCHED, 1);
      return moved;
    }
  }
  let count = 0;
  while (count < batch) {
    const slab = slabWithFree(memory, cache);
    if (slab === NULL) break;
    count += takeBatch(hierarchy, cache, slab, array, batch - count);
  }
  return count;
};

/** Moves up to `most` objects from a slab's free list to an array. Returns how many. */
const takeBatch = (
  hierarchy: Hierarchy,
  cache: Address,
  slab: Address,
  array: Address,
  most: number,
): number => {
  const { memory } = hierarchy;
  const size = memory.load32(cache + L.CACHE_SIZE);
  const first = objectAt(memory, cache, slab, 0);
  const available = memory.load32(array + ARRAY_AVAILABLE);
  let entry = array + ARRAY_ENTRIES + ENTRY_BYTES * available;
  let index = memory.load32(slab + SLAB_FREE);
  let count = 0;
  for (; count < most && index !== END; count++) {
    const control = (slab + SLAB_CONTROLS + 4 * index) >>> 0;
    memory.store32(entry, (first + Math.imul(index, size)) >>> 0);
    memory.store32(entry + 4, control >>> 2);
    index = memory.load32(control);
    memory.store32(control, CACHED);
    entry = (entry + ENTRY_BYTES) >>> 0;
  }
  memory.store32(slab + SLAB_FREE, index);
  memory.store32(array + ARRAY_AVAILABLE, available + count);
  addFreeObjects(memory, cache, -count);
  setInUse(memory, cache, slab, memory.load32(slab + SLAB_IN_USE) + count);
  return count;
};

/** What became free beyond the cache's limit: slabs already out of the lists, to be destroyed without the lock. */
export type Surplus = Address[];

/** Makes room in a CPU's full array: its oldest batch goes to the shared array, or to the slabs when that is full. */
export const drain = (hierarchy: Hierarchy, cache: Address, array: Address, surplus: Surplus): void => {
  const { memory } = hierarchy;
  const available = memory.load32(array + L.ARRAY_AVAILABLE);
  const batch = Math.min(memory.load32(array + L.ARRAY_BATCH), available);
  const shared = memory.load32(cache + L.CACHE_SHARED);
  if (shared !== NULL) {
    const moved = moveOldest(hierarchy, shared, array, batch);
    if (moved > 0) return;
  }
  flushOldest(hierarchy, cache, array, batch, surplus);
};

/** Moves the oldest entries of one array to another as far as there is room. */
const moveOldest = (hierarchy: Hierarchy, to: Address, from: Address, count: number): number => {
  const { memory } = hierarchy;
  const there = memory.load32(to + L.ARRAY_AVAILABLE);
  const moved = Math.min(count, memory.load32(to + L.ARRAY_LIMIT) - there);
  memory.copy(to + L.ARRAY_ENTRIES + L.ENTRY_BYTES * there, from + L.ARRAY_ENTRIES, L.ENTRY_BYTES * moved);
  memory.store32(to + L.ARRAY_AVAILABLE, there + moved);
  dropOldest(memory, from, moved);
  return moved;
};

/** Gives the `count` oldest objects of an array back to their slabs. */
export const flushOldest = (
  hierarchy: Hierarchy,
  cache: Address,
  array: Address,
  count: number,
  surplus: Surplus,
): void => {
  const { memory, map } = hierarchy;
  const num = memory.load32(cache + L.CACHE_NUM);
  const { pageShift } = map;
  const end = array + ARRAY_ENTRIES + ENTRY_BYTES * count;
  let uncounted = 0;
  for (let entry = array + ARRAY_ENTRIES; entry < end; ) {
    // Neighbours in the array mostly come from one slab, which is seen and counted once for all of them.
    const object = memory.load32(entry);
    const page = object >>> pageShift;
    const slab = map.entry(object);
    const controls = (slab + SLAB_CONTROLS) >>> 2;
    let free = memory.load32(slab + SLAB_FREE);
    let left = memory.load32(slab + SLAB_IN_USE);
    const full = left === num;
    do {
      const control = memory.load32(entry + 4);
      memory.store32((control << 2) >>> 0, free);
      free = (control - controls) >>> 0;
      left--;
      uncounted++;
      entry = (entry + ENTRY_BYTES) >>> 0;
    } while (entry < end && memory.load32(entry) >>> pageShift === page);
    memory.store32(slab + SLAB_FREE, free);
    // Only a slab that was full, or is empty now, changes its list.
    if (left > 0 && !full) {
      memory.store32(slab + SLAB_IN_USE, left);
      continue;
    }
    setInUse(memory, cache, slab, left);
    if (left > 0) continue;
    addFreeObjects(memory, cache, uncounted);
    uncounted = 0;
    dropSurplus(hierarchy, cache, slab, surplus);
  }
  addFreeObjects(memory, cache, uncounted);
  dropOldest(memory, array, count);
};

/** Puts an object on its slab; an empty slab beyond the cache's limit of free objects leaves the lists. */
export const freeToSlab = (
  hierarchy: Hierarchy,
  cache: Address,
  slab: Address,
  index: number,
  surplus: Surplus,
): void => {
  if (putObject(hierarchy.memory, cache, slab, index) === 0) dropSurplus(hierarchy, cache, slab, surplus);
};

/** Takes an empty slab out of the lists when the cache has more free objects than it may keep. */
const dropSurplus = (hierarchy: Hierarchy, cache: Address, slab: Address, surplus: Surplus): void => {
  const { memory } = hierarchy;
  if (memory.load32(cache + L.CACHE_FREE_OBJECTS) <= memory.load32(cache + L.CACHE_FREE_LIMIT)) return;
  removeSlab(hierarchy, cache, slab);
  memory.store32(cache + L.CACHE_DROPPED, memory.load32(cache + L.CACHE_DROPPED) + 1);
  surplus.push(slab);
};

/** This CPU's array for a cache, made when it is missing; `NULL` when there is no memory for one. */
export const ensureArray = (hierarchy: Hierarchy, cache: Address): Address => {
  const { memory } = hierarchy;
  const field = cache + L.CACHE_ARRAYS + 4 * hierarchy.cpu;
  const present = memory.load32(field);
  if (present !== NULL) return present;
  const limit = memory.load32(cache + L.CACHE_LIMIT);
  const batch = memory.load32(cache + L.CACHE_BATCH);
  const array = metaAllocate(hierarchy, L.arrayBytes(limit));
  if (array === NULL) return NULL;
  initArray(memory, array, limit, batch);
  memory.store32(field, array);
  ensureShared(hierarchy, cache, batch * memory.load32(cache + L.CACHE_SHARED_FACTOR), batch);
  return array;
};

/** The shared array is a convenience: without memory for it the cache works on. */
const ensureShared = (hierarchy: Hierarchy, cache: Address, limit: number, batch: number): void => {
  const { memory } = hierarchy;
  if (limit === 0 || memory.load32(cache + L.CACHE_SHARED) !== NULL) return;
  const shared = metaAllocate(hierarchy, L.arrayBytes(limit));
  if (shared === NULL) return;
  initArray(memory, shared, limit, batch);
  memory.store32(cache + L.CACHE_SHARED, shared);
};
