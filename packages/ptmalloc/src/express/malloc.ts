/*
 * malloc past the tcache, word by word: the search of ops/malloc.ts, in its order. See paths.ts for what this folder is.
 */
import type { Address } from "@heapwright/allocator";
import { tcacheGet } from "../bins/tcache.ts";
import { takeUnsorted } from "../bins/unsorted.ts";
import { corrupted } from "../errors.ts";
import { systemMalloc } from "../system/sysmalloc.ts";
import type { ThreadState } from "../thread-state.ts";
import type { FindLarge, PutLarge } from "./largebins.ts";
import { link as linkBetween, setFree as setsFree, type Unlink } from "./lists.ts";
import { MIN_LARGE as LARGE, LEAVE as LEAVES, type Place } from "./paths.ts";
import type { Tcache } from "./tcache.ts";

const LEAVE = LEAVES;
const link = linkBetween;
const setFree = setsFree;
const MIN_LARGE = LARGE;
/** A walk sorts no more chunks than this. */
const MAX_STEPS = 10000;

/** The bin of a chunk size from 1008 on. */
const largeIndex = (size: number): number => {
  if (size >>> 6 <= 45) return 49 + (size >>> 6);
  if (size >>> 9 <= 20) return 91 + (size >>> 9);
  if (size >>> 12 <= 10) return 110 + (size >>> 12);
  if (size >>> 15 <= 4) return 119 + (size >>> 15);
  return size >= 0xc0000 ? 126 : 124 + (size >>> 18);
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

  /** Cuts `needed` bytes off an unlinked free chunk; the rest goes to the unsorted bin, or is too small to be a chunk. Gives the rest or 0. */
  const cut = (chunk: Address, size: number, needed: number, message: string): Address => {
    const words = view;
    const restSize = size - needed;
    if (restSize < 16) {
      words[(chunk + size + 4) >>> 2]! |= 1;
      return 0;
    }
    const first = words[newestAt]!;
    if (words[(first + 12) >>> 2] !== unsorted) throw corrupted(first, message);
    const rest = (chunk + needed) >>> 0;
    words[(chunk + 4) >>> 2] = needed | 1;
    setFree(words, rest, restSize);
    link(words, rest, unsorted, first);
    return rest;
  };

  /** Puts a chunk that the walk did not use into its small or large bin. */
  const sort = (chunk: Address, size: number): void => {
    const words = view;
    let index: number;
    if (size < MIN_LARGE) {
      index = (size >>> 4) + 1;
      const bin = main + 0x30 + (index << 3);
      link(words, chunk, bin, words[(bin + 8) >>> 2]!);
    } else {
      index = largeIndex(size);
      putLarge(main + 0x30 + (index << 3), chunk, size);
    }
    words[binmapAt + (index >>> 5)]! |= 1 << (index & 31);
  };

  /** Takes the best fit from the large bins: the request's own, then the next that is not empty. 0 when there is none. */
  const takeFit = (needed: number): Address => {
    const words = view;
    let index = (needed >>> 4) + 1;
    if (needed >= MIN_LARGE) {
      index = largeIndex(needed);
      const chunk = findLarge(main + 0x30 + (index << 3), needed);
      if (chunk !== 0) {
        const size = (words[(chunk + 4) >>> 2]! & -8) >>> 0;
        unlink(chunk);
        cut(chunk, size, needed, "malloc(): corrupted unsorted chunks");
        return chunk;
      }
    }
    for (index++; ; ) {
      let block = index >>> 5;
      if (block >= 4) return 0;
      let bits = words[binmapAt + block]! & (-1 << (index & 31));
      while (bits === 0) {
        if (++block >= 4) return 0;
        bits = words[binmapAt + block]! | 0;
      }
      index = (block << 5) + 31 - Math.clz32(bits & -bits);
      const bin = main + 0x30 + (index << 3);
      const chunk = words[(bin + 12) >>> 2]!;
      if (chunk !== bin) {
        const size = (words[(chunk + 4) >>> 2]! & -8) >>> 0;
        if (size < needed) return LEAVE;
        unlink(chunk);
        const rest = cut(chunk, size, needed, "malloc(): corrupted unsorted chunks 2");
        if (rest !== 0 && needed < MIN_LARGE) words[remainderAt] = rest;
        return chunk;
      }
      words[binmapAt + block]! &= ~(1 << (index & 31));
      index++;
    }
  };

  /** Allocates from the main arena. Gives the user address, 0 when exhausted, or LEAVE when the general code must, and can do it from the start. */
  return (bytes: number): number => {
    const words = view;
    if (bytes > 0x7fff0000) return LEAVE;
    const needed = bytes < 13 ? 16 : (bytes + 19) & -16;
    if (needed < MIN_LARGE) {
      const fastBin = fastBinsAt + (needed >>> 3) - 2;
      if (needed <= maxFast && words[fastBin] !== 0) return takeFast(needed, fastBin);
      const bin = main + 0x38 + (needed >>> 4) * 8;
      if (words[(bin + 12) >>> 2] !== bin) return takeSmall(needed, bin);
    } else if (words[haveFastAt] !== 0) consolidate();

    for (;;) {
      // The walk of the unsorted bin. `room`: of the tcache bin, asked for when a chunk fits; `cached`: one was put there.
      let room = -1;
      let cached = false;
      for (let steps = 0; steps < MAX_STEPS; ) {
        const chunk = words[oldestAt]!;
        if (chunk === unsorted) break;
        const size = (words[(chunk + 4) >>> 2]! & -8) >>> 0;
        const next = (chunk + size) >>> 0;
        const previous = words[(chunk + 12) >>> 2]!;
        const nextHead = words[(next + 4) >>> 2]!;
        const systemMem = words[systemMemAt]!;
        if (
          size <= 8 ||
          size > systemMem ||
          nextHead < 8 ||
          nextHead > systemMem ||
          (nextHead & 1) !== 0 ||
          (words[next >>> 2]! & -8) >>> 0 !== size ||
          words[(previous + 8) >>> 2] !== chunk ||
          words[(chunk + 8) >>> 2] !== unsorted
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
          words[oldestAt] = rest;
          words[newestAt] = rest;
          words[remainderAt] = rest;
          words[(rest + 12) >>> 2] = unsorted;
          words[(rest + 8) >>> 2] = unsorted;
          words[(chunk + 4) >>> 2] = needed | 1;
          setFree(words, rest, size - needed);
          return chunk + 8;
        }

        words[oldestAt] = previous;
        words[(previous + 8) >>> 2] = unsorted;
        if (size === needed) {
          words[(next + 4) >>> 2] = nextHead | 1;
          if (room < 0) room = roomFor((needed >>> 4) - 1);
          if (room === 0) return chunk + 8;
          put(chunk, (needed >>> 4) - 1);
          room--;
          cached = true;
        } else {
          sort(chunk, size);
          steps++;
        }
      }
      if (cached) return tcacheGet(core, tcache, (needed >>> 4) - 1);

      const chunk = takeFit(needed);
      if (chunk !== 0) return chunk === LEAVE ? LEAVE : chunk + 8;
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
};
