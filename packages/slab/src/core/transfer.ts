/*
 * Batches between a CPU's array, the shared array behind it, and the slabs. Everything here runs with the lock held.
 *
 *   CPU array  <- batch ->  shared array  <- batch ->  slabs' own free lists
 */
import { type Address, NULL } from "@heapwright/allocator";
import { dropOldest, initArray, pushEntry, transfer } from "./array-cache.ts";
import { metaAllocate, removeSlab, slabOf } from "./grow.ts";
import type { Hierarchy } from "./hierarchy.ts";
import * as L from "./layout.ts";
import { controlAt, objectAt, putObject, slabWithFree, takeObject } from "./slab-list.ts";

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
    while (count < batch && memory.load32(slab + L.SLAB_FREE) !== L.CONTROL_END) {
      const index = takeObject(memory, cache, slab, L.CONTROL_CACHED);
      pushEntry(memory, array, objectAt(memory, cache, slab, index), controlAt(slab, index));
      count++;
    }
  }
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
  const { memory } = hierarchy;
  for (let i = 0; i < count; i++) {
    const entry = array + L.ARRAY_ENTRIES + L.ENTRY_BYTES * i;
    const object = memory.load32(entry);
    const slab = slabOf(hierarchy, object);
    const index = (memory.load32(entry + 4) * L.CONTROL_BYTES - slab - L.SLAB_CONTROLS) / L.CONTROL_BYTES;
    freeToSlab(hierarchy, cache, slab, index, surplus);
  }
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
  const { memory } = hierarchy;
  if (!putObject(memory, cache, slab, index)) return;
  if (memory.load32(cache + L.CACHE_FREE_OBJECTS) <= memory.load32(cache + L.CACHE_FREE_LIMIT)) return;
  removeSlab(hierarchy, cache, slab);
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
