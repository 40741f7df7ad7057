/** `value` rounded up to a multiple of `alignment`, a power of two. Exact up to 2^53, so also above 2^31. */
export const alignUp = (value: number, alignment: number): number => Math.ceil(value / alignment) * alignment;

/** The smallest n with `pageSize * 2^n >= bytes`. Linux's get_order. */
export const orderFor = (bytes: number, pageSize: number): number => {
  let order = 0;
  while (pageSize * 2 ** order < bytes) order++;
  return order;
};

/**
 * The alignment of a cache's objects. With `lineSize` (HWCACHE_ALIGN) an object gets a cache line of its own, or the
 * half or quarter of a line when it is that small. Linux's calculate_alignment.
 *
 * @param align What the user asked for, bytes: a power of two, or 0 for `minimum`.
 * @param minimum The least alignment, bytes.
 * @param lineSize Bytes in a cache line, 0 without HWCACHE_ALIGN.
 */
export const objectAlignment = (size: number, align: number, minimum: number, lineSize: number): number => {
  let line = lineSize;
  while (line > 1 && size <= line / 2) line /= 2;
  return Math.max(align, line, minimum);
};
