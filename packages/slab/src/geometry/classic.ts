/*
 * The geometry of the classic SLAB allocator (Bonwick's, as Linux 2.2 to 6.7 had it): how many objects a slab of so
 * many pages holds beside its descriptor, which order is good enough, and what is left for colouring.
 *
 *   on slab    | colour | descriptor, controls | object | object | ... | rest |
 *   off slab   | colour | object | object | ...                        | rest |
 *
 * Colours shift the objects of successive slabs by a cache line each, as far as the rest allows, so that equal fields
 * of objects in different slabs do not all fall on the same cache sets.
 */
import { alignUp } from "./align.ts";

/** A classic slab's layout. */
export interface ClassicGeometry {
  /** The slab is `2^order` pages. */
  readonly order: number;
  /** Objects that it holds. */
  readonly objects: number;
  /** Whether the descriptor stands outside the slab. */
  readonly offSlab: boolean;
  /** Bytes at the slab's head taken by the descriptor, with alignment; 0 when it stands outside. */
  readonly descriptorBytes: number;
  /** Bytes that neither objects nor the descriptor take. */
  readonly leftOver: number;
}

/** Parameters of {@link classicGeometry}. */
export interface ClassicParameters {
  /** Bytes in a page: a power of two. Default 4096. */
  readonly pageSize?: number;
  /** No slab is larger than this order. Default 5: 128 KiB with pages of 4 KiB. */
  readonly maxOrder?: number;
  /** Orders beyond this are used only when fewer do not hold one object. Default 1. */
  readonly breakOrder?: number;
  /** Bytes of a slab descriptor without its controls. Default 32, as in this package; 24 in Linux 2.4 on i386. */
  readonly headerBytes?: number;
  /** Bytes of the control of one object. Default 4, as in this package and Linux 2.4; 2 in early Linux 2.6. */
  readonly controlBytes?: number;
  /** SLAB_RECLAIM_ACCOUNT: the lowest order that holds an object. */
  readonly reclaimable?: boolean;
  /** Keep the descriptor on the slab, whatever the object's size. */
  readonly onSlab?: boolean;
}

/**
 * The layout of a slab for objects that stand `size` bytes apart. Linux's calculate_slab_order.
 *
 * @param size Bytes from one object to the next: a multiple of `align`.
 * @param align Bytes: a power of two.
 * @returns undefined when not even one object fits the largest order.
 * @example
 * ```ts
 * import { classicGeometry } from "@heapwright/slab";
 *
 * // size-32 of Linux 2.4 on i386: 113 objects to a page.
 * classicGeometry(32, 32, { headerBytes: 24 })?.objects; // 113
 * ```
 */
export const classicGeometry = (
  size: number,
  align: number,
  parameters: ClassicParameters = {},
): ClassicGeometry | undefined => {
  const { pageSize = 4096, maxOrder = 5, breakOrder = 1, headerBytes = 32, controlBytes = 4 } = parameters;
  // Large objects would lose a whole object's room to the descriptor.
  const offSlab = parameters.onSlab !== true && size >= pageSize / 8;
  const descriptor = (objects: number): number => alignUp(headerBytes + objects * controlBytes, align);
  let best: ClassicGeometry | undefined;
  for (let order = 0; order <= maxOrder; order++) {
    const slab = pageSize * 2 ** order;
    let objects = Math.floor(offSlab ? slab / size : Math.max(slab - headerBytes, 0) / (size + controlBytes));
    // The controls' rounding up may cost the last object.
    if (!offSlab && objects > 0 && descriptor(objects) + objects * size > slab) objects--;
    if (objects === 0) continue;
    const descriptorBytes = offSlab ? 0 : descriptor(objects);
    best = { order, objects, offSlab, descriptorBytes, leftOver: slab - objects * size - descriptorBytes };
    if (parameters.reclaimable || order >= breakOrder || best.leftOver * 8 <= slab) break;
  }
  if (best?.offSlab && best.leftOver >= descriptor(best.objects)) {
    // There is room for the descriptor after all.
    const descriptorBytes = descriptor(best.objects);
    return { ...best, offSlab: false, descriptorBytes, leftOver: best.leftOver - descriptorBytes };
  }
  return best;
};
