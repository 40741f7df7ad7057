/*
 * What is done to a cache as a whole: shrink, reap, tune, reset, tear down, count.
 */
import { type Address, InvalidArgumentError, NULL } from "@heapwright/allocator";
import { SlabFlags } from "../flags.ts";
import { baseFreeLimit, type Tunables, writeTunables } from "./descriptor.ts";
import { metaFree, removeSlab } from "./grow.ts";
import * as L from "./layout.ts";
import type { ObjectSource } from "./object-source.ts";
import { ensureArray, flushOldest, type Surplus } from "./transfer.ts";

/** The numbers of a cache. */
export interface CacheStats {
  /** Objects handed out now. */
  readonly live: number;
  /** Free objects in arrays (of all CPUs, and the shared one). */
  readonly cached: number;
  /** Free objects on slabs. */
  readonly free: number;
  /** Slabs with live or cached objects, and free ones too. */
  readonly partialSlabs: number;
  /** Slabs without a free object. */
  readonly fullSlabs: number;
  /** Slabs without an object in use. */
  readonly freeSlabs: number;
  /** Slabs made so far. */
  readonly grown: number;
  /** Slabs given back so far. */
  readonly reaped: number;
  /** Allocations that failed so far. */
  readonly failed: number;
  /** Objects in the shared array. */
  readonly sharedAvailable: number;
}

const ALL = Number.POSITIVE_INFINITY;

/** See KmemCache.shrink. */
export const shrink = (source: ObjectSource, keep: number): number =>
  release(source, (surplus) => {
    flush(source, source.array, ALL, surplus);
    flush(source, load(source, L.CACHE_SHARED), ALL, surplus);
    const free = listLength(source, L.CACHE_FREE);
    takeFreeSlabs(source, free - Math.floor(keep / 2 ** source.order), surplus);
    const { hierarchy, cache } = source;
    hierarchy.memory.store32(cache + L.CACHE_FREE_LIMIT, baseFreeLimit(hierarchy, cache));
    hierarchy.memory.store32(cache + L.CACHE_DROPPED, 0);
  });

/** See KmemCache.reap. */
export const reap = (source: ObjectSource): number =>
  release(source, (surplus) => {
    age(source, source.array, surplus);
    age(source, load(source, L.CACHE_SHARED), surplus);
    const { num } = source;
    const fifth = Math.floor((load(source, L.CACHE_FREE_LIMIT) + 5 * num - 1) / (5 * num));
    const all = (load(source, L.CACHE_FLAGS) & SlabFlags.RECLAIM_ACCOUNT) !== 0;
    takeFreeSlabs(source, all ? ALL : fifth, surplus);
    const base = baseFreeLimit(source.hierarchy, source.cache);
    const forgetting = Math.floor(load(source, L.CACHE_FREE_LIMIT) / 2);
    source.hierarchy.memory.store32(source.cache + L.CACHE_FREE_LIMIT, Math.max(base, forgetting));
  });

/** Forgets every object and gives back every slab, live objects or not. */
export const reset = (source: ObjectSource): void => {
  const { hierarchy, cache } = source;
  const { memory } = hierarchy;
  release(source, (surplus) => {
    for (const field of arrayFields(source)) {
      const array = memory.load32(field);
      if (array !== NULL) memory.store32(array + L.ARRAY_AVAILABLE, 0);
    }
    for (const list of [L.CACHE_PARTIAL, L.CACHE_FULL, L.CACHE_FREE]) {
      for (let slab = load(source, list); slab !== NULL; slab = load(source, list)) {
        removeSlab(hierarchy, cache, slab);
        surplus.push(slab);
      }
    }
    memory.store32(cache + L.CACHE_FREE_OBJECTS, 0);
  });
};

/**
 * Gives back everything: all CPUs' arrays and all slabs. The caller has seen to it that no other worker uses the cache, and
 * takes the descriptor away.
 *
 * @throws InvalidArgumentError when objects are live; nothing has changed but that arrays are empty.
 */
export const tearDown = (source: ObjectSource): void => {
  const { hierarchy } = source;
  release(source, (surplus) => {
    for (const field of arrayFields(source)) flush(source, hierarchy.memory.load32(field), ALL, surplus);
    takeFreeSlabs(source, ALL, surplus);
  });
  const { live } = count(source);
  if (live > 0) {
    throw new InvalidArgumentError("cache", source.name, `a cache without live objects (it has ${live})`);
  }
  source.locked(() => {
    for (const field of arrayFields(source)) {
      const array = hierarchy.memory.load32(field);
      if (array !== NULL) metaFree(hierarchy, array);
    }
  });
  source.array = NULL;
  source.markDestroyed();
};

