/*
 * Bins of free runs by length in granules: one for each length below 512 (128 KiB), so that a fit there is the best fit;
 * above, eight to each doubling.
 */
const EXACT_SHIFT = 9;
const EXACT: number = 1 << EXACT_SHIFT;

/** Free runs shorter than this, in granules, are in no bin: their tags have no room for links. */
export const MIN_BINNED = 4;

/** The bin that holds runs of `granules`. */
export const binOf = (granules: number): number => {
  if (granules < EXACT) return granules;
  const log = 31 - Math.clz32(granules);
  return EXACT + ((log - EXACT_SHIFT) << 3) + ((granules >>> (log - 3)) & 7);
};

/** The first bin all of whose runs have at least `granules`. */
export const binFrom = (granules: number): number =>
  granules < EXACT ? granules : binOf(granules + (1 << (28 - Math.clz32(granules))) - 1);
