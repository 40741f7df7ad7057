/*
 * What stands between the public functions and one arena: the thread's tcache, which arena to ask, and what to do when it is
 * exhausted. __libc_malloc and its kin, without their fastest path.
 */
import type { Address } from "@heapwright/allocator";
import { acquireArena, retryArena } from "../arenas/arena.ts";
import { heapProtected } from "../arenas/heap.ts";
import { lock, unlock } from "../arenas/lock.ts";
import { tcacheGet, tcacheIndex, tcacheServes } from "../bins/tcache.ts";
import { type Core, IS_MMAPPED, NON_MAIN_ARENA } from "../core.ts";
import { assertionFailed, corrupted } from "../errors.ts";
import { PARAMETER } from "../layout/statics.ts";
import type { ProbeEvent } from "../probe.ts";
import { remapChunk, slideThresholds, unmapChunk } from "../system/mapped.ts";
import type { ThreadState } from "../thread-state.ts";
import { intFree, wraps } from "./free.ts";
import { intMalloc } from "./malloc.ts";
import { intMemalign } from "./memalign.ts";
import { intRealloc } from "./realloc.ts";

/** Gives a thread its tcache, itself a chunk of the thread's arena. When memory is short, the next call tries again. tcache_init. */
export const initTcache = (core: Core, thread: ThreadState): void => {
  if (!core.profile.tcache || thread.shuttingDown) return;
  const bytes = core.g.tcacheBytes;
  let arena = acquireArena(core, thread, bytes);
  let mem = intMalloc(core, thread, arena, bytes);
  if (mem === 0 && arena !== 0) {
    arena = retryArena(core, thread, arena, bytes);
    mem = intMalloc(core, thread, arena, bytes);
  }
  if (arena !== 0) unlock(core, arena);
  if (mem === 0) return;
  core.mem.fill(mem, bytes, 0);
  thread.setTcache(mem);
};

/** What an allocation returns must belong to the arena that was asked. */
const expectFrom = (
  core: Core,
  mem: Address,
  arena: Address,
  name: string,
  victim: string,
  arenaName: string,
): void => {
  if (mem === 0) return;
  const chunk = mem - core.header;
  if ((core.mem.load32(chunk + core.word) & (IS_MMAPPED | NON_MAIN_ARENA)) === 0 && arena === core.main)
    return;
  if ((core.head(chunk) & IS_MMAPPED) !== 0 || core.arenaFor(chunk) === arena) return;
  throw assertionFailed(
    core,
    chunk,
    name,
    `!${victim} || chunk_is_mmapped (mem2chunk (${victim})) || ${arenaName} == arena_for_chunk (mem2chunk (${victim}))`,
  );
};

/** What malloc, calloc or realloc returns while there is one thread must be a mapping, or of the main arena. */
export const expectFromMain = (core: Core, mem: Address, by: "malloc" | "calloc" | "realloc"): void => {
  if (by === "malloc") expectFrom(core, mem, core.main, "__libc_malloc", "victim", "&main_arena");
  else if (by === "calloc") expectFrom(core, mem, core.main, "__libc_calloc", "mem", "av");
  else expectFrom(core, mem, core.main, "__libc_realloc", "newp", "ar_ptr");
};

/** One allocation by any of the three ways, told apart by `alignment`: 0 for malloc. */
const allocateFrom = (
  core: Core,
  thread: ThreadState,
  arena: Address,
  bytes: number,
  alignment: number,
): Address =>
  alignment === 0
    ? intMalloc(core, thread, arena, bytes)
    : intMemalign(core, thread, arena, alignment, bytes);

const allocate = (
  core: Core,
  thread: ThreadState,
  bytes: number,
  alignment: number,
  name: string,
  victim: string,
  retried: ProbeEvent,
): Address => {
  if (!core.multiThreaded()) {
    const mem = allocateFrom(core, thread, core.main, bytes, alignment);
    expectFrom(core, mem, core.main, name, victim, "&main_arena");
    return mem;
  }
  let arena = acquireArena(core, thread, bytes + (alignment === 0 ? 0 : alignment + core.minSize));
  let mem = allocateFrom(core, thread, arena, bytes, alignment);
  if (mem === 0 && arena !== 0) {
    const probe = core.probe;
    if (probe !== undefined) probe.event(retried, bytes, alignment, 0);
    arena = retryArena(core, thread, arena, bytes);
    mem = allocateFrom(core, thread, arena, bytes, alignment);
  }
  if (arena !== 0) unlock(core, arena);
  expectFrom(core, mem, arena, name, victim, "ar_ptr");
  return mem;
};

