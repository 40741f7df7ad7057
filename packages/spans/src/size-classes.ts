/*
 * Size classes of small blocks: steps of 16 bytes up to 256, then eight steps to each doubling up to 1024. So rounding
 * wastes less than 16 bytes, or less than an eighth. All sizes are multiples of 16, which is the alignment.
 */
import { GRANULE, MAX_BLOCKS } from "./layout.ts";

/** The largest size of a small block, in bytes. */
export const SMALL_MAX = 1024;

const sizes: number[] = [];
for (let size = 16; size <= 256; size += 16) sizes.push(size);
for (let step = 32; step * 8 < SMALL_MAX; step *= 2) {
  for (let size = step * 9; size <= step * 16; size += step) sizes.push(size);
}

/** Number of size classes. */
export const CLASS_COUNT: number = sizes.length;
/** Bytes in a block of each class. */
export const CLASS_SIZE: Int32Array = Int32Array.from(sizes);
/** The class of a size, by the size in 16-byte units, rounded up. A size of 0 belongs to the smallest class. */
export const CLASS_OF: Uint8Array = new Uint8Array(SMALL_MAX / 16 + 1).map((_, units) =>
  sizes.findIndex((size) => size >= units * 16),
);
/** log2 of the even part of each class's size. */
export const CLASS_SHIFT: Int32Array = CLASS_SIZE.map((size) => 31 - Math.clz32(size & -size));
/**
 * The inverse of the odd part of each class's size modulo 2^32, by Newton's iteration. With it, an offset that is
 * a multiple of the size is divided by one multiplication and a rotation, and any other offset gives a number beyond all
 * block indices (Granlund and Montgomery, "Division by Invariant Integers using Multiplication", section 9).
 */
export const CLASS_INVERSE: Int32Array = CLASS_SIZE.map((size, index) => {
  const odd = size >>> CLASS_SHIFT[index]!;
  let inverse = odd;
  for (let correct = 3; correct < 32; correct *= 2) {
    inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse));
  }
  return inverse;
});

/** Bytes that a span has at most, unless a class's smallest span needs more. */
const SPAN_MAX = 16384;
/** Blocks that a span has at least. */
const SPAN_MIN_BLOCKS = 4;

/**
 * Granules for the next span of a class that now has `blocks` blocks: an eighth of what it has, so that the memory of
 * idle blocks stays in proportion. The length is tuned by a few granules so that the tail wastes at most 1/32 where it can.
 */
export const spanGranules = (sizeClass: number, blocks: number): number => {
  const size = CLASS_SIZE[sizeClass]!;
  const most = Math.min(MAX_BLOCKS, Math.max(SPAN_MIN_BLOCKS, Math.floor(SPAN_MAX / size)));
  const wanted = Math.min(most, Math.max(SPAN_MIN_BLOCKS, blocks >>> 3, Math.floor(1024 / size)));
  const least = Math.ceil((wanted * size) / GRANULE);
  let best = least;
  for (let granules = least; granules < least + 6; granules++) {
    const waste = (granules * GRANULE) % size;
    if (Math.floor((granules * GRANULE) / size) > MAX_BLOCKS) break;
    if (waste / granules < ((best * GRANULE) % size) / best) best = granules;
    if (waste * 32 <= granules * GRANULE) return granules;
  }
  return best;
};
