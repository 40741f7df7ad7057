/*
 * Division by a constant through one 32-bit multiplication: an object's index from its offset in the slab, without a
 * divide on the fast path.
 */

/** `(offset * multiplier) >>> shift` is `offset / size` for every multiple of `size` below `size * count`. */
export interface Reciprocal {
  readonly multiplier: number;
  readonly shift: number;
}

/**
 * The reciprocal of `size` for offsets of up to `count` objects. For an offset that is no multiple the quotient is of no use;
 * whoever divides multiplies back to find out.
 *
 * With `m = ceil(2^shift / size)` and `e = m * size - 2^shift`, the product for the k-th multiple is `k * 2^shift + k * e`:
 * exact as long as `count * e < 2^shift`, and computable in 32 bits as long as `count * size * m < 2^32`.
 *
 * @returns undefined when there is none: slabs of more than 128 KiB with very small objects.
 */
export const reciprocalOf = (size: number, count: number): Reciprocal | undefined => {
  for (let shift = 0; shift < 31; shift++) {
    const multiplier = Math.ceil(2 ** shift / size);
    const excess = multiplier * size - 2 ** shift;
    if (count * size * multiplier >= 2 ** 32) return undefined;
    if (count * excess < 2 ** shift) return { multiplier, shift };
  }
  return undefined;
};
