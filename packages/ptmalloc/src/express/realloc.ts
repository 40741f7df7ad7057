/*
 * realloc of a chunk of the main arena: in place, into top or into the free chunk behind it; else moved.
 *
 * The same steps as ops/realloc.ts, which does them wherever a test fails: see paths.ts.
 */
import type { Address } from "@heapwright/allocator";
import { intFree } from "../ops/free.ts";
import { intMalloc } from "../ops/malloc.ts";
import { giveBackTail } from "../ops/realloc.ts";
import type { ThreadState } from "../thread-state.ts";
import { copyWords } from "./bytes.ts";
import type { Unlink } from "./lists.ts";
import { type Express, LEAVE as LEAVES, type Place } from "./paths.ts";

const LEAVE = LEAVES;

export const makeRealloc = (
  place: Place,
  thread: ThreadState,
  unlinks: Unlink,
  others: Pick<Express, "malloc" | "freeInside">,
): Express["realloc"] => {
  const { core, words, main } = place;
  const { malloc, freeInside } = others;
  const unlink = unlinks;
  const realloc = (mem: Address, bytes: number): number => {
    const chunk = mem - 8;
    const head = words[(mem - 4) >>> 2]!;
    const oldSize = (head & -8) >>> 0;
    const systemMem = words[(main + 0x454) >>> 2]!;
    if ((head & 6) !== 0 || (mem & 15) !== 0 || oldSize <= 8 || oldSize >= systemMem || bytes > 0x7fff0000)
      return LEAVE;
    const next = (chunk + oldSize) >>> 0;
    const nextHead = words[(next + 4) >>> 2]!;
    const nextSize = (nextHead & -8) >>> 0;
    if (nextHead <= 8 || nextSize >= systemMem) return LEAVE;
    const needed = bytes < 13 ? 16 : (bytes + 19) & -16;
    let size = oldSize;
    if (oldSize < needed) {
      const top = words[(main + 0x38) >>> 2]!;
      const both = (oldSize + nextSize) >>> 0;
      if (next === top && both >= needed + 16) {
        const rest = chunk + needed;
        words[(mem - 4) >>> 2] = (head & 7) | needed;
        words[(main + 0x38) >>> 2] = rest;
        words[(rest + 4) >>> 2] = (both - needed) | 1;
        return mem;
      }
      if (next !== top && both >= needed && (words[(next + nextSize + 4) >>> 2]! & 1) === 0) {
        unlink(next);
        size = both;
      } else {
        let moved = malloc(needed - 15);
        if (moved === LEAVE) moved = intMalloc(core, thread, main, needed - 15);
        if (moved === 0) return 0;
        if (moved - 8 !== next) {
          // When the heap has grown, its views were replaced.
          copyWords(core, thread.words === words ? words : thread.words, moved, mem, oldSize - 4);
          if (thread.words !== words || !freeInside(mem, true)) intFree(core, thread, main, chunk, true);
          return moved;
        }
        // The chunk that came is the neighbour: together they are enough without a copy.
        giveBackTail(core, thread, main, chunk, oldSize + core.size(next), needed);
        return mem;
      }
    }
    const restSize = size - needed;
    if (restSize < 16) {
      words[(mem - 4) >>> 2] = (head & 7) | size;
      words[(chunk + size + 4) >>> 2]! |= 1;
      return mem;
    }
    const rest = chunk + needed;
    words[(mem - 4) >>> 2] = (head & 7) | needed;
    words[(rest + 4) >>> 2] = restSize | 1;
    words[(rest + restSize + 4) >>> 2]! |= 1;
    if (!freeInside(rest + 8, true)) intFree(core, thread, main, rest, true);
    return mem;
  };
  return realloc;
};
