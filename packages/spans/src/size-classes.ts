/*
 * Size classes of small blocks: steps of 16 bytes up to 256, then eight steps to each doubling up to 1024. So rounding
 * wastes less than 16 bytes, or less than an eighth. All sizes are multiples of 16, which is the alignment.
 */
import { GRANULE } from "./layout.ts";

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
/** Granules of a span at most: a span of a crowded class. */
const SPAN_MAX = 64;
/** Granules of a span at least, unless so few hold fewer than four blocks. */
const SPAN_MIN = 4;

/**
 * Granules for the next span of a class that now has `blocks` blocks: an eighth of what it has, so that the memory of
 * idle blocks stays in proportion. A few more are taken where the tail would waste more than 1/32 otherwise.
 */
export const spanGranules = (sizeClass: number, blocks: number): number => {
  const size = CLASS_SIZE[sizeClass]!;
  const wanted = Math.min(
    SPAN_MAX,
    Math.max(SPAN_MIN, (4 * size) / GRANULE, (blocks * size) / (8 * GRANULE)),
  );
  const least = Math.ceil(wanted);
  let best = least;
  for (let granules = least; granules < least + 6; granules++) {
    const waste = (granules * GRANULE) % size;
    if (waste * 32 <= granules * GRANULE) return granules;
    if (waste / granules < ((best * GRANULE) % size) / best) best = granules;
  }
  return best;
};
