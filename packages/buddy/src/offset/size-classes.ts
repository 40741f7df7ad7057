/*
 * Two levels of size classes for sizes from 1 to 2^53 - 1: powers of two, each cut into 32 equal ranges. Sizes below
 * 32 have a class each.
 */

/** Classes of a level, as a power of two. */
const SECOND_BITS = 5;
/** Classes of a level. */
export const SECOND_LEVELS: number = 2 ** SECOND_BITS;
/** Levels: one for the sizes below 32, and one for each power of two from 2^5 to 2^52. */
export const LEVELS: number = 1 + 53 - SECOND_BITS;
/** Number of classes. */
export const CLASSES: number = LEVELS * SECOND_LEVELS;

/** The class that a region of this size belongs to. */
export const classOf = (size: number): number => {
  if (size < SECOND_LEVELS) return size;
  // Nearly all sizes have 31 bits, and shifts are many times faster than powers.
  if (size < 2 ** 31) {
    const log = 31 - Math.clz32(size);
    return (log - SECOND_BITS) * SECOND_LEVELS + (size >>> (log - SECOND_BITS));
  }
  const log = 62 - Math.clz32(Math.floor(size / 2 ** 31));
  return (log - SECOND_BITS) * SECOND_LEVELS + Math.floor(size / 2 ** (log - SECOND_BITS));
};

/** The first class all of whose regions have at least this size; `CLASSES` when there is none. */
export const classAbove = (size: number): number => {
  if (size < SECOND_LEVELS) return size;
  if (size < 2 ** 30) return classOf(size + (1 << (31 - Math.clz32(size) - SECOND_BITS)) - 1);
  const log = 62 - Math.clz32(Math.floor(size / 2 ** 31)) - SECOND_BITS;
  const rounded = size + (2 ** log - 1);
  return rounded > Number.MAX_SAFE_INTEGER ? CLASSES : classOf(rounded);
};
