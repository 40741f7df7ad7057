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
import type { Unlink } from "./lists.ts";
import { MIN_LARGE as LARGE, LEAVE as LEAVES, type Place } from "./paths.ts";
import type { Tcache } from "./tcache.ts";

const LEAVE = LEAVES;
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
  const { core, words, main, tcache, maxFast } = place;
  const { unlink, putLarge, findLarge, consolidate } = parts;
  const { put, roomFor } = parts.cache;

  /** Pops a fast bin, its mates moving to the tcache while there is room. 0 when it is empty, LEAVE for the general code. */
  const takeFast = (needed: number, room: number): number => {
    const bin = ((main + 0xc) >>> 2) + (needed >>> 3) - 2;
    const taken = words[bin]!;
    if (taken === 0) return 0;
    if ((taken & 15) !== 8 || words[(taken + 4) >>> 2]! >>> 3 !== needed >>> 3) return LEAVE;
    let chunk = ((taken + 8) >>> 12) ^ words[(taken + 8) >>> 2]!;
    for (let left = room; left > 0 && chunk !== 0; left--) {
      if ((chunk & 15) !== 8) {
        words[bin] = chunk;
        throw corrupted(chunk >>> 0, "malloc(): unaligned fastbin chunk detected 3");
      }
      const next = ((chunk + 8) >>> 12) ^ words[(chunk + 8) >>> 2]!;
      put(chunk >>> 0, (needed >>> 4) - 1);
      chunk = next;
    }
    words[bin] = chunk;
    return taken;
  };

  /** Takes the oldest chunk of a small bin, its mates moving to the tcache while there is room. 0 and LEAVE as above. */
  const takeSmall = (needed: number, room: number): number => {
    const bin = main + 0x38 + (needed >>> 4) * 8;
    const taken = words[(bin + 12) >>> 2]!;
    if (taken === bin) return 0;
    let last = words[(taken + 12) >>> 2]!;
    if (words[(last + 8) >>> 2] !== taken) return LEAVE;
    words[(taken + needed + 4) >>> 2]! |= 1;
    for (let left = room; left > 0 && last !== bin; left--) {
      const chunk = last;
      words[(chunk + needed + 4) >>> 2]! |= 1;
      last = words[(chunk + 12) >>> 2]!;
      words[(last + 8) >>> 2] = bin;
      put(chunk, (needed >>> 4) - 1);
    }
    words[(bin + 12) >>> 2] = last;
    words[(last + 8) >>> 2] = bin;
    return taken;
  };

  /** Cuts `needed` bytes off an unlinked free chunk; the rest goes to the unsorted bin, or is too small to be a chunk. Gives the rest or 0. */
  const cut = (chunk: Address, size: number, needed: number, message: string): Address => {
    const restSize = size - needed;
    if (restSize < 16) {
      words[(chunk + size + 4) >>> 2]! |= 1;
      return 0;
    }
    const unsorted = main + 0x38;
    const first = words[(main + 0x40) >>> 2]!;
    if (words[(first + 12) >>> 2] !== unsorted) throw corrupted(first, message);
    const rest = chunk + needed;
    words[(rest + 8) >>> 2] = first;
    words[(rest + 12) >>> 2] = unsorted;
    words[(first + 12) >>> 2] = rest;
    words[(unsorted + 8) >>> 2] = rest;
    if (restSize >= MIN_LARGE) {
      words[(rest + 16) >>> 2] = 0;
      words[(rest + 20) >>> 2] = 0;
    }
    words[(chunk + 4) >>> 2] = needed | 1;
    words[(rest + 4) >>> 2] = restSize | 1;
    words[(rest + restSize) >>> 2] = restSize;
    return rest;
  };

  /** The walk of the unsorted bin: gives the user address served, or 0. */
  const walkUnsorted = (needed: number, bytes: number): Address => {
    const unsorted = main + 0x38;
    const systemMem = words[(main + 0x454) >>> 2]!;
    const bin = (needed >>> 4) - 1;
    let room = roomFor(bin);
    let cached = false;
    for (let steps = 0; steps < MAX_STEPS; ) {
      const chunk = words[(unsorted + 12) >>> 2]!;
      if (chunk === unsorted) break;
      const size = (words[(chunk + 4) >>> 2]! & -8) >>> 0;
      const next = (chunk + size) >>> 0;
      const previous = words[(chunk + 12) >>> 2]!;
      const nextHead = words[(next + 4) >>> 2]!;
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
        chunk === words[(main + 0x3c) >>> 2] &&
        size > needed + 16
      ) {
        // The last remainder, alone in the bin: small requests are cut from it one after the other.
        const rest = chunk + needed;
        const restSize = size - needed;
        words[(unsorted + 12) >>> 2] = rest;
        words[(unsorted + 8) >>> 2] = rest;
        words[(main + 0x3c) >>> 2] = rest;
        words[(rest + 12) >>> 2] = unsorted;
        words[(rest + 8) >>> 2] = unsorted;
        if (restSize >= MIN_LARGE) {
          words[(rest + 16) >>> 2] = 0;
          words[(rest + 20) >>> 2] = 0;
        }
        words[(chunk + 4) >>> 2] = needed | 1;
        words[(rest + 4) >>> 2] = restSize | 1;
        words[(rest + restSize) >>> 2] = restSize;
        return chunk + 8;
      }

      words[(unsorted + 12) >>> 2] = previous;
      words[(previous + 8) >>> 2] = unsorted;
      if (size === needed) {
        words[(next + 4) >>> 2] = nextHead | 1;
        if (room === 0) return chunk + 8;
        put(chunk, bin);
        room--;
        cached = true;
        continue;
      }
      steps++;
      let index: number;
      if (size < MIN_LARGE) {
        index = (size >>> 4) + 1;
        const head = main + 0x30 + index * 8;
        const first = words[(head + 8) >>> 2]!;
        words[(chunk + 8) >>> 2] = first;
        words[(chunk + 12) >>> 2] = head;
        words[(first + 12) >>> 2] = chunk;
        words[(head + 8) >>> 2] = chunk;
      } else {
        index = largeIndex(size);
        putLarge(main + 0x30 + index * 8, chunk, size);
      }
      words[((main + 0x438) >>> 2) + (index >>> 5)]! |= 1 << (index & 31);
    }
    return cached ? tcacheGet(core, tcache, bin) : 0;
  };

  /** Takes the best fit from the large bins: the request's own, then the next that is not empty. 0 when there is none. */
  const takeFit = (needed: number): Address => {
    let index = (needed >>> 4) + 1;
    if (needed >= MIN_LARGE) {
      index = largeIndex(needed);
      const chunk = findLarge(main + 0x30 + index * 8, needed);
      if (chunk !== 0) {
        const size = (words[(chunk + 4) >>> 2]! & -8) >>> 0;
        unlink(chunk);
        cut(chunk, size, needed, "malloc(): corrupted unsorted chunks");
        return chunk;
      }
    }
    const map = (main + 0x438) >>> 2;
    for (index++; ; ) {
      let block = index >>> 5;
      if (block >= 4) return 0;
      let bits = words[map + block]! & (-1 << (index & 31));
      while (bits === 0) {
        if (++block >= 4) return 0;
        bits = words[map + block]! | 0;
      }
      index = 32 * block + 31 - Math.clz32(bits & -bits);
      const bin = main + 0x30 + index * 8;
      const chunk = words[(bin + 12) >>> 2]!;
      if (chunk !== bin) {
        const size = (words[(chunk + 4) >>> 2]! & -8) >>> 0;
        if (size < needed) return LEAVE;
        unlink(chunk);
        const rest = cut(chunk, size, needed, "malloc(): corrupted unsorted chunks 2");
        if (rest !== 0 && needed < MIN_LARGE) words[(main + 0x3c) >>> 2] = rest;
        return chunk;
      }
      words[map + block]! &= ~(1 << (index & 31));
      index++;
    }
  };

  /** Allocates from the main arena. Gives the user address, 0 when exhausted, or LEAVE when the general code must, and can do it from the start. */
  return (bytes: number): number => {
    if (bytes > 0x7fff0000) return LEAVE;
    const needed = bytes < 13 ? 16 : (bytes + 19) & -16;
    const room = roomFor((needed >>> 4) - 1);
    if (needed <= maxFast) {
      const chunk = takeFast(needed, room);
      if (chunk !== 0) return chunk === LEAVE ? LEAVE : chunk + 8;
    }
    if (needed < MIN_LARGE) {
      const chunk = takeSmall(needed, room);
      if (chunk !== 0) return chunk === LEAVE ? LEAVE : chunk + 8;
    } else if (words[(main + 8) >>> 2] !== 0) consolidate();
    for (;;) {
      if (words[(main + 0x44) >>> 2] !== main + 0x38) {
        const mem = walkUnsorted(needed, bytes);
        if (mem !== 0) return mem;
      }
      const chunk = takeFit(needed);
      if (chunk !== 0) return chunk === LEAVE ? LEAVE : chunk + 8;
      const top = words[(main + 0x38) >>> 2]!;
      const size = (words[(top + 4) >>> 2]! & -8) >>> 0;
      if (size > words[(main + 0x454) >>> 2]!) return LEAVE;
      if (size >= needed + 16) {
        const rest = top + needed;
        words[(main + 0x38) >>> 2] = rest;
        words[(top + 4) >>> 2] = needed | 1;
        words[(rest + 4) >>> 2] = (size - needed) | 1;
        return top + 8;
      }
      if (words[(main + 8) >>> 2] === 0) break;
      consolidate();
    }
    const chunk = systemMalloc(core, thread, main, needed);
    return chunk === 0 ? 0 : chunk + 8;
  };
};
