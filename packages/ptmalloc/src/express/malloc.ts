/*
 * malloc past the tcache, word by word: the search of ops/malloc.ts, in its order. See paths.ts for what this folder is.
 */
import type { Address } from "@heapwright/allocator";
import { tcacheGet } from "../bins/tcache.ts";
import { takeUnsorted } from "../bins/unsorted.ts";
import type { Core } from "../core.ts";
import { corrupted } from "../errors.ts";
import { systemMalloc } from "../system/sysmalloc.ts";
import type { ThreadState } from "../thread-state.ts";
import type { FindLarge, PutLarge } from "./largebins.ts";
import type { Unlink } from "./lists.ts";
import { MIN_LARGE as LARGE, LEAVE as LEAVES, type Place } from "./paths.ts";
import type { Tcache } from "./tcache.ts";

const LEAVE = LEAVES;
const MIN_LARGE = LARGE;
/** A walk sorts no more chunks than this. */
const MAX_STEPS = 10000;

/** Chunks from this size on are all in the last bin. */
const LARGEST = 0xc0000;
/** The bin of a large chunk, by its size / 64: a table, for which of five branches a size takes cannot be foretold. Made when needed. */
const largeBins = new Uint8Array(LARGEST >>> 6);

const fillLargeBins = (core: Core): void => {
  if (largeBins[0] !== 0) return;
  for (let units = 0; units < largeBins.length; units++) largeBins[units] = core.largeIndex(units << 6);
};

/** The parts that malloc is made of. */
export interface Parts {
  readonly cache: Tcache;
  readonly unlink: Unlink;
  readonly putLarge: PutLarge;
  readonly findLarge: FindLarge;
  readonly consolidate: () => void;
}

