/*
 * Fills a kmem_cache descriptor: where objects stand in their slots, how large a slab is, how many objects the array
 * caches hold.
 *
 *   slot without debugging   | object                    |
 *   slot with red zones      | left zone | object | right zone | tracks | rest |
 *                            ^ slot      ^ slot + CACHE_OBJECT_OFFSET
 */
import { type Address, NULL } from "@heapwright/allocator";
import { TRACKS_BYTES } from "../debug/track.ts";
import { ALL_FLAGS, SlabFlags } from "../flags.ts";
import { alignUp, objectAlignment, orderFor } from "../geometry/align.ts";
import { classicGeometry } from "../geometry/classic.ts";
import { slubGeometry } from "../geometry/slub.ts";
import { type Hierarchy, writeName } from "./hierarchy.ts";
import * as L from "./layout.ts";

/** The rule by which a slab's order follows from the object's size. */
export const GEOMETRY_CLASSIC = 0;
export const GEOMETRY_SLUB = 1;

export interface CacheRequest {
  readonly name: string;
  readonly size: number;
  readonly align: number;
  readonly flags: number;
  readonly functions: number;
  readonly geometry: number;
  /** Descriptors on the slab whatever the size: for the caches from which off-slab descriptors come. */
  readonly onSlab: boolean;
}

const CACHE_LINE = 64;
/** Objects are aligned to this when the user does not say: a float64 fits anywhere. */
const DEFAULT_ALIGN = 8;
/** Bytes of a red zone to the right of an object, at least. */
const RED_ZONE = 8;
/** The largest slab of classic geometry, unless pages are larger. */
const MAX_SLAB_BYTES = 131072;

interface Shape {
  readonly size: number;
  readonly align: number;
  readonly offset: number;
  readonly num: number;
  readonly order: number;
  readonly onSlabBytes: number;
  readonly leftOver: number;
}

/** Bytes of a slab descriptor with `num` controls. */
export const descriptorBytes = (num: number): number => alignUp(L.SLAB_HEADER + L.CONTROL_BYTES * num, 8);

const shapeOf = (hierarchy: Hierarchy, request: CacheRequest): Shape | undefined => {
  const { flags } = request;
  const line = (flags & SlabFlags.HWCACHE_ALIGN) !== 0 ? CACHE_LINE : 0;
  const align = objectAlignment(request.size, request.align || DEFAULT_ALIGN, 4, line);
  const zoned = (flags & SlabFlags.RED_ZONE) !== 0;
  const offset = zoned ? Math.max(align, RED_ZONE) : 0;
  let size = offset + Math.max(request.size, 4);
  if (zoned) size = alignUp(size, 4) + RED_ZONE;
  if ((flags & SlabFlags.STORE_USER) !== 0) size = alignUp(size, 4) + TRACKS_BYTES;
  size = alignUp(size, align);
  const pageSize = hierarchy.pages.pageSize;
  const maxOrder = Math.min(hierarchy.pages.maxOrder, Math.max(5, orderFor(MAX_SLAB_BYTES, pageSize)));
  if (request.geometry === GEOMETRY_SLUB && !request.onSlab) {
    const cpus = hierarchy.load(L.ROOT_GEOMETRY_CPUS);
    const slub = slubGeometry(size, { pageSize, maxOrder: Math.min(3, maxOrder), cpus });
    if (slub === undefined || slub.order > hierarchy.pages.maxOrder) return undefined;
    const leftOver = pageSize * 2 ** slub.order - size * slub.objects;
    // What the slab does not need for objects may hold the descriptor; the objects stay as many.
    const descriptor = alignUp(descriptorBytes(slub.objects), align);
    const onSlabBytes = descriptor <= leftOver ? descriptor : 0;
    return {
      size,
      align,
      offset,
      num: slub.objects,
      order: slub.order,
      onSlabBytes,
      leftOver: leftOver - onSlabBytes,
    };
  }
  const reclaimable = (flags & SlabFlags.RECLAIM_ACCOUNT) !== 0;
  const { onSlab } = request;
  const classic = classicGeometry(size, Math.max(align, 8), { pageSize, maxOrder, reclaimable, onSlab });
  if (classic === undefined) return undefined;
  const { objects: num, order, descriptorBytes: onSlabBytes, leftOver } = classic;
  return { size, align, offset, num, order, onSlabBytes, leftOver };
};

