/*
 * free past the tcache: a chunk of the main arena goes to its fast bin, or is merged with its free neighbours.
 *
 * The same steps as ops/free.ts, which does them wherever a test fails or a case is rare: see paths.ts.
 */
import type { Address } from "@heapwright/allocator";
import { corrupted } from "../errors.ts";
import { PARAMETER } from "../layout/statics.ts";
import { giveBack, CONSOLIDATION_THRESHOLD as THRESHOLD } from "../ops/give-back.ts";
import type { Unlink } from "./lists.ts";
import { type Express, MIN_LARGE as LARGE, type Place } from "./paths.ts";
import type { Tcache } from "./tcache.ts";

const CONSOLIDATION_THRESHOLD = THRESHOLD;
const MIN_LARGE = LARGE;

export const makeFree = (
  place: Place,
  cache: Tcache,
  unlinks: Unlink,
  consolidates: () => void,
): Pick<Express, "free" | "freeInside"> => {
  const { core, words: view, main, bins, key, maxFast, unsorted } = place;
  const { haveFastAt, fastBinsAt, topAt, newestAt, systemMemAt } = place;
  const { put, roomFor } = cache;
  const unlink = unlinks;
  const consolidate = consolidates;

  /** A 64-bit number, as all parameters are. */
  const trimThresholdAt = (core.state + PARAMETER.trimThreshold) >>> 2;

  /** What giveBack does, which is called only when top is to be trimmed: most large frees leave it below the threshold. */
  const afterLarge = (): void => {
    const words = view;
    if (words[haveFastAt] !== 0) consolidate();
    const topHead = words[(words[topAt]! + 4) >>> 2]!;
    if ((topHead & -8) >>> 0 >= words[trimThresholdAt]! && words[trimThresholdAt + 1] === 0)
      giveBack(core, main);
  };

  const free = (mem: Address): boolean => {
    const words = view;
    const chunk = (mem - 8) >>> 0;
    const head = words[(mem - 4) >>> 2]!;
    const size = (head & -8) >>> 0;
    // Mapped, of a thread arena, misaligned, or of no possible size.
    if (((head & 14) | (mem & 15)) !== 0 || size < 16 || size > 0x7fffffff) return false;
    const next = (chunk + size) >>> 0;
    const nextHead = words[(next + 4) >>> 2]!;
    const nextSize = (nextHead & -8) >>> 0;
    if (nextHead <= 8 || nextSize >= words[systemMemAt]!) return false;

    if (size <= maxFast) {
      const bin = fastBinsAt + (size >>> 3) - 2;
      const old = words[bin]!;
      if (old === chunk) return false;
      words[haveFastAt] = 1;
      words[mem >>> 2] = (mem >>> 12) ^ old;
      words[bin] = chunk;
      return true;
    }

    const top = words[topAt]!;
    // Beyond top: an error, or a heap that was continued elsewhere.
    if (chunk >= top || (nextHead & 1) === 0) return false;
    let start = chunk;
    let whole = size;
    if ((head & 1) === 0) {
      const before = words[chunk >>> 2]!;
      start = (chunk - before) >>> 0;
      if ((words[(start + 4) >>> 2]! & -8) >>> 0 !== before) return false;
      whole = (size + before) >>> 0;
      unlink(start);
    }
    if (next === top) {
      whole = (whole + nextSize) >>> 0;
      words[(start + 4) >>> 2] = whole | 1;
      words[topAt] = start;
    } else {
      if ((words[(next + nextSize + 4) >>> 2]! & 1) === 0) {
        unlink(next);
        whole = (whole + nextSize) >>> 0;
      } else words[(next + 4) >>> 2] = nextHead & -2;
      const first = words[newestAt]!;
      if (words[(first + 12) >>> 2] !== unsorted) throw corrupted(first, "free(): corrupted unsorted chunks");
      const at = start >>> 2;
      words[at + 1] = whole | 1;
      words[at + (whole >>> 2)] = whole;
      if (whole >= MIN_LARGE) {
        words[at + 4] = 0;
        words[at + 5] = 0;
      }
      words[at + 2] = first;
      words[at + 3] = unsorted;
      words[(first + 12) >>> 2] = start;
      words[newestAt] = start;
    }
    if (whole >= CONSOLIDATION_THRESHOLD) afterLarge();
    return true;
  };

  const freeInside = (mem: Address, locked: boolean): boolean => {
    const words = view;
    const size = (words[(mem - 4) >>> 2]! & -8) >>> 0;
    const bin = (size >>> 4) - 1;
    if (bin >>> 0 < bins) {
      if ((mem & 15) !== 0 || (size & 8) !== 0 || (words[(mem + 4) >>> 2]! | 0) === key) return false;
      if (roomFor(bin) > 0) {
        put(mem - 8, bin);
        return true;
      }
    }
    if (locked && size <= maxFast) {
      const old = words[fastBinsAt + (size >>> 3) - 2]!;
      if (old !== 0 && words[(old + 4) >>> 2]! >>> 3 !== size >>> 3) return false;
    }
    return free(mem);
  };

  return { free, freeInside };
};
