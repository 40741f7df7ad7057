/*
 * Names of bins, as people who debug heaps call them.
 */
import { NBINS } from "../layout/geometry.ts";

/** "unsorted", "small 7" or "large 64". */
export const binName = (index: number): string =>
  index === 1
    ? "unsorted"
    : index < 64
      ? `small ${index}`
      : index < NBINS
        ? `large ${index}`
        : `bin ${index}`;
