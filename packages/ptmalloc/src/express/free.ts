/*
 * free past the tcache: a chunk of the main arena goes to its fast bin, or is merged with its free neighbours.
 *
 * The same steps as ops/free.ts, which does them wherever a test fails or a case is rare: see malloc.ts here.
 */
import type { Address } from "@heapwright/allocator";
import type { Core } from "../core.ts";
import { corrupted } from "../errors.ts";
import { CONSOLIDATION_THRESHOLD, giveBack } from "../ops/give-back.ts";
import type { ThreadState } from "../thread-state.ts";
import { consolidateExpress } from "./consolidate.ts";
import { unlink as unlinkChunk } from "./lists.ts";
import { cache, roomFor } from "./tcache.ts";

// V8 folds a constant of the module itself into its code, but looks an imported one up at each use.
const unlink = unlinkChunk;

/**
 * Frees a block that the tcache does not take: it is not marked as cached, and its bin there is full or does not exist. False
 * when nothing is done, because the general free must.
 */
export const freeExpress = (thread: ThreadState, mem: Address): boolean => {
  const { words, main } = thread;
  const chunk = mem - 8;
  const head = words[(mem - 4) >>> 2]!;
  const size = (head & -8) >>> 0;
  // Mapped, of a thread arena, misaligned, or of no possible size.
  if (((head & 14) | (mem & 15)) !== 0 || size < 16 || size > 0x7fffffff) return false;
  const next = (chunk + size) >>> 0;
  const nextHead = words[(next + 4) >>> 2]!;
  const nextSize = (nextHead & -8) >>> 0;
  if (nextHead <= 8 || nextSize >= words[(main + 0x454) >>> 2]!) return false;

  if (size <= thread.maxFast) {
    const bin = ((main + 0xc) >>> 2) + (size >>> 3) - 2;
    const old = words[bin]!;
    if (old === chunk) return false;
    words[(main + 8) >>> 2] = 1;
    words[mem >>> 2] = (mem >>> 12) ^ old;
    words[bin] = chunk;
    return true;
  }

  const top = words[(main + 0x38) >>> 2]!;
  // Beyond top: an error, or a heap that was continued elsewhere.
  if (chunk >= top || (nextHead & 1) === 0) return false;
  let start = chunk;
  let whole = size;
  if ((head & 1) === 0) {
    const before = words[chunk >>> 2]!;
    start = (chunk - before) >>> 0;
    if ((words[(start + 4) >>> 2]! & -8) >>> 0 !== before) return false;
    whole = (size + before) >>> 0;
    unlink(thread.core, words, start);
  }
  if (next === top) {
    whole = (whole + nextSize) >>> 0;
    words[(start + 4) >>> 2] = whole | 1;
    words[(main + 0x38) >>> 2] = start;
  } else {
    if ((words[(next + nextSize + 4) >>> 2]! & 1) === 0) {
      unlink(thread.core, words, next);
      whole = (whole + nextSize) >>> 0;
    } else words[(next + 4) >>> 2] = nextHead & -2;
    const unsorted = main + 0x38;
    const first = words[(main + 0x40) >>> 2]!;
    if (words[(first + 12) >>> 2] !== unsorted) throw corrupted(first, "free(): corrupted unsorted chunks");
    if (whole >= 1008) {
      words[(start + 16) >>> 2] = 0;
      words[(start + 20) >>> 2] = 0;
    }
    words[(start + 8) >>> 2] = first;
    words[(start + 12) >>> 2] = unsorted;
    words[(first + 12) >>> 2] = start;
    words[(unsorted + 8) >>> 2] = start;
    words[(start + 4) >>> 2] = whole | 1;
    words[(start + whole) >>> 2] = whole;
  }
  if (whole >= CONSOLIDATION_THRESHOLD) giveBackExpress(thread.core, words);
  return true;
};

const giveBackExpress = (core: Core, words: Uint32Array): void => {
  if (words[(core.main + 8) >>> 2] !== 0) consolidateExpress(core, words);
  giveBack(core, core.main);
};

/** The same for a chunk that malloc itself frees, holding the arena: to the tcache if it can; and the fast bin's head is tested. */
export const freeInside = (thread: ThreadState, mem: Address, locked: boolean): boolean => {
  const { words, main } = thread;
  const size = (words[(mem - 4) >>> 2]! & -8) >>> 0;
  const bin = (size >>> 4) - 1;
  if (bin >>> 0 < thread.bins) {
    if ((mem & 15) !== 0 || (size & 8) !== 0 || (words[(mem + 4) >>> 2]! | 0) === thread.fastKey)
      return false;
    if (roomFor(thread, bin) > 0) {
      cache(thread, words, mem - 8, bin);
      return true;
    }
  }
  if (locked && size <= thread.maxFast) {
    const old = words[((main + 0xc) >>> 2) + (size >>> 3) - 2]!;
    if (old !== 0 && words[(old + 4) >>> 2]! >>> 3 !== size >>> 3) return false;
  }
  return freeExpress(thread, mem);
};