/** Pops from the tcache, making one if the thread has none. Gives 0 when the bin is empty. */
const takeCached = (core: Core, thread: ThreadState, needed: number): Address => {
  if (thread.tcache === 0) initTcache(core, thread);
  const index = tcacheIndex(core, needed);
  if (!tcacheServes(thread, index) || core.mem.load16(thread.tcache + 2 * index) === 0) return 0;
  const mem = tcacheGet(core, thread.tcache, index);
  const probe = core.probe;
  if (probe !== undefined) probe.event("serve_tcache", mem, needed, index);
  return mem;
};

/** malloc where the fast path could not serve. */
export const mallocSlow = (core: Core, thread: ThreadState, bytes: number): Address => {
  const needed = core.chunkSizeFor(bytes);
  if (needed < 0) return 0;
  const cached = takeCached(core, thread, needed);
  if (cached !== 0) return cached;
  if (core.multiThreaded())
    return allocate(core, thread, bytes, 0, "__libc_malloc", "victim", "memory_malloc_retry");
  const mem = intMalloc(core, thread, core.main, bytes);
  expectFromMain(core, mem, "malloc");
  return mem;
};

/** free where the fast path could not. */
export const freeSlow = (core: Core, thread: ThreadState, mem: Address): void => {
  const chunk = mem - core.header;
  if ((core.head(chunk) & IS_MMAPPED) !== 0) {
    slideThresholds(core, chunk);
    unmapChunk(core, chunk);
    return;
  }
  if (thread.tcache === 0) initTcache(core, thread);
  intFree(core, thread, core.arenaFor(chunk), chunk, false);
};

/** memalign with an alignment that is a power of two above malloc's own. */
export const memalignSlow = (core: Core, thread: ThreadState, alignment: number, bytes: number): Address => {
  if (core.profile.memalignUsesTcache) {
    const cached = takeAligned(core, thread, alignment, bytes);
    if (cached !== 0) return cached;
  }
  return allocate(core, thread, bytes, alignment, "_mid_memalign", "p", "memory_memalign_retry");
};

/** The newest cached chunk of the size that happens to be aligned enough. */
const takeAligned = (core: Core, thread: ThreadState, alignment: number, bytes: number): Address => {
  const needed = core.chunkSizeFor(bytes);
  if (needed < 0) return 0;
  const tcache = thread.tcache;
  const index = tcacheIndex(core, needed);
  if (!tcacheServes(thread, index) || core.mem.load16(tcache + 2 * index) === 0) return 0;
  const head = tcache + core.g.tcacheEntriesAt + index * core.word;
  let link = head;
  let entry = core.load(head);
  while (entry !== 0 && entry % alignment !== 0) {
    link = entry;
    entry = core.mangle(entry, core.load(entry));
  }
  if (entry === 0) return 0;
  if ((entry & core.alignMask) !== 0) throw corrupted(entry, "malloc(): unaligned tcache chunk detected");
  const next = core.mangle(entry, core.load(entry));
  core.store(link, link === head ? next : core.mangle(link, next));
  core.mem.store16(tcache + 2 * index, core.mem.load16(tcache + 2 * index) - 1);
  core.store(entry + core.word, 0);
  const probe = core.probe;
  if (probe !== undefined) probe.event("serve_tcache", entry, needed, index);
  return entry;
};

/** The part of a chunk cut from top that nobody has written to is known to be zero. */
const dirtyTop = (core: Core, arena: Address, top: Address): number => {
  let dirty = core.size(top);
  if (arena === core.main) {
    const touched = core.parameter(PARAMETER.sbrkBase) + core.load(arena + core.g.maxSystemMemAt) - top;
    if (dirty < touched) dirty = touched;
  } else {
    const heap = core.heapFor(top);
    const accessible = heap + heapProtected(core, heap) - top;
    if (dirty < accessible) dirty = accessible;
  }
  return dirty;
};

