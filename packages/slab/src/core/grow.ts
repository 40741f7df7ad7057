/*
 * Slabs come and go here: a run of pages, its descriptor, its entries in the page map.
 *
 *   on slab   | colour | descriptor | slot 0 | slot 1 | ... |
 *   off slab  | colour | slot 0 | slot 1 | ... |     the descriptor is an object of a "slab-meta" cache
 *
 * The meta caches, one for each power of two from 64 bytes, serve descriptors and array caches. They are plain caches of the
 * hierarchy whose own descriptors always stand on their slabs, so that making a slab never needs a slab that needs it.
 *
 * Everything here runs with the lock held and calls nobody else's code but the page allocator's.
 */
import { type Address, NULL } from "@heapwright/allocator";
import { descriptorBytes, GEOMETRY_CLASSIC, writeDescriptor } from "./descriptor.ts";
import type { Hierarchy } from "./hierarchy.ts";
import * as L from "./layout.ts";
import { linkSlab, objectAt, putObject, slabWithFree, takeObject, unlinkSlab } from "./slab-list.ts";

/**
 * Makes a slab that is in no list yet: all its objects are free and chained in address order.
 *
 * @returns the descriptor's address, or `NULL` with nothing changed (but page-map leaves, which stay).
 */
export const buildSlab = (hierarchy: Hierarchy, cache: Address): Address => {
  const { memory, map } = hierarchy;
  const num = memory.load32(cache + L.CACHE_NUM);
  const order = memory.load32(cache + L.CACHE_ORDER);
  const run = hierarchy.takeMappedPages(order);
  if (run === NULL) return NULL;
  const onSlabBytes = memory.load32(cache + L.CACHE_ON_SLAB_BYTES);
  const colour = run + nextColour(hierarchy, cache);
  const slab = onSlabBytes === 0 ? metaAllocate(hierarchy, descriptorBytes(num)) : colour;
  if (slab === NULL) {
    hierarchy.givePages(run, order);
    return NULL;
  }
  memory.store32(slab + L.SLAB_CACHE, cache);
  memory.store32(slab + L.SLAB_FIRST, colour + onSlabBytes);
  memory.store32(slab + L.SLAB_IN_USE, 0);
  memory.store32(slab + L.SLAB_FREE, 0);
  memory.store32(slab + L.SLAB_NEXT, NULL);
  memory.store32(slab + L.SLAB_PREVIOUS, NULL);
  memory.store32(slab + L.SLAB_LIST, inHand(hierarchy));
  memory.store32(slab + L.SLAB_CACHE_ID, memory.load32(cache + L.CACHE_ID));
  const controls = slab + L.SLAB_CONTROLS;
  for (let index = 1; index < num; index++) memory.store32(controls + L.CONTROL_BYTES * (index - 1), index);
  memory.store32(controls + L.CONTROL_BYTES * (num - 1), L.CONTROL_END);
  map.set(run, 2 ** order, slab);
  return slab;
};

/** Puts a slab that buildSlab made into its cache's list of free slabs. */
export const addSlab = (hierarchy: Hierarchy, cache: Address, slab: Address): void => {
  const { memory } = hierarchy;
  const num = memory.load32(cache + L.CACHE_NUM);
  linkSlab(memory, cache, slab, L.LIST_FREE);
  add(hierarchy, cache + L.CACHE_SLABS, 1);
  add(hierarchy, cache + L.CACHE_GROWN, 1);
  add(hierarchy, cache + L.CACHE_FREE_OBJECTS, num);
  // A cache that gave slabs back only to ask for them again keeps as many from now on; reaping makes it forget.
  add(hierarchy, cache + L.CACHE_FREE_LIMIT, memory.load32(cache + L.CACHE_DROPPED) * num);
  memory.store32(cache + L.CACHE_DROPPED, 0);
};

/** Takes an empty slab out of its cache's lists; it is to be given back by releaseSlab. */
export const removeSlab = (hierarchy: Hierarchy, cache: Address, slab: Address): void => {
  unlinkSlab(hierarchy.memory, cache, slab);
  hierarchy.memory.store32(slab + L.SLAB_LIST, inHand(hierarchy));
  add(hierarchy, cache + L.CACHE_SLABS, -1);
  add(hierarchy, cache + L.CACHE_REAPED, 1);
  add(hierarchy, cache + L.CACHE_FREE_OBJECTS, -hierarchy.memory.load32(cache + L.CACHE_NUM));
};

