/*
 * SLUB's geometry: which order a slab has and how many objects it holds, as the Linux kernel (6.x) computes it.
 * Slabs hold objects and nothing else; the descriptor stands elsewhere.
 *
 * The rule: a slab shall hold at least `minObjects` objects (four for every doubling of the processors, and four
 * more), so that the list lock is taken seldom; it shall waste at most 1/16 of itself, then 1/8, 1/4, 1/2, whichever is
 * met first by an order within [the order that minObjects needs, maxOrder]; when none is, one object.
 */
import { alignUp, objectAlignment, orderFor } from "./align.ts";

/** The kernel's parameters that decide a slab's order. */
export interface SlubParameters {
  /** Bytes in a page: a power of two. Default 4096. */
  readonly pageSize?: number;
  /** `slub_min_order`: no slab is smaller than this order. Default 0. */
  readonly minOrder?: number;
  /** `slub_max_order`: no slab is larger than this order, unless one object needs it. Default 3. */
  readonly maxOrder?: number;
  /** `slub_min_objects`: objects that a slab shall hold at least; 0, the default, derives it from `cpus`. */
  readonly minObjects?: number;
  /** Processors present. Default 1. */
  readonly cpus?: number;
}

/** How a slab is laid out. */
export interface SlabGeometry {
  /** The slab is `2^order` pages. */
  readonly order: number;
  /** Objects that it holds. */
  readonly objects: number;
}

/** More objects than this fit no page's counter. */
const MAX_OBJECTS_PER_SLAB = 32767;
/** The largest order of the kernel's page allocator. */
const MAX_PAGE_ORDER = 10;

/** Bits up to the highest set one, as the kernel's fls. */
const bitLength = (value: number): number => 32 - Math.clz32(value);

/**
 * The order of a slab and the objects it holds, for objects that stand `size` bytes apart. Linux's calculate_order.
 *
 * @param size Bytes from one object to the next: what /sys/kernel/slab/NAME/slab_size shows.
 * @returns undefined when not even one object fits the largest run of pages.
 * @example
 * ```ts
 * import { slubGeometry } from "@heapwright/slab";
 *
 * slubGeometry(192, { cpus: 2 }); // { order: 0, objects: 21 }
 * ```
 */
export const slubGeometry = (size: number, parameters: SlubParameters = {}): SlabGeometry | undefined => {
  const order = slubOrder(size, parameters);
  const pageSize = parameters.pageSize ?? 4096;
  return order > MAX_PAGE_ORDER
    ? undefined
    : { order, objects: Math.min(Math.floor((pageSize * 2 ** order) / size), MAX_OBJECTS_PER_SLAB) };
};

const slubOrder = (size: number, parameters: SlubParameters): number => {
  const { pageSize = 4096, minOrder = 0, maxOrder = 3, minObjects = 0, cpus = 1 } = parameters;
  const objectsAt = (order: number): number => Math.floor((pageSize * 2 ** order) / size);
  const wanted = minObjects > 0 ? minObjects : 4 * (bitLength(cpus) + 1);
  const needed = Math.min(wanted, Math.max(objectsAt(maxOrder), 1));
  const lowest = Math.max(minOrder, orderFor(needed * size, pageSize));
  if (objectsAt(lowest) > MAX_OBJECTS_PER_SLAB) return orderFor(size * MAX_OBJECTS_PER_SLAB, pageSize) - 1;
  for (let fraction = 16; fraction > 1; fraction /= 2) {
    for (let order = lowest; order <= maxOrder; order++) {
      const slab = pageSize * 2 ** order;
      if (slab % size <= Math.floor(slab / fraction)) return order;
    }
  }
  return orderFor(size, pageSize);
};

/** What decides the distance between two objects of a SLUB cache. */
export interface SlubObject {
  /** Bytes of an object, as the user asked. */
  readonly objectSize: number;
  /** The alignment asked for, bytes; 0 for the word's. */
  readonly align?: number;
  /** SLAB_HWCACHE_ALIGN. */
  readonly hwcacheAlign?: boolean;
  /** Whether objects have a constructor: then the free pointer may not lie over them. */
  readonly constructed?: boolean;
  /** SLAB_TYPESAFE_BY_RCU: readers may still look at a freed object, so the free pointer may not lie over it. */
  readonly typesafeByRcu?: boolean;
}

/**
 * Bytes from one object to the next in a SLUB cache without debugging, on a machine of 64-bit words and 64-byte cache
 * lines. Linux's calculate_sizes.
 */
export const slubObjectSize = (object: SlubObject): number => {
  const word = 8;
  const align = objectAlignment(object.objectSize, object.align ?? 0, word, object.hwcacheAlign ? 64 : 0);
  let size = alignUp(object.objectSize, word);
  if (object.constructed || object.typesafeByRcu) size += word;
  return alignUp(size, alignUp(align, word));
};
