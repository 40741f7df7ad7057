/*
 * Arenas: heaps within the heap, each with bins, top and lock of its own, so that threads seldom meet. The main arena lives on
 * the break; every other one at the start of its first heap. All are on one circular list and are never destroyed; those without
 * threads are also on the free list.
 *
 * A thread is attached to one arena. At its first allocation it gets, in this order: a free arena, a new one while their number
 * is below the limit, else the next in line that is not locked.
 */
import type { Address } from "@heapwright/allocator";
import { type Core, PREV_INUSE } from "../core.ts";
import { assertionFailed } from "../errors.ts";
import { NBINS } from "../layout/geometry.ts";
import { HEADER, PARAMETER } from "../layout/statics.ts";
import type { ThreadState } from "../thread-state.ts";
import { heapSize, newHeap, setHeapArena } from "./heap.ts";
import { lock, tryLock, unlock } from "./lock.ts";

export const nextArena = (core: Core, arena: Address): Address => core.load(arena + core.g.nextAt);
export const attachedThreads = (core: Core, arena: Address): number => core.load(arena + core.g.attachedAt);
const setNextArena = (core: Core, arena: Address, next: Address): void =>
  core.store(arena + core.g.nextAt, next);
const setAttached = (core: Core, arena: Address, threads: number): void =>
  core.store(arena + core.g.attachedAt, threads);
const nextFree = (core: Core, arena: Address): Address => core.load(arena + core.g.nextFreeAt);
const setNextFree = (core: Core, arena: Address, next: Address): void =>
  core.store(arena + core.g.nextFreeAt, next);

/** Makes the empty bins of a zeroed arena. malloc_init_state. */
export const initArena = (core: Core, arena: Address): void => {
  for (let index = 1; index < NBINS; index++) {
    const bin = core.bin(arena, index);
    core.setFd(bin, bin);
    core.setBk(bin, bin);
  }
  if (arena !== core.main) core.setNoncontiguous(arena);
  core.setTop(arena, core.bin(arena, 1));
};

/** Every arena, the main one first, then as the list goes. */
export const arenasOf = (core: Core): Address[] => {
  const arenas = [core.main];
  for (let arena = nextArena(core, core.main); arena !== core.main; arena = nextArena(core, arena))
    arenas.push(arena);
  return arenas;
};

const detach = (core: Core, arena: Address): void => {
  if (arena === 0) return;
  const threads = attachedThreads(core, arena);
  if (threads === 0)
    throw assertionFailed(core, arena, "detach_arena", "replaced_arena->attached_threads > 0");
  setAttached(core, arena, threads - 1);
};

/** Creates an arena with room for `bytes` more, attached to the thread and locked; or gives 0. _int_new_arena. */
export const newArena = (core: Core, thread: ThreadState, bytes: number): Address => {
  const { heapInfoBytes, arenaBytes } = core.g;
  const needed = heapInfoBytes + arenaBytes + core.alignMask + 1;
  const pad = core.parameter(PARAMETER.topPad);
  let heap = newHeap(core, needed + bytes, pad);
  // The request may be too large for a heap; it can then still be mapped by itself.
  if (heap === 0) heap = newHeap(core, needed, pad);
  if (heap === 0) return 0;
  const arena = heap + heapInfoBytes;
  const size = heapSize(core, heap);
  setHeapArena(core, heap, arena);
  initArena(core, arena);
  setAttached(core, arena, 1);
  core.setSystemMem(arena, size);
  core.store(arena + core.g.maxSystemMemAt, size);
  let top = arena + arenaBytes;
  const misalign = (top + core.header) & core.alignMask;
  if (misalign !== 0) top += core.alignMask + 1 - misalign;
  core.setTop(arena, top);
  core.setHead(top, (heap + size - top) | PREV_INUSE);
  const probe = core.probe;
  if (probe !== undefined) probe.event("memory_arena_new", arena, bytes, 0);
  const replaced = thread.arena;
  thread.arena = arena;
  setNextArena(core, arena, nextArena(core, core.main));
  setNextArena(core, core.main, arena);
  detach(core, replaced);
  lock(core, arena);
  return arena;
};

/** An arena that threads left, or 0. get_free_list. */
const takeFreeArena = (core: Core, thread: ThreadState): Address => {
  const arena = core.parameter(PARAMETER.freeList);
  if (arena === 0) return 0;
  core.setParameter(PARAMETER.freeList, nextFree(core, arena));
  if (attachedThreads(core, arena) !== 0)
    throw assertionFailed(core, arena, "get_free_list", "result->attached_threads == 0");
  setAttached(core, arena, 1);
  detach(core, thread.arena);
  const probe = core.probe;
  if (probe !== undefined) probe.event("memory_arena_reuse_free_list", arena, 0, 0);
  lock(core, arena);
  thread.arena = arena;
  return arena;
};

const removeFromFreeList = (core: Core, arena: Address): void => {
  let previous = 0;
  let free = core.parameter(PARAMETER.freeList);
  while (free !== 0 && free !== arena) {
    previous = free;
    free = nextFree(core, free);
  }
  if (free === 0) return;
  if (previous === 0) core.setParameter(PARAMETER.freeList, nextFree(core, arena));
  else setNextFree(core, previous, nextFree(core, arena));
};

