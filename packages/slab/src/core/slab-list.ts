/*
 * The three lists of a cache, and the objects on a slab's own free list.
 *
 * Invariants, with the cache's lock held:
 * - a slab stands in the list that its count says: free when in-use is 0, full when it is `num`, partial otherwise;
 * - lists are NULL-ended and doubly linked, so that a slab leaves its list in O(1);
 * - CACHE_FREE_OBJECTS is the sum over all slabs of `num` less in-use.
 */
import { type Address, type Memory, NULL } from "@heapwright/allocator";
import * as L from "./layout.ts";

/** The list in which a slab with so many objects in use belongs. */
export const listFor = (inUse: number, num: number): number =>
  inUse === 0 ? L.LIST_FREE : inUse === num ? L.LIST_FULL : L.LIST_PARTIAL;

export const linkSlab = (memory: Memory, cache: Address, slab: Address, list: number): void => {
  const head = cache + L.CACHE_PARTIAL + 4 * list;
  const next = memory.load32(head);
  memory.store32(slab + L.SLAB_NEXT, next);
  memory.store32(slab + L.SLAB_PREVIOUS, NULL);
  memory.store32(slab + L.SLAB_LIST, list);
  if (next !== NULL) memory.store32(next + L.SLAB_PREVIOUS, slab);
  memory.store32(head, slab);
};

export const unlinkSlab = (memory: Memory, cache: Address, slab: Address): void => {
  const next = memory.load32(slab + L.SLAB_NEXT);
  const previous = memory.load32(slab + L.SLAB_PREVIOUS);
  if (previous !== NULL) memory.store32(previous + L.SLAB_NEXT, next);
  else memory.store32(cache + L.CACHE_PARTIAL + 4 * memory.load32(slab + L.SLAB_LIST), next);
  if (next !== NULL) memory.store32(next + L.SLAB_PREVIOUS, previous);
  memory.store32(slab + L.SLAB_LIST, L.LIST_NONE);
};

/** Sets a slab's count, and moves it to the list where it belongs now. */
export const setInUse = (memory: Memory, cache: Address, slab: Address, inUse: number): void => {
  memory.store32(slab + L.SLAB_IN_USE, inUse);
  const list = listFor(inUse, memory.load32(cache + L.CACHE_NUM));
  if (list === memory.load32(slab + L.SLAB_LIST)) return;
  unlinkSlab(memory, cache, slab);
  linkSlab(memory, cache, slab, list);
};

export const addFreeObjects = (memory: Memory, cache: Address, count: number): void =>
  memory.store32(cache + L.CACHE_FREE_OBJECTS, memory.load32(cache + L.CACHE_FREE_OBJECTS) + count);

/** A slab with a free object: a partial one first, so that empty ones can be given back. `NULL` when all are full. */
export const slabWithFree = (memory: Memory, cache: Address): Address =>
  memory.load32(cache + L.CACHE_PARTIAL) || memory.load32(cache + L.CACHE_FREE);

/** The address of object `index` (past the left red zone). */
export const objectAt = (memory: Memory, cache: Address, slab: Address, index: number): Address =>
  memory.load32(slab + L.SLAB_FIRST) +
  index * memory.load32(cache + L.CACHE_SIZE) +
  memory.load32(cache + L.CACHE_OBJECT_OFFSET);

/** Address of the control of object `index`. */
export const controlAt = (slab: Address, index: number): Address =>
  slab + L.SLAB_CONTROLS + L.CONTROL_BYTES * index;

/** Takes the first free object off a slab that has one; its control becomes `state`. Returns its index. */
export const takeObject = (memory: Memory, cache: Address, slab: Address, state: number): number => {
  const index = memory.load32(slab + L.SLAB_FREE);
  const control = controlAt(slab, index);
  memory.store32(slab + L.SLAB_FREE, memory.load32(control));
  memory.store32(control, state);
  addFreeObjects(memory, cache, -1);
  setInUse(memory, cache, slab, memory.load32(slab + L.SLAB_IN_USE) + 1);
  return index;
};

/** Puts an object back on its slab's free list. Returns how many objects the slab has in use now. */
export const putObject = (memory: Memory, cache: Address, slab: Address, index: number): number => {
  memory.store32(controlAt(slab, index), memory.load32(slab + L.SLAB_FREE));
  memory.store32(slab + L.SLAB_FREE, index);
  addFreeObjects(memory, cache, 1);
  const inUse = memory.load32(slab + L.SLAB_IN_USE) - 1;
  setInUse(memory, cache, slab, inUse);
  return inUse;
};
