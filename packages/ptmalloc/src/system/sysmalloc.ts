/*
 * sysmalloc: top cannot serve, so the system must. Large requests are mapped by themselves; else the main arena moves the break
 * (or, when the break is stuck, maps a piece and counts it as its own), and a thread arena grows its heap or begins another.
 *
 * Whatever the old top keeps when the new one is elsewhere ends in two fenceposts, always in use, so that no merge ever
 * crosses the gap.
 */
import { type Address, Protection } from "@heapwright/allocator";
import { growHeap, heapSize, newHeap, setHeapArena, setHeapPrevious } from "../arenas/heap.ts";
import { type Core, NON_MAIN_ARENA, PREV_INUSE } from "../core.ts";
import { assertionFailed, corrupted } from "../errors.ts";
import { PARAMETER } from "../layout/statics.ts";
import { intFree } from "../ops/free.ts";
import { cutTop } from "../ops/serve.ts";
import type { ThreadState } from "../thread-state.ts";
import { mapChunk, mapPages } from "./mapped.ts";
import { adviseHugePages, moreCore } from "./morecore.ts";

/** What the mmap fallback of the break counts in. MMAP_AS_MORECORE_SIZE. */
const FALLBACK_UNIT = 2 ** 20;

const topIsSound = (core: Core, arena: Address, top: Address, size: number): boolean =>
  (top === core.bin(arena, 1) && size === 0) ||
  (size >= core.minSize && (core.head(top) & PREV_INUSE) !== 0 && (top + size) % core.pageSize === 0);

/**
 * Gets `needed` bytes from the system for `arena`, or by mmap alone when `arena` is 0.
 *
 * @returns the chunk, or 0 when the system is exhausted.
 */
export const systemMalloc = (core: Core, thread: ThreadState, arena: Address, needed: number): Address => {
  let triedMap = false;
  if (
    arena === 0 ||
    (needed >= core.parameter(PARAMETER.mmapThreshold) &&
      core.parameter(PARAMETER.mmaps) < core.parameter(PARAMETER.mmapsMax))
  ) {
    const chunk = mapChunk(core, needed);
    if (chunk !== 0) return chunk;
    triedMap = true;
  }
  if (arena === 0) return 0;

  const oldTop = core.top(arena);
  const oldSize = core.size(oldTop);
  if (!topIsSound(core, arena, oldTop, oldSize)) {
    throw assertionFailed(
      core,
      oldTop,
      "sysmalloc",
      "(old_top == initial_top (av) && old_size == 0) || ((unsigned long) (old_size) >= MINSIZE && prev_inuse (old_top) && ((unsigned long) old_end & (pagesize - 1)) == 0)",
    );
  }
  if (arena === core.main) extendMain(core, thread, needed, oldTop, oldSize);
  else if (!extendHeap(core, thread, arena, needed, oldTop, oldSize)) {
    if (triedMap) return 0;
    return mapChunk(core, needed);
  }

  const systemMem = core.systemMem(arena);
  const peak = arena + core.g.maxSystemMemAt;
  if (systemMem > core.load(peak)) core.store(peak, systemMem);
  const top = core.top(arena);
  const size = core.size(top);
  if (size < needed + core.minSize) return 0;
  cutTop(core, arena, top, size, needed);
  return top;
};

/** Grows the arena's newest heap, or begins another. Returns whether it could. */
const extendHeap = (
  core: Core,
  thread: ThreadState,
  arena: Address,
  needed: number,
  oldTop: Address,
  oldSize: number,
): boolean => {
  const oldHeap = core.heapFor(oldTop);
  const oldHeapSize = heapSize(core, oldHeap);
  const missing = core.minSize + needed - oldSize;
  if (missing > 0 && growHeap(core, oldHeap, missing)) {
    const size = heapSize(core, oldHeap);
    core.setSystemMem(arena, core.systemMem(arena) + size - oldHeapSize);
    core.setHead(oldTop, (oldHeap + size - oldTop) | PREV_INUSE);
    return true;
  }
  const heap = newHeap(core, needed + core.minSize + core.g.heapInfoBytes, core.parameter(PARAMETER.topPad));
  if (heap === 0) return false;
  const size = heapSize(core, heap);
  setHeapArena(core, heap, arena);
  setHeapPrevious(core, heap, oldHeap);
  core.setSystemMem(arena, core.systemMem(arena) + size);
  const top = heap + core.g.heapInfoBytes;
  core.setTop(arena, top);
  core.setHead(top, (size - core.g.heapInfoBytes) | PREV_INUSE);

  const kept = floorAlign(core, oldSize - core.minSize);
  const post = oldTop + kept;
  core.setHead(post + core.header, PREV_INUSE);
  if (kept >= core.minSize) {
    core.setHead(post, core.header | PREV_INUSE);
    core.setFoot(post, core.header);
    core.setHead(oldTop, kept | PREV_INUSE | NON_MAIN_ARENA);
    intFree(core, thread, arena, oldTop, true);
  } else {
    core.setHead(oldTop, (kept + core.header) | PREV_INUSE);
    core.setFoot(oldTop, kept + core.header);
  }
  return true;
};

