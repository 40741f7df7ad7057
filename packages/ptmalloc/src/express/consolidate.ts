/*
 * malloc_consolidate, word by word: see paths.ts for what this folder is, and bins/fastbins.ts for the structure.
 */
import { corrupted } from "../errors.ts";
import { link as linkBetween, setFree as setsFree, type Unlink } from "./lists.ts";
import type { Place } from "./paths.ts";

const link = linkBetween;
const setFree = setsFree;

/** Merges every fast chunk of the main arena with its free neighbours and puts the results in the unsorted bin. */
export const makeConsolidate = (place: Place, unlinks: Unlink): (() => void) => {
  const { words: view, unsorted, haveFastAt, fastBinsAt, topAt, newestAt } = place;
  const unlink = unlinks;
  const consolidate = (): void => {
    const words = view;
    words[haveFastAt] = 0;
    for (let index = 0; index < 11; index++) {
      const bin = fastBinsAt + index;
      let freed = words[bin]!;
      if (freed === 0) continue;
      words[bin] = 0;
      while (freed !== 0) {
        if ((freed & 15) !== 8)
          throw corrupted(freed, "malloc_consolidate(): unaligned fastbin chunk detected");
        const head = words[(freed + 4) >>> 2]!;
        if (head >>> 3 !== index + 2) throw corrupted(freed, "malloc_consolidate(): invalid chunk size");
        let chunk = freed;
        let size = (head & -8) >>> 0;
        const next = (freed + size) >>> 0;
        const nextHead = words[(next + 4) >>> 2]!;
        const nextSize = (nextHead & -8) >>> 0;
        const after = (((freed + 8) >>> 12) ^ words[(freed + 8) >>> 2]!) >>> 0;
        if ((head & 1) === 0) {
          const before = words[freed >>> 2]!;
          chunk = (freed - before) >>> 0;
          size = (size + before) >>> 0;
          if ((words[(chunk + 4) >>> 2]! & -8) >>> 0 !== before)
            throw corrupted(chunk, "corrupted size vs. prev_size in fastbins");
          unlink(chunk);
        }
        if (next === words[topAt]) {
          words[(chunk + 4) >>> 2] = ((size + nextSize) >>> 0) | 1;
          words[topAt] = chunk;
          freed = after;
          continue;
        }
        if ((words[(next + nextSize + 4) >>> 2]! & 1) === 0) {
          unlink(next);
          size = (size + nextSize) >>> 0;
        } else words[(next + 4) >>> 2] = nextHead & -2;
        setFree(words, chunk, size);
        link(words, chunk, unsorted, words[newestAt]!);
        freed = after;
      }
    }
  };
  return consolidate;
};
