/*
 * Alignment and bit arithmetic on sizes and addresses. All of it works above 2^31: where bits are masked, the mask is
 * below 2^31, so that the result of `&` is never negative, and sums are plain numbers, never wrapped to 32 bits.
 */

/** Whether `value` is a power of two from 1 to 2^31. */
export const isPowerOfTwo = (value: number): boolean => {
  const bits = value >>> 0;
  return bits === value && bits !== 0 && (bits & (bits - 1)) === 0;
};

/**
 * The least multiple of `alignment` that is `value` or more.
 *
 * @param value An integer from 0 to 2^53 - 2^31.
 * @param alignment A power of two from 1 to 2^31 (not verified).
 */
export const alignUp = (value: number, alignment: number): number => value + (-value & (alignment - 1));

/**
 * The greatest multiple of `alignment` that is `value` or less.
 *
 * @param value An integer from 0 to 2^53 - 1.
 * @param alignment A power of two from 1 to 2^31 (not verified).
 */
export const alignDown = (value: number, alignment: number): number => value - (value & (alignment - 1));

/**
 * Whether `value` is a multiple of `alignment`.
 *
 * @param value An integer from 0 to 2^53 - 1.
 * @param alignment A power of two from 1 to 2^31 (not verified).
 */
export const isAlignedTo = (value: number, alignment: number): boolean => (value & (alignment - 1)) === 0;

/** The exponent of the greatest power of two that is `value` or less. `value` from 1 to 2^32 - 1; -1 for 0. */
export const floorLog2 = (value: number): number => 31 - Math.clz32(value);

/** The exponent of the least power of two that is `value` or more. `value` from 1 to 2^32; 0 for 1. */
export const ceilLog2 = (value: number): number => 32 - Math.clz32(value - 1);

/** How many zero bits lie below the lowest one bit of a 32-bit word; 32 for 0. */
export const countTrailingZeros = (word: number): number => (word === 0 ? 32 : 31 - Math.clz32(word & -word));

/** How many bits of a 32-bit word are one. */
export const popCount = (word: number): number => {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
};
