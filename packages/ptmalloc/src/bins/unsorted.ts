/*
 * The unsorted bin: every chunk freed or split goes here first and is sorted into its bin only by the next allocation that
 * walks past it. So a chunk gets one chance to be used again at once.
 *
 * The walk goes from the oldest chunk and stops at an exact fit; but while the tcache bin of that size has room, exact fits
 * are put there and the walk goes on, and one of them is handed out at its end.
 */
import type { Address } from "@heapwright/allocator";
import type { Core } from "../core.ts";
import { corrupted } from "../errors.ts";
import { PARAMETER } from "../layout/statics.ts";
import { cut, serve } from "../ops/serve.ts";
import type { ThreadState } from "../thread-state.ts";
import { markBin } from "./binmap.ts";
import { putLarge } from "./largebins.ts";
import { clearSizeLinks } from "./links.ts";
import { markTaken } from "./smallbins.ts";
import { tcacheGet, tcacheHasRoom, tcacheIndex, tcachePut, tcacheServes } from "./tcache.ts";

/** A walk sorts no more chunks than this. */
const MAX_STEPS = 10000;

/** The five tests of each chunk met, in glibc's order. */
const expectSound = (
  core: Core,
  arena: Address,
  unsorted: Address,
  chunk: Address,
  size: number,
  next: Address,
): void => {
  const systemMem = core.systemMem(arena);
  if (size <= core.header || size > systemMem) throw corrupted(chunk, "malloc(): invalid size (unsorted)");
  const nextHead = core.head(next);
  if (nextHead < core.header || nextHead > systemMem)
    throw corrupted(next, "malloc(): invalid next size (unsorted)");
  const before = core.prevSize(next);
  if (before - (before % 8) !== size)
    throw corrupted(next, "malloc(): mismatching next->prev_size (unsorted)");
  if (core.fd(core.bk(chunk)) !== chunk || core.fd(chunk) !== unsorted)
    throw corrupted(chunk, "malloc(): unsorted double linked list corrupted");
  if ((nextHead & 1) !== 0) throw corrupted(next, "malloc(): invalid next->prev_inuse (unsorted)");
};

/** Puts a chunk that the walk did not use into its small or large bin. */
const sort = (core: Core, arena: Address, chunk: Address, size: number): void => {
  let index: number;
  if (size < core.minLarge) {
    index = core.smallIndex(size);
    const bin = core.bin(arena, index);
    markBin(core, arena, index);
    core.linkBetween(chunk, bin, core.fd(bin));
  } else {
    index = core.largeIndex(size);
    putLarge(core, core.bin(arena, index), chunk, size);
    markBin(core, arena, index);
  }
  const probe = core.probe;
  if (probe !== undefined) probe.event("sort_bin", chunk, size, index);
};

/** Cuts a small request from the last remainder, so that runs of small requests lie side by side. */
const cutLastRemainder = (
  core: Core,
  arena: Address,
  unsorted: Address,
  chunk: Address,
  size: number,
  needed: number,
): void => {
  const rest = chunk + needed;
  const restSize = size - needed;
  core.setBk(unsorted, rest);
  core.setFd(unsorted, rest);
  core.setLastRemainder(arena, rest);
  core.setBk(rest, unsorted);
  core.setFd(rest, unsorted);
  clearSizeLinks(core, rest, restSize);
  cut(core, arena, chunk, needed, rest, restSize);
};

/** Whether the tcache_unsorted_limit tunable ends the walk. */
const sortedEnough = (core: Core, thread: ThreadState): boolean => {
  const limit = core.parameter(PARAMETER.tcacheUnsortedLimit);
  return limit > 0 && thread.sorted > limit;
};

/**
 * Walks the unsorted bin for a chunk of `needed` bytes, sorting what does not fit.
 *
 * @returns the user address served, or 0 when the walk ended without.
 */
export const takeUnsorted = (
  core: Core,
  thread: ThreadState,
  arena: Address,
  needed: number,
  bytes: number,
): Address => {
  const unsorted = core.bin(arena, 1);
  const bin = tcacheIndex(core, needed);
  const caching = tcacheServes(thread, bin);
  const probe = core.probe;
  let cached = false;
  // Only chunks that are sorted count as steps.
  for (let steps = 0; steps < MAX_STEPS; ) {
    const chunk = core.bk(unsorted);
    if (chunk === unsorted) break;
    const previous = core.bk(chunk);
    const size = core.size(chunk);
    expectSound(core, arena, unsorted, chunk, size, chunk + size);

    if (
      needed < core.minLarge &&
      previous === unsorted &&
      chunk === core.lastRemainder(arena) &&
      size > needed + core.minSize
    ) {
      cutLastRemainder(core, arena, unsorted, chunk, size, needed);
      if (probe !== undefined) probe.event("serve_last_remainder", chunk + core.header, needed, 1);
      return serve(core, chunk, bytes);
    }

    core.join(previous, unsorted);
    if (size === needed) {
      markTaken(core, arena, chunk, size);
      if (!caching || !tcacheHasRoom(core, thread, bin)) {
        if (probe !== undefined) probe.event("serve_unsorted", chunk + core.header, size, 1);
        return serve(core, chunk, bytes);
      }
      tcachePut(core, thread.tcache, chunk, bin);
      if (probe !== undefined) probe.event("stash_tcache", chunk, size, bin);
      cached = true;
      continue;
    }
    sort(core, arena, chunk, size);
    steps++;
    thread.sorted++;
    if (cached && sortedEnough(core, thread)) break;
  }
  if (!cached) return 0;
  const mem = tcacheGet(core, thread.tcache, bin);
  if (probe !== undefined) probe.event("serve_tcache", mem, needed, bin);
  return mem;
};
