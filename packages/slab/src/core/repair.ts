/*
 * After a worker has died.
 *
 * What can be trusted then: the page map's slab entries, the fields of a slab that never change, and the objects'
 * controls, each of which is one word. Everything else (lists, counts, free chains, the shared arrays) is rebuilt from them.
 * Other workers go on meanwhile on their own arrays: they change controls only between live and cached, which both count
 * as in use here.
 *
 * What cannot be told apart is lost, not handed out twice: an object that was on its way between two arrays stays
 * cached in none, until salvage(), which needs all workers to be at rest, finds it.
 */
import { type Address, LockError, NULL } from "@heapwright/allocator";
import { metaFree, releaseSlab, slabRun } from "./grow.ts";
import type { Hierarchy } from "./hierarchy.ts";
import * as L from "./layout.ts";
import { TAG_LARGE, TAG_LARGE_TAIL, TAG_MASK, TAG_SLAB } from "./page-map.ts";
import { addFreeObjects, controlAt, linkSlab, listFor, objectAt, putObject } from "./slab-list.ts";

/**
 * Makes the hierarchy sound after the worker whose CPU the root names died with the lock held. With the lock held.
 *
 * @throws LockError when it died inside the page allocator, whose state nobody here can repair.
 */
export const repair = (hierarchy: Hierarchy): void => {
  if (hierarchy.load(L.ROOT_IN_PAGES) !== 0) {
    throw new LockError(
      "a worker died inside the page allocator: these caches cannot grow or shrink any more",
    );
  }
  const dead = hierarchy.load(L.ROOT_DEAD) - 1;
  const caches = [...hierarchy.caches()];
  for (const cache of caches) {
    const seen = new Set<Address>();
    purgeArray(hierarchy, cache, hierarchy.memory.load32(cache + L.CACHE_SHARED), seen);
    const own = dead < 0 ? NULL : hierarchy.memory.load32(cache + L.CACHE_ARRAYS + 4 * dead);
    purgeArray(hierarchy, cache, own, seen);
    emptyLists(hierarchy, cache);
  }
  const slabs = mappedSlabs(hierarchy, new Set(caches));
  for (const slab of slabs) rebuildSlab(hierarchy, slab);
  recount(hierarchy, slabs);
  hierarchy.store(L.ROOT_DEAD, 0);
};

/**
 * Takes what a dead worker's CPU had: its arrays' objects go back to their slabs, slabs that it was making or giving back
 * go to the page allocator (without destructors), and its number is free again. With the lock held, after any repair.
 */
export const buryCpu = (hierarchy: Hierarchy, cpu: number): void => {
  const { memory } = hierarchy;
  for (const cache of hierarchy.caches()) {
    const field = cache + L.CACHE_ARRAYS + 4 * cpu;
    const array = memory.load32(field);
    if (array === NULL) continue;
    memory.store32(field, NULL);
    for (let i = memory.load32(array + L.ARRAY_AVAILABLE); i-- > 0; ) {
      const entry = array + L.ARRAY_ENTRIES + L.ENTRY_BYTES * i;
      const slab = hierarchy.map.entry(memory.load32(entry));
      const control = memory.load32(entry + 4) * L.CONTROL_BYTES;
      putObject(memory, cache, slab, (control - slab - L.SLAB_CONTROLS) / L.CONTROL_BYTES);
    }
    metaFree(hierarchy, array);
  }
  const caches = new Set(hierarchy.caches());
  for (const slab of mappedSlabs(hierarchy, caches)) {
    if (memory.load32(slab + L.SLAB_LIST) !== (L.LIST_NONE | ((cpu + 1) << 8))) continue;
    releaseSlab(hierarchy, memory.load32(slab + L.SLAB_CACHE), slab);
  }
};

/** Keeps the entries of an array that are free cached objects of the cache and not in `seen`, and adds them to it. */
const purgeArray = (hierarchy: Hierarchy, cache: Address, array: Address, seen: Set<Address>): void => {
  if (array === NULL) return;
  const { memory } = hierarchy;
  const limit = memory.load32(array + L.ARRAY_LIMIT);
  const available = Math.min(memory.load32(array + L.ARRAY_AVAILABLE), limit);
  let kept = 0;
  for (let i = 0; i < available; i++) {
    const entry = array + L.ARRAY_ENTRIES + L.ENTRY_BYTES * i;
    const object = memory.load32(entry);
    const control = memory.load32(entry + 4) * L.CONTROL_BYTES;
    if (seen.has(object) || !isCached(hierarchy, cache, object, control)) continue;
    seen.add(object);
    const target = array + L.ARRAY_ENTRIES + L.ENTRY_BYTES * kept++;
    memory.store32(target, object);
    memory.store32(target + 4, control / L.CONTROL_BYTES);
  }
  memory.store32(array + L.ARRAY_AVAILABLE, kept);
};

const isCached = (hierarchy: Hierarchy, cache: Address, object: Address, control: Address): boolean => {
  const { memory, map } = hierarchy;
  if (object === NULL || object >= memory.byteLength) return false;
  const slab = map.entry(object);
  if (slab === 0 || (slab & TAG_MASK) !== TAG_SLAB || memory.load32(slab + L.SLAB_CACHE) !== cache)
    return false;
  const index = (control - slab - L.SLAB_CONTROLS) / L.CONTROL_BYTES;
  return objectAt(memory, cache, slab, index) === object && memory.load32(control) === L.CONTROL_CACHED;
};