/** See KmemCache.tune. */
export const tune = (source: ObjectSource, tunables: Tunables): void => {
  const { hierarchy, cache } = source;
  release(source, (surplus) => {
    writeTunables(hierarchy, cache, tunables);
    if (source.array === NULL) return;
    dropArray(source, surplus);
    source.array = ensureArray(hierarchy, cache);
  });
};

/** Gives this CPU's array back, when the worker leaves. */
export const giveUpArray = (source: ObjectSource): void => {
  if (source.array !== NULL) release(source, (surplus) => dropArray(source, surplus));
};

/** The cache in numbers. O(slabs). */
export const count = (source: ObjectSource): CacheStats =>
  source.locked(() => {
    const { memory } = source.hierarchy;
    const shared = load(source, L.CACHE_SHARED);
    let cached = 0;
    for (const field of arrayFields(source)) {
      const array = memory.load32(field);
      if (array !== NULL) cached += memory.load32(array + L.ARRAY_AVAILABLE);
    }
    const free = load(source, L.CACHE_FREE_OBJECTS);
    return {
      live: load(source, L.CACHE_SLABS) * source.num - free - cached,
      cached,
      free,
      partialSlabs: listLength(source, L.CACHE_PARTIAL),
      fullSlabs: listLength(source, L.CACHE_FULL),
      freeSlabs: listLength(source, L.CACHE_FREE),
      grown: load(source, L.CACHE_GROWN),
      reaped: load(source, L.CACHE_REAPED),
      failed: load(source, L.CACHE_FAILED),
      sharedAvailable: shared === NULL ? 0 : memory.load32(shared + L.ARRAY_AVAILABLE),
    };
  });

const load = (source: ObjectSource, field: number): number =>
  source.hierarchy.memory.load32(source.cache + field);

/** Collects slabs with the lock held, and destroys them without it. Returns the pages given back. */
const release = (source: ObjectSource, collect: (surplus: Surplus) => void): number => {
  source.expectUsable();
  const surplus: Surplus = [];
  source.locked(() => collect(surplus));
  return source.destroySlabs(surplus);
};

/** Where the addresses of a cache's arrays stand: the shared one's and each CPU's. */
const arrayFields = ({ cache, hierarchy }: ObjectSource): Address[] => [
  cache + L.CACHE_SHARED,
  ...Array.from({ length: hierarchy.cpus }, (_, cpu) => cache + L.CACHE_ARRAYS + 4 * cpu),
];

const listLength = (source: ObjectSource, list: number): number => {
  const { memory } = source.hierarchy;
  let length = 0;
  for (let slab = load(source, list); slab !== NULL; slab = memory.load32(slab + L.SLAB_NEXT)) length++;
  return length;
};

const flush = (source: ObjectSource, array: Address, most: number, surplus: Surplus): void => {
  if (array === NULL) return;
  const available = source.hierarchy.memory.load32(array + L.ARRAY_AVAILABLE);
  flushOldest(source.hierarchy, source.cache, array, Math.min(most, available), surplus);
};

/** An array that was used since the last time is left alone; another loses a fifth of what it can hold. */
const age = (source: ObjectSource, array: Address, surplus: Surplus): void => {
  if (array === NULL) return;
  const { memory } = source.hierarchy;
  const touched = memory.load32(array + L.ARRAY_TOUCHED) !== 0;
  memory.store32(array + L.ARRAY_TOUCHED, 0);
  const fifth = Math.floor((memory.load32(array + L.ARRAY_LIMIT) + 4) / 5);
  if (!touched) flush(source, array, fifth, surplus);
};

const takeFreeSlabs = (source: ObjectSource, most: number, surplus: Surplus): void => {
  for (let taken = 0; taken < most; taken++) {
    const slab = load(source, L.CACHE_FREE);
    if (slab === NULL) return;
    removeSlab(source.hierarchy, source.cache, slab);
    surplus.push(slab);
  }
};

const dropArray = (source: ObjectSource, surplus: Surplus): void => {
  const { hierarchy, cache, array } = source;
  flush(source, array, ALL, surplus);
  hierarchy.memory.store32(cache + L.CACHE_ARRAYS + 4 * hierarchy.cpu, NULL);
  metaFree(hierarchy, array);
  source.array = NULL;
};