export const makeMalloc = (place: Place, thread: ThreadState, parts: Parts): ((bytes: number) => number) => {
  const { core, words: view, main, tcache, maxFast, unsorted } = place;
  const { haveFastAt, fastBinsAt, topAt, remainderAt, newestAt, oldestAt, binmapAt, systemMemAt } = place;
  const { unlink, putLarge, findLarge, consolidate } = parts;
  const { put, roomFor } = parts.cache;
  /** Bin 0 as a chunk, which is none. */
  const bins = main + 0x30;
  fillLargeBins(core);

  /** Pops a fast bin that has a chunk, its mates moving to the tcache while there is room. Gives the user address or LEAVE. */
  const takeFast = (needed: number, bin: number): number => {
    const words = view;
    const taken = words[bin]!;
    if ((taken & 15) !== 8 || words[(taken + 4) >>> 2]! >>> 3 !== needed >>> 3) return LEAVE;
    const cached = (needed >>> 4) - 1;
    let chunk = ((taken + 8) >>> 12) ^ words[(taken + 8) >>> 2]!;
    for (let left = roomFor(cached); left > 0 && chunk !== 0; left--) {
      if ((chunk & 15) !== 8) {
        words[bin] = chunk;
        throw corrupted(chunk >>> 0, "malloc(): unaligned fastbin chunk detected 3");
      }
      const next = ((chunk + 8) >>> 12) ^ words[(chunk + 8) >>> 2]!;
      put(chunk >>> 0, cached);
      chunk = next;
    }
    words[bin] = chunk;
    return taken + 8;
  };

  /** Takes the oldest chunk of a small bin that has one, its mates moving to the tcache while there is room. Gives as above. */
  const takeSmall = (needed: number, bin: Address): number => {
    const words = view;
    const taken = words[(bin + 12) >>> 2]!;
    let last = words[(taken + 12) >>> 2]!;
    if (words[(last + 8) >>> 2] !== taken) return LEAVE;
    words[(taken + needed + 4) >>> 2]! |= 1;
    const cached = (needed >>> 4) - 1;
    for (let left = roomFor(cached); left > 0 && last !== bin; left--) {
      const chunk = last;
      words[(chunk + needed + 4) >>> 2]! |= 1;
      last = words[(chunk + 12) >>> 2]!;
      words[(last + 8) >>> 2] = bin;
      put(chunk, cached);
    }
    words[(bin + 12) >>> 2] = last;
    words[(last + 8) >>> 2] = bin;
    return taken + 8;
  };

  /**
   * Takes the best fit from the bins: of a large request in its own bin, else in the next larger bin that has a chunk. The rest goes to
   * the unsorted bin, or is too small to be a chunk. Gives the user address, 0 when there is none, or LEAVE.
   */
  const takeFit = (needed: number, own: number): number => {
    const words = view;
    let message = "malloc(): corrupted unsorted chunks";
    let chunk = needed < MIN_LARGE ? 0 : findLarge(bins + (own << 3), needed);
    if (chunk === 0) {
      message = "malloc(): corrupted unsorted chunks 2";
      for (let index = own + 1; ; index++) {
        let block = index >>> 5;
        let bits = block < 4 ? words[binmapAt + block]! & (-1 << (index & 31)) : 0;
        while (bits === 0 && ++block < 4) bits = words[binmapAt + block]! | 0;
        if (bits === 0) return 0;
        index = (block << 5) + 31 - Math.clz32(bits & -bits);
        const bin = bins + (index << 3);
        chunk = words[(bin + 12) >>> 2]!;
        if (chunk !== bin) break;
        words[binmapAt + block]! &= ~(1 << (index & 31));
      }
    }
    const at = chunk >>> 2;
    const size = (words[at + 1]! & -8) >>> 0;
    if (size < needed) return LEAVE;
    unlink(chunk);
    const nextAt = at + (size >>> 2);
    const restSize = size - needed;
    if (restSize < 16) {
      words[nextAt + 1]! |= 1;
      return chunk + 8;
    }
    const first = words[newestAt]!;
    if (words[(first + 12) >>> 2] !== unsorted) throw corrupted(first, message);
    const rest = (chunk + needed) >>> 0;
    const restAt = rest >>> 2;
    words[at + 1] = needed | 1;
    words[restAt + 1] = restSize | 1;
    words[nextAt] = restSize;
    if (restSize >= MIN_LARGE) {
      words[restAt + 4] = 0;
      words[restAt + 5] = 0;
    }
    words[restAt + 2] = first;
    words[restAt + 3] = unsorted;
    words[(first + 12) >>> 2] = rest;
    words[newestAt] = rest;
    if (needed < MIN_LARGE) words[remainderAt] = rest;
    return chunk + 8;
  };

  /**
   * Allocates from the main arena. Gives the user address, 0 when exhausted, or LEAVE when the general code must, and can do it
   * from the start.
   */
  const malloc = (bytes: number): number => {
    const words = view;
    // A view of nothing: the memory was grown by others.
    if (bytes > 0x7fff0000 || words[topAt] === undefined) return LEAVE;
    const needed = bytes < 13 ? 16 : (bytes + 19) & -16;
    const cacheBin = (needed >>> 4) - 1;
    let own = (needed >>> 4) + 1;
    if (needed < MIN_LARGE) {
      const fastBin = fastBinsAt + (needed >>> 3) - 2;
      if (needed <= maxFast && words[fastBin] !== 0) return takeFast(needed, fastBin);
      const bin = bins + (own << 3);
      if (words[(bin + 12) >>> 2] !== bin) return takeSmall(needed, bin);
    } else {
      own = needed < LARGEST ? largeBins[needed >>> 6]! : 126;
      if (words[haveFastAt] !== 0) consolidate();
    }

    for (;;) {
      // The walk of the unsorted bin. `cached`: a chunk that fits was put in the tcache.
      let cached = false;
      for (let steps = 0; steps < MAX_STEPS; ) {
        const chunk = words[oldestAt]!;
        if (chunk === unsorted) break;
        const at = chunk >>> 2;
        const size = (words[at + 1]! & -8) >>> 0;
        const previous = words[at + 3]!;
        const nextAt = at + (size >>> 2);
        const nextHead = words[nextAt + 1]!;
        const systemMem = words[systemMemAt]!;
        if (
          size <= 8 ||
          size > systemMem ||
          nextHead < 8 ||
          nextHead > systemMem ||
          (nextHead & 1) !== 0 ||
          (words[nextAt]! & -8) >>> 0 !== size ||
          words[(previous + 8) >>> 2] !== chunk ||
          words[at + 2] !== unsorted
        )
          return takeUnsorted(core, thread, main, needed, bytes);

        if (
          previous === unsorted &&
          needed < MIN_LARGE &&
          chunk === words[remainderAt] &&
          size > needed + 16
        ) {
          // The last remainder, alone in the bin: small requests are cut from it one after the other.
          const rest = (chunk + needed) >>> 0;
          const restAt = rest >>> 2;
          const restSize = size - needed;
          words[oldestAt] = rest;
          words[newestAt] = rest;
          words[remainderAt] = rest;
          words[restAt + 3] = unsorted;
          words[restAt + 2] = unsorted;
          words[at + 1] = needed | 1;
          words[restAt + 1] = restSize | 1;
          words[nextAt] = restSize;
          if (restSize >= MIN_LARGE) {
            words[restAt + 4] = 0;
            words[restAt + 5] = 0;
          }
          return chunk + 8;
        }

        words[oldestAt] = previous;
        words[(previous + 8) >>> 2] = unsorted;
        if (size === needed) {
          words[nextAt + 1] = nextHead | 1;
          if (roomFor(cacheBin) <= 0) return chunk + 8;
          put(chunk, cacheBin);
          cached = true;
          continue;
        }

        let index = (size >>> 4) + 1;
        if (size < MIN_LARGE) {
          const bin = bins + (index << 3);
          const newest = words[(bin + 8) >>> 2]!;
          words[at + 2] = newest;
          words[at + 3] = bin;
          words[(newest + 12) >>> 2] = chunk;
          words[(bin + 8) >>> 2] = chunk;
        } else {
          index = size < LARGEST ? largeBins[size >>> 6]! : 126;
          putLarge(bins + (index << 3), chunk, size);
        }
        words[binmapAt + (index >>> 5)]! |= 1 << (index & 31);
        steps++;
      }
      if (cached) return tcacheGet(core, tcache, cacheBin);

      const fit = takeFit(needed, own);
      if (fit !== 0) return fit;

      const top = words[topAt]!;
      const size = (words[(top + 4) >>> 2]! & -8) >>> 0;
      if (size > words[systemMemAt]!) return LEAVE;
      if (size >= needed + 16) {
        const rest = top + needed;
        words[topAt] = rest;
        words[(top + 4) >>> 2] = needed | 1;
        words[(rest + 4) >>> 2] = (size - needed) | 1;
        return top + 8;
      }
      if (words[haveFastAt] === 0) break;
      consolidate();
    }
    const chunk = systemMalloc(core, thread, main, needed);
    return chunk === 0 ? 0 : chunk + 8;
  };
  return malloc;
};