const emptyLists = ({ memory }: Hierarchy, cache: Address): void => {
  for (const field of [L.CACHE_PARTIAL, L.CACHE_FULL, L.CACHE_FREE, L.CACHE_SLABS, L.CACHE_FREE_OBJECTS]) {
    memory.store32(cache + field, 0);
  }
};

/** Every slab that the page map leads to, its entries made whole; entries of caches that are no more are cleared. */
const mappedSlabs = (hierarchy: Hierarchy, caches: ReadonlySet<Address>): Set<Address> => {
  const { memory, map } = hierarchy;
  const slabs = new Set<Address>();
  for (const { page, entry } of map.entries()) {
    if ((entry & TAG_MASK) !== TAG_SLAB || slabs.has(entry)) continue;
    const cache = memory.load32(entry + L.SLAB_CACHE);
    if (!caches.has(cache)) {
      map.set(page, 1, 0);
      continue;
    }
    slabs.add(entry);
    map.set(slabRun(hierarchy, cache, entry), 2 ** memory.load32(cache + L.CACHE_ORDER), entry);
  }
  return slabs;
};

/** Chains the objects of a slab that are neither live nor cached, counts them, and puts the slab into its list. */
const rebuildSlab = (hierarchy: Hierarchy, slab: Address): void => {
  const { memory } = hierarchy;
  const list = memory.load32(slab + L.SLAB_LIST);
  // Some worker has it in hand: it is in no list, rightly.
  if (list > L.LIST_NONE) return;
  const cache = memory.load32(slab + L.SLAB_CACHE);
  const num = memory.load32(cache + L.CACHE_NUM);
  let chain: number = L.CONTROL_END;
  let inUse = 0;
  for (let index = num; index-- > 0; ) {
    const state = memory.load32(controlAt(slab, index));
    if (state === L.CONTROL_ACTIVE || state === L.CONTROL_CACHED) {
      inUse++;
      continue;
    }
    memory.store32(controlAt(slab, index), chain);
    chain = index;
  }
  memory.store32(slab + L.SLAB_FREE, chain);
  memory.store32(slab + L.SLAB_IN_USE, inUse);
  linkSlab(memory, cache, slab, listFor(inUse, num));
  memory.store32(cache + L.CACHE_SLABS, memory.load32(cache + L.CACHE_SLABS) + 1);
  addFreeObjects(memory, cache, num - inUse);
};

/** Counts pages and large runs anew; further pages of a run whose first page is gone are forgotten. */
const recount = (hierarchy: Hierarchy, slabs: ReadonlySet<Address>): void => {
  const { memory, map } = hierarchy;
  const { pageSize } = hierarchy.pages;
  let runs = 0;
  let large = 0;
  let end = 0;
  for (const { page, entry } of map.entries()) {
    const tag = entry & TAG_MASK;
    if (tag === TAG_LARGE) {
      runs++;
      large += 2 ** (entry >>> 8);
      end = page + pageSize * 2 ** (entry >>> 8);
    } else if (tag === TAG_LARGE_TAIL && page >= end) map.set(page, 1, 0);
  }
  let pages = 2 ** hierarchy.load(L.ROOT_ORDER) + map.leaves().length + large;
  for (const slab of slabs) pages += 2 ** memory.load32(memory.load32(slab + L.SLAB_CACHE) + L.CACHE_ORDER);
  hierarchy.store(L.ROOT_LARGE_RUNS, runs);
  hierarchy.store(L.ROOT_LARGE_PAGES, large);
  hierarchy.store(L.ROOT_PAGES, pages);
};

/**
 * Gives objects that are cached in no array back to their slabs: what dying workers had in hand. With the lock held, and every
 * other worker at rest. Returns their number.
 */
export const salvage = (hierarchy: Hierarchy): number => {
  const { memory } = hierarchy;
  const cached = new Set<Address>();
  const collect = (array: Address): void => {
    if (array === NULL) return;
    for (let i = memory.load32(array + L.ARRAY_AVAILABLE); i-- > 0; ) {
      cached.add(memory.load32(array + L.ARRAY_ENTRIES + L.ENTRY_BYTES * i));
    }
  };
  const caches = new Set(hierarchy.caches());
  for (const cache of caches) {
    collect(memory.load32(cache + L.CACHE_SHARED));
    for (let cpu = 0; cpu < hierarchy.cpus; cpu++) collect(memory.load32(cache + L.CACHE_ARRAYS + 4 * cpu));
  }
  let found = 0;
  for (const slab of mappedSlabs(hierarchy, caches)) {
    const cache = memory.load32(slab + L.SLAB_CACHE);
    for (let index = memory.load32(cache + L.CACHE_NUM); index-- > 0; ) {
      if (memory.load32(controlAt(slab, index)) !== L.CONTROL_CACHED) continue;
      if (cached.has(objectAt(memory, cache, slab, index))) continue;
      putObject(memory, cache, slab, index);
      found++;
    }
  }
  return found;
};