/** SLAB_LIST of a slab that this worker has in hand. */
const inHand = (hierarchy: Hierarchy): number => L.LIST_NONE | ((hierarchy.cpu + 1) << 8);

/** Gives back the pages of a slab that is in no list. */
export const releaseSlab = (hierarchy: Hierarchy, cache: Address, slab: Address): void => {
  const { memory } = hierarchy;
  const run = slabRun(hierarchy, cache, slab);
  const offSlab = memory.load32(cache + L.CACHE_ON_SLAB_BYTES) === 0;
  hierarchy.givePages(run, memory.load32(cache + L.CACHE_ORDER));
  if (offSlab) metaFree(hierarchy, slab);
};

/** The first byte of a slab's pages: runs are aligned to their own size. */
export const slabRun = (hierarchy: Hierarchy, cache: Address, slab: Address): Address => {
  const first = hierarchy.memory.load32(slab + L.SLAB_FIRST);
  const bytes = hierarchy.pages.pageSize * 2 ** hierarchy.memory.load32(cache + L.CACHE_ORDER);
  return first - (first % bytes);
};

const add = (hierarchy: Hierarchy, field: Address, value: number): void =>
  hierarchy.memory.store32(field, hierarchy.memory.load32(field) + value);

/** Bytes by which the next slab's objects are shifted; each slab takes the next colour, round and round. */
const nextColour = (hierarchy: Hierarchy, cache: Address): number => {
  const { memory } = hierarchy;
  const colour = memory.load32(cache + L.CACHE_COLOUR_NEXT);
  const next = colour + 1 > memory.load32(cache + L.CACHE_COLOURS) ? 0 : colour + 1;
  memory.store32(cache + L.CACHE_COLOUR_NEXT, next);
  return colour * memory.load32(cache + L.CACHE_COLOUR_OFFSET);
};

/** An object straight from a cache's lists, past all arrays; its control says that it is live. For internal caches, which have no constructors. */
export const allocateDirect = (hierarchy: Hierarchy, cache: Address): Address => {
  const { memory } = hierarchy;
  let slab = slabWithFree(memory, cache);
  if (slab === NULL) {
    slab = buildSlab(hierarchy, cache);
    if (slab === NULL) return NULL;
    addSlab(hierarchy, cache, slab);
  }
  const index = takeObject(memory, cache, slab, L.CONTROL_ACTIVE);
  return objectAt(memory, cache, slab, index);
};

/** Gives back what allocateDirect gave; an empty slab goes with it. */
export const freeDirect = (hierarchy: Hierarchy, object: Address): void => {
  const { memory } = hierarchy;
  const slab = hierarchy.map.entry(object);
  const cache = memory.load32(slab + L.SLAB_CACHE);
  const index = (object - memory.load32(slab + L.SLAB_FIRST)) / memory.load32(cache + L.CACHE_SIZE);
  if (putObject(memory, cache, slab, index) > 0) return;
  removeSlab(hierarchy, cache, slab);
  releaseSlab(hierarchy, cache, slab);
};

const SMALLEST_META = 64;

/** The power of two from 64 on that holds `bytes`, as an index into the meta caches. */
const metaClass = (bytes: number): number => Math.max(0, 26 - Math.clz32(bytes - 1));

/** Memory for a descriptor or an array cache, or `NULL`. */
export const metaAllocate = (hierarchy: Hierarchy, bytes: number): Address => {
  const kind = metaClass(bytes);
  if (kind >= L.META_CLASSES) return NULL;
  const field = L.ROOT_META + 4 * kind;
  if (hierarchy.load(field) === NULL) {
    const cache = newDescriptor(hierarchy);
    if (cache === NULL) return NULL;
    const size = SMALLEST_META * 2 ** kind;
    const request = {
      name: `slab-meta-${size}`,
      size,
      align: 64,
      flags: 0,
      functions: 0,
      geometry: GEOMETRY_CLASSIC,
      onSlab: true,
    };
    if (!writeDescriptor(hierarchy, cache, request)) {
      freeDirect(hierarchy, cache);
      return NULL;
    }
    hierarchy.store(field, cache);
  }
  return allocateDirect(hierarchy, hierarchy.load(field));
};

/** Gives back what metaAllocate gave. */
export const metaFree = (hierarchy: Hierarchy, address: Address): void => freeDirect(hierarchy, address);

/** Room for a kmem_cache: an object of cache_cache, or `NULL`. */
export const newDescriptor = (hierarchy: Hierarchy): Address =>
  allocateDirect(hierarchy, hierarchy.root + L.ROOT_CACHE_CACHE);
