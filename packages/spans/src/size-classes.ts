/*
 * Size classes of small blocks: one for each multiple of 16 bytes. So a size is turned into its class by a shift, without a
 * table, and rounding wastes less than 16 bytes. Class c has blocks of 16 c bytes; class 0, of size 0, has blocks of 16.
 */
import { GRANULE } from "./layout.ts";

/** Number of size classes: as many as the tag of a span has room for. */
export const CLASS_COUNT = 64;
/** The largest size of a small block, in bytes. */
export const SMALL_MAX: number = (CLASS_COUNT - 1) * 16;
/** Bytes in a block of each class. */
export const CLASS_SIZE: Int32Array = Int32Array.from(
  { length: CLASS_COUNT },
  (_, units) => Math.max(1, units) * 16,
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