/** Objects in a CPU's array: the larger the object, the fewer. Linux's enable_cpucache. */
export const defaultLimit = (size: number, pageSize: number): number =>
  size > 131072 ? 1 : size > pageSize ? 8 : size > 1024 ? 24 : size > 256 ? 54 : 120;

/** Batches that the shared array holds, where there are several CPUs. */
const SHARED_FACTOR = 8;

/**
 * Writes a new descriptor at `cache` and puts it at the end of the chain. With the lock held.
 *
 * @returns false, with nothing changed, when no slab can hold an object.
 */
export const writeDescriptor = (hierarchy: Hierarchy, cache: Address, request: CacheRequest): boolean => {
  const shape = shapeOf(hierarchy, request);
  if (shape === undefined) return false;
  const { memory } = hierarchy;
  const pageSize = hierarchy.pages.pageSize;
  memory.fill(cache, L.cacheBytes(hierarchy.cpus), 0);
  const set = (field: number, value: number): void => memory.store32(cache + field, value);
  const id = hierarchy.load(L.ROOT_NEXT_ID);
  hierarchy.store(L.ROOT_NEXT_ID, id + 1);
  set(L.CACHE_MAGIC, L.CACHE_MAGIC_VALUE);
  set(L.CACHE_ID, id);
  set(L.CACHE_OBJECT_SIZE, request.size);
  set(L.CACHE_SIZE, shape.size);
  set(L.CACHE_ALIGN, shape.align);
  // A constructed object keeps its state while it is free, so nothing may be written over it.
  set(
    L.CACHE_FLAGS,
    request.functions & L.HAS_CONSTRUCTOR ? request.flags & ~SlabFlags.POISON : request.flags,
  );
  set(L.CACHE_NUM, shape.num);
  set(L.CACHE_ORDER, shape.order);
  const colourOffset = Math.max(CACHE_LINE, shape.align);
  set(L.CACHE_COLOUR_OFFSET, colourOffset);
  set(L.CACHE_COLOURS, Math.floor(shape.leftOver / colourOffset));
  set(L.CACHE_ON_SLAB_BYTES, shape.onSlabBytes);
  set(L.CACHE_OBJECT_OFFSET, shape.offset);
  set(L.CACHE_FUNCTIONS, request.functions);
  const limit = defaultLimit(shape.size, pageSize);
  writeTunables(hierarchy, cache, {
    limit,
    batch: (limit + 1) >> 1,
    sharedFactor: hierarchy.cpus > 1 && shape.size <= pageSize ? SHARED_FACTOR : 0,
  });
  writeName(memory, cache, request.name);
  appendToChain(hierarchy, cache);
  return true;
};

export interface Tunables {
  readonly limit: number;
  readonly batch: number;
  readonly sharedFactor: number;
}

export const writeTunables = (hierarchy: Hierarchy, cache: Address, tunables: Tunables): void => {
  const { memory } = hierarchy;
  const { limit, batch, sharedFactor } = tunables;
  memory.store32(cache + L.CACHE_LIMIT, limit);
  memory.store32(cache + L.CACHE_BATCH, batch);
  memory.store32(cache + L.CACHE_SHARED_FACTOR, sharedFactor);
  memory.store32(cache + L.CACHE_FREE_LIMIT, baseFreeLimit(hierarchy, cache));
};

/** Free objects that a cache may always keep on its slabs: a batch for each CPU, one more, and a slab. */
export const baseFreeLimit = ({ memory, cpus }: Hierarchy, cache: Address): number =>
  (1 + cpus) * memory.load32(cache + L.CACHE_BATCH) + memory.load32(cache + L.CACHE_NUM);

const appendToChain = (hierarchy: Hierarchy, cache: Address): void => {
  let last: Address = NULL;
  for (const each of hierarchy.caches()) last = each;
  if (last === NULL) hierarchy.store(L.ROOT_CHAIN, cache);
  else hierarchy.memory.store32(last + L.CACHE_NEXT, cache);
};

export const removeFromChain = (hierarchy: Hierarchy, cache: Address): void => {
  const { memory } = hierarchy;
  for (const each of hierarchy.caches()) {
    if (memory.load32(each + L.CACHE_NEXT) !== cache) continue;
    memory.store32(each + L.CACHE_NEXT, memory.load32(cache + L.CACHE_NEXT));
    return;
  }
};

/** Whether the bits are flags that this package knows. */
export const isFlags = (flags: number): boolean => Number.isInteger(flags) && (flags & ~ALL_FLAGS) === 0;