/** The next arena in turn that is not locked; when all are, the next but the one to avoid. reused_arena. */
const reuseArena = (core: Core, thread: ThreadState, avoid: Address): Address => {
  const first = core.parameter(PARAMETER.nextToUse) || core.main;
  let arena = first;
  let locked = tryLock(core, arena);
  while (!locked) {
    arena = nextArena(core, arena);
    if (arena === first) break;
    locked = tryLock(core, arena);
  }
  if (!locked) {
    if (arena === avoid) arena = nextArena(core, arena);
    lock(core, arena);
  }
  detach(core, thread.arena);
  removeFromFreeList(core, arena);
  setAttached(core, arena, attachedThreads(core, arena) + 1);
  const probe = core.probe;
  if (probe !== undefined) probe.event("memory_arena_reuse", arena, avoid, 0);
  thread.arena = arena;
  core.setParameter(PARAMETER.nextToUse, nextArena(core, arena));
  return arena;
};

/**
 * The number of arenas that must not be exceeded, or Infinity while it is still open: it is settled only once more arenas than
 * `arena_test` exist.
 */
const arenaLimit = (core: Core): number => {
  let limit = core.parameter(PARAMETER.narenasLimit);
  if (limit === 0) {
    const cores = core.mem.load32(core.state + HEADER.cores);
    const max = core.parameter(PARAMETER.arenaMax);
    if (max !== 0) limit = max;
    else if (core.parameter(PARAMETER.narenas) > core.parameter(PARAMETER.arenaTest))
      limit = cores * core.g.arenasPerCore;
    core.setParameter(PARAMETER.narenasLimit, limit);
  }
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
};

/** An arena for a thread that has none, or whose own is exhausted (`avoid`); locked. 0 when there is none. arena_get2. */
const assignArena = (core: Core, thread: ThreadState, bytes: number, avoid: Address): Address => {
  const free = takeFreeArena(core, thread);
  if (free !== 0) return free;
  const limit = arenaLimit(core);
  const count = core.parameter(PARAMETER.narenas);
  if (count >= limit) return reuseArena(core, thread, avoid);
  core.setParameter(PARAMETER.narenas, count + 1);
  const arena = newArena(core, thread, bytes);
  if (arena === 0) core.setParameter(PARAMETER.narenas, count);
  return arena;
};

/**
 * The older way: try the arena used last, then every other around the ring, and make a new one only when all are busy.
 * Threads are not attached, and an arena is never given back.
 */
const ringArena = (core: Core, thread: ThreadState, bytes: number): Address => {
  const last = thread.arena || core.main;
  let arena = last;
  do {
    if (tryLock(core, arena)) {
      if (arena !== thread.arena) {
        thread.arena = arena;
        const probe = core.probe;
        if (probe !== undefined) probe.event("memory_arena_reuse", arena, 0, 0);
      }
      return arena;
    }
    arena = nextArena(core, arena);
  } while (arena !== last);
  const limit = core.parameter(PARAMETER.arenaMax);
  const count = core.parameter(PARAMETER.narenas);
  if (limit !== 0 && count >= limit) {
    lock(core, last);
    return last;
  }
  thread.arena = 0;
  const fresh = newArena(core, thread, bytes);
  if (fresh === 0) thread.arena = last;
  else core.setParameter(PARAMETER.narenas, count + 1);
  return fresh;
};

/** The arena for an allocation of `bytes` by this thread, locked; 0 when there is none. arena_get. */
export const acquireArena = (core: Core, thread: ThreadState, bytes: number): Address => {
  if (core.profile.arenaChoice === "ring") return ringArena(core, thread, bytes);
  const arena = thread.arena;
  if (arena === 0) return assignArena(core, thread, bytes, 0);
  lock(core, arena);
  return arena;
};

/** Another arena after `failed` could not serve: the main one, or when that failed, any other. Locked. arena_get_retry. */
export const retryArena = (core: Core, thread: ThreadState, failed: Address, bytes: number): Address => {
  const probe = core.probe;
  if (probe !== undefined) probe.event("memory_arena_retry", bytes, failed, 0);
  unlock(core, failed);
  if (failed === core.main)
    return core.profile.arenaChoice === "ring"
      ? ringRetry(core, thread, bytes)
      : assignArena(core, thread, bytes, failed);
  lock(core, core.main);
  return core.main;
};

/** The older way when the main arena is exhausted: the next arena of the ring, or a new one. */
const ringRetry = (core: Core, thread: ThreadState, bytes: number): Address => {
  const next = nextArena(core, core.main);
  if (next === core.main) {
    thread.arena = 0;
    const fresh = newArena(core, thread, bytes);
    if (fresh === 0) thread.arena = core.main;
    else core.setParameter(PARAMETER.narenas, core.parameter(PARAMETER.narenas) + 1);
    return fresh;
  }
  thread.arena = next;
  return ringArena(core, thread, bytes);
};

/** The thread ends: its arena loses it, and goes to the free list with the last one. */
export const leaveArena = (core: Core, thread: ThreadState): void => {
  const arena = thread.arena;
  thread.arena = 0;
  if (arena === 0 || core.profile.arenaChoice === "ring") return;
  const threads = attachedThreads(core, arena);
  if (threads === 0)
    throw assertionFailed(core, arena, "__malloc_arena_thread_freeres", "a->attached_threads > 0");
  setAttached(core, arena, threads - 1);
  if (threads !== 1) return;
  setNextFree(core, arena, core.parameter(PARAMETER.freeList));
  core.setParameter(PARAMETER.freeList, arena);
};