const floorAlign = (core: Core, bytes: number): number => bytes - (bytes % (core.alignMask + 1));

/** How much to map where the break is stuck. The old top cannot be continued, so `size` counts all that is asked for. */
const fallbackSize = (core: Core, size: number, contiguous: boolean): number => {
  if (core.profile.fallbackMegabyte === "least")
    return Math.max(contiguous ? core.pageUp(size) : size, FALLBACK_UNIT);
  const whole = contiguous ? Math.ceil(size / FALLBACK_UNIT) * FALLBACK_UNIT : size;
  return Math.max(whole, core.pageSize);
};

/** Moves the break, or maps a piece where the break is stuck; then makes top of what came. */
const extendMain = (
  core: Core,
  thread: ThreadState,
  needed: number,
  oldTop: Address,
  oldSize: number,
): void => {
  const arena = core.main;
  const contiguous = core.contiguous(arena);
  let size = needed + core.parameter(PARAMETER.topPad) + core.minSize - (contiguous ? oldSize : 0);
  const huge = core.parameter(PARAMETER.thpPageSize);
  if (huge !== 0) {
    const now = moreCore(core, 0);
    size = Math.ceil((now + size) / huge) * huge - now;
  } else size = core.pageUp(size);

  let brk = size > 0 ? moreCore(core, size) : 0;
  if (brk === 0 && core.maps === undefined && contiguous) {
    // Memory that only a break can give is used to its end: without the pad it may still be enough.
    size = core.pageUp(needed + core.minSize - oldSize);
    brk = moreCore(core, size);
  }
  let end = 0;
  const probe = core.probe;
  if (brk !== 0) {
    adviseHugePages(core, brk, size);
    if (probe !== undefined) probe.event("memory_sbrk_more", brk, size, 0);
  } else {
    size = fallbackSize(core, contiguous ? size + oldSize : size, contiguous);
    brk = size > needed ? mapPages(core, size, Protection.READ | Protection.WRITE) : 0;
    if (brk === 0) return;
    core.setNoncontiguous(arena);
    end = brk + size;
    if (probe !== undefined) probe.event("mmap_fallback", brk, size, 0);
  }

  if (core.parameter(PARAMETER.sbrkBase) === 0) core.setParameter(PARAMETER.sbrkBase, brk);
  core.setSystemMem(arena, core.systemMem(arena) + size);
  const oldEnd = oldTop + oldSize;
  if (brk === oldEnd && end === 0) core.setHead(oldTop, (size + oldSize) | PREV_INUSE);
  else if (core.contiguous(arena) && oldSize !== 0 && brk < oldEnd)
    throw corrupted(oldTop, "break adjusted to free malloc space");
  else beginTop(core, thread, brk, size, end, oldTop, oldSize);
};

/** Top moves to new memory that does not continue the old top. `end` is 0 where only another sbrk can tell it. */
const beginTop = (
  core: Core,
  thread: ThreadState,
  brk: Address,
  size: number,
  knownEnd: Address,
  oldTop: Address,
  oldSize: number,
): void => {
  const arena = core.main;
  const misalign = (brk + core.header) & core.alignMask;
  const front = misalign === 0 ? 0 : core.alignMask + 1 - misalign;
  let start = brk;
  let end = knownEnd;
  let correction = 0;
  if (core.contiguous(arena)) {
    // Someone else may have moved the break: count what they took, and fill up to a page boundary.
    if (oldSize !== 0) core.setSystemMem(arena, core.systemMem(arena) + brk - (oldTop + oldSize));
    start += front;
    correction = front + oldSize;
    const unaligned = brk + size + correction;
    correction += core.pageUp(unaligned) - unaligned;
    end = moreCore(core, correction);
    if (end === 0) {
      correction = 0;
      end = moreCore(core, 0);
    } else adviseHugePages(core, end, correction);
  } else {
    if (core.alignMask + 1 === core.header) {
      if (misalign !== 0)
        throw assertionFailed(
          core,
          brk,
          "sysmalloc",
          "((unsigned long) chunk2mem (brk) & MALLOC_ALIGN_MASK) == 0",
        );
    } else start += front;
    if (end === 0) end = moreCore(core, 0);
  }
  if (end === 0) return;
  core.setTop(arena, start);
  core.setHead(start, (end - start + correction) | PREV_INUSE);
  core.setSystemMem(arena, core.systemMem(arena) + correction);
  if (oldSize === 0) return;
  const kept = floorAlign(core, oldSize - 2 * core.header);
  core.setHead(oldTop, kept | PREV_INUSE);
  core.setHead(oldTop + kept, core.header | PREV_INUSE);
  core.setHead(oldTop + kept + core.header, core.header | PREV_INUSE);
  // Nothing else uses this word: it tells a walk where the heap goes on. What is kept may look like the first post itself.
  core.setPrevSize(oldTop + kept + core.header, start);
  if (kept === core.header) core.setPrevSize(oldTop + kept, start);
  if (kept >= core.minSize) intFree(core, thread, arena, oldTop, true);
};