/** calloc of `bytes` bytes in all. */
export const callocSlow = (core: Core, thread: ThreadState, bytes: number): Address => {
  if (core.profile.callocUsesTcache) {
    const needed = core.chunkSizeFor(bytes);
    if (needed < 0) return 0;
    const cached = takeCached(core, thread, needed);
    if (cached !== 0) {
      core.mem.fill(cached, core.size(cached - core.header) - core.word, 0);
      return cached;
    }
  } else if (thread.tcache === 0) initTcache(core, thread);

  const threads = core.multiThreaded();
  let arena = threads ? acquireArena(core, thread, bytes) : core.main;
  const top = arena === 0 ? 0 : core.top(arena);
  const dirty = arena === 0 ? 0 : dirtyTop(core, arena, top);
  let mem = intMalloc(core, thread, arena, bytes);
  expectFrom(core, mem, arena, "__libc_calloc", "mem", "av");
  if (threads) {
    if (mem === 0 && arena !== 0) {
      const probe = core.probe;
      if (probe !== undefined) probe.event("memory_calloc_retry", bytes, 0, 0);
      arena = retryArena(core, thread, arena, bytes);
      mem = intMalloc(core, thread, arena, bytes);
    }
    if (arena !== 0) unlock(core, arena);
  }
  if (mem !== 0) clear(core, mem, bytes, top, dirty);
  return mem;
};

/** The smallest chunk has three words to clear. */
export const expectClears = (core: Core, chunk: Address, length: number): void => {
  if (length < 3 * core.word) throw assertionFailed(core, chunk, "__libc_calloc", "nclears >= 3");
};

/** Clears what is not known to be zero. */
const clear = (core: Core, mem: Address, bytes: number, top: Address, dirty: number): void => {
  const chunk = mem - core.header;
  const perturbed = core.mem.load32(core.state + PARAMETER.perturbByte) !== 0;
  if ((core.head(chunk) & IS_MMAPPED) !== 0) {
    if (perturbed) core.mem.fill(mem, bytes, 0);
    return;
  }
  let size = core.size(chunk);
  if (!perturbed && chunk === top && size > dirty) size = dirty;
  const length = size - core.word;
  if (!core.profile.callocUsesTcache) expectClears(core, chunk, length);
  core.mem.fill(mem, length, 0);
};

/** Whether a request fits a block with less than two words to spare, or a mapping with at most a page. */
const fitsClosely = (core: Core, chunk: Address, size: number, mapped: boolean, bytes: number): boolean => {
  if (wraps(core, chunk, size) || (!mapped && !core.inUseAt(chunk, size))) return false;
  const spare = core.usable(chunk) - bytes;
  return spare >= 0 && (spare < 2 * core.word || (mapped && spare <= core.pageSize));
};

/** realloc of a live block to a size other than 0. */
export const reallocSlow = (core: Core, thread: ThreadState, mem: Address, bytes: number): Address => {
  const chunk = mem - core.header;
  const size = core.size(chunk);
  const mapped = (core.head(chunk) & IS_MMAPPED) !== 0;
  if (core.profile.reallocKeepsWhatFits && fitsClosely(core, chunk, size, mapped, bytes)) return mem;
  let arena = 0;
  if (!mapped) {
    if (thread.tcache === 0) initTcache(core, thread);
    arena = core.arenaFor(chunk);
  }
  if (wraps(core, chunk, size) || core.misaligned(chunk))
    throw corrupted(chunk, "realloc(): invalid pointer");
  const needed = core.chunkSizeFor(bytes);
  if (needed < 0) return 0;
  if (mapped) return reallocMapped(core, thread, chunk, size, needed, bytes);
  const threads = core.multiThreaded();
  if (threads) lock(core, arena);
  const moved = intRealloc(core, thread, arena, chunk, size, needed);
  if (threads) unlock(core, arena);
  expectFrom(core, moved, arena, "__libc_realloc", "newp", "ar_ptr");
  return moved === 0 && threads ? reallocElsewhere(core, thread, arena, chunk, bytes) : moved;
};

/** The block's own arena is exhausted: try another. */
const reallocElsewhere = (
  core: Core,
  thread: ThreadState,
  arena: Address,
  chunk: Address,
  bytes: number,
): Address => {
  const probe = core.probe;
  if (probe !== undefined) probe.event("memory_realloc_retry", bytes, chunk + core.header, 0);
  const moved = mallocSlow(core, thread, bytes);
  if (moved === 0) return 0;
  core.mem.copy(moved, chunk + core.header, core.usable(chunk));
  intFree(core, thread, arena, chunk, false);
  return moved;
};

/** A mapping is stretched where the system can; else copied. */
const reallocMapped = (
  core: Core,
  thread: ThreadState,
  chunk: Address,
  size: number,
  needed: number,
  bytes: number,
): Address => {
  const mem = chunk + core.header;
  const remapped = remapChunk(core, chunk, needed);
  if (remapped !== 0) return remapped + core.header;
  if (size - core.word >= needed) return mem;
  const moved = mallocSlow(core, thread, bytes);
  if (moved === 0) return 0;
  core.mem.copy(moved, mem, size - core.header);
  unmapChunk(core, chunk);
  return moved;
};
