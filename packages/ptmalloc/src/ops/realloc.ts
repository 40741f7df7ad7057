/*
 * _int_realloc: a chunk of an arena changes its size. In place when it shrinks; into top or into the free chunk behind it when that
 * is enough; else by a new chunk and a copy.
 */
import type { Address } from "@heapwright/allocator";
import { unlinkChunk } from "../bins/links.ts";
import { type Core, PREV_INUSE } from "../core.ts";
import { assertionFailed, corrupted } from "../errors.ts";
import type { ThreadState } from "../thread-state.ts";
import { intFree } from "./free.ts";
import { intMalloc } from "./malloc.ts";

const expectSound = (core: Core, arena: Address, chunk: Address, size: number): void => {
  const systemMem = core.systemMem(arena);
  if (core.head(chunk) <= core.header || size >= systemMem)
    throw corrupted(chunk, "realloc(): invalid old size");
  const next = chunk + size;
  if (core.head(next) <= core.header || core.size(next) >= systemMem)
    throw corrupted(next, "realloc(): invalid next size");
};

/**
 * Changes `chunk` of `oldSize` bytes to at least `needed` bytes.
 *
 * @returns the user address, or 0 with the old chunk untouched.
 */
export const intRealloc = (
  core: Core,
  thread: ThreadState,
  arena: Address,
  chunk: Address,
  oldSize: number,
  needed: number,
): Address => {
  expectSound(core, arena, chunk, oldSize);
  const probe = core.probe;
  const mem = chunk + core.header;
  const next = chunk + oldSize;
  let size = oldSize;
  if (oldSize < needed) {
    const nextSize = core.size(next);
    const top = core.top(arena);
    if (next === top && oldSize + nextSize >= needed + core.minSize) {
      core.setHeadSize(chunk, needed | core.arenaFlag(arena));
      const rest = chunk + needed;
      core.setTop(arena, rest);
      core.setHead(rest, (oldSize + nextSize - needed) | PREV_INUSE);
      if (probe !== undefined) probe.event("realloc_into_top", mem, oldSize, needed);
      return mem;
    }
    if (next !== top && !core.inUseAt(next, nextSize) && oldSize + nextSize >= needed) {
      size = oldSize + nextSize;
      unlinkChunk(core, next);
      if (probe !== undefined) probe.event("realloc_into_next", mem, oldSize, needed);
    } else {
      const moved = intMalloc(core, thread, arena, needed - core.alignMask);
      if (moved === 0) return 0;
      const target = moved - core.header;
      if (target !== next) {
        core.mem.copy(moved, mem, core.usable(chunk));
        intFree(core, thread, arena, chunk, true);
        if (probe !== undefined) probe.event("realloc_move", moved, oldSize, needed);
        return moved;
      }
      // The chunk that came is the neighbour: together they are enough without a copy.
      size = core.size(target) + oldSize;
    }
  } else if (probe !== undefined) probe.event("realloc_in_place", mem, oldSize, needed);
  giveBackTail(core, thread, arena, chunk, size, needed);
  return mem;
};

const setSizeKeepingFlags = (core: Core, arena: Address, chunk: Address, size: number): void =>
  core.setHeadSize(chunk, size | core.arenaFlag(arena));

/** Ends a realloc in place: `chunk` has `size` bytes in all, what is beyond `needed` is freed if it can be a chunk. */
export const giveBackTail = (
  core: Core,
  thread: ThreadState,
  arena: Address,
  chunk: Address,
  size: number,
  needed: number,
): void => {
  if (size < needed)
    throw assertionFailed(core, chunk, "_int_realloc", "(unsigned long) (newsize) >= (unsigned long) (nb)");
  const restSize = size - needed;
  if (restSize < core.minSize) {
    setSizeKeepingFlags(core, arena, chunk, size);
    core.setInUseAt(chunk, size);
    return;
  }
  const rest = chunk + needed;
  setSizeKeepingFlags(core, arena, chunk, needed);
  core.setHead(rest, restSize | PREV_INUSE | core.arenaFlag(arena));
  core.setInUseAt(rest, restSize);
  intFree(core, thread, arena, rest, true);
};
