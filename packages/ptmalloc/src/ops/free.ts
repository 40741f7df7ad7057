/*
 * _int_free: one chunk back to its arena. To the tcache, else to a fast bin, else merged with its free neighbours and put in
 * the unsorted bin or into top; and when that made a large chunk, fast chunks are merged and memory given back.
 *
 * The order of the tests is part of the behaviour: what one lets pass, a later one may find.
 */
import type { Address } from "@heapwright/allocator";
import { markBin } from "../bins/binmap.ts";
import { isFast, putFast } from "../bins/fastbins.ts";
import { clearSizeLinks, unlinkChunk } from "../bins/links.ts";
import { expectNotCached, tcacheHasRoom, tcacheIndex, tcachePut, tcacheServes } from "../bins/tcache.ts";
import { type Core, PREV_INUSE } from "../core.ts";
import { corrupted } from "../errors.ts";
import { unmapChunk } from "../system/mapped.ts";
import type { ThreadState } from "../thread-state.ts";
import { CONSOLIDATION_THRESHOLD, giveBack } from "./give-back.ts";
import { perturbFreed } from "./serve.ts";

/** Whether a chunk with its size would reach past the end of the address space; a size of 0 counts, as in C. */
export const wraps = (core: Core, chunk: Address, size: number): boolean =>
  size === 0 || chunk + size > (core.wide ? 2 ** 64 : 2 ** 32);

/** Frees a chunk that is not mapped. `locked` when the allocator itself frees while it holds the arena. */
export const intFree = (
  core: Core,
  thread: ThreadState,
  arena: Address,
  chunk: Address,
  locked: boolean,
): void => {
  if (thread.express?.freeInside(chunk + core.header, locked)) return;
  const size = core.size(chunk);
  if (wraps(core, chunk, size) || core.misaligned(chunk)) throw corrupted(chunk, "free(): invalid pointer");
  if (size < core.minSize || (size & core.alignMask) !== 0) throw corrupted(chunk, "free(): invalid size");
  if (putInTcache(core, thread, chunk, size)) return;
  if (isFast(core, size)) freeFast(core, arena, chunk, size, locked);
  else if ((core.head(chunk) & 2) !== 0) unmapChunk(core, chunk);
  else freeMerging(core, arena, chunk, size);
};

const putInTcache = (core: Core, thread: ThreadState, chunk: Address, size: number): boolean => {
  const index = tcacheIndex(core, size);
  if (!tcacheServes(thread, index)) return false;
  const tcache = thread.tcache;
  const mem = chunk + core.header;
  if (core.load(mem + core.word) === core.tcacheKey(tcache)) expectNotCached(core, tcache, mem, index);
  if (!tcacheHasRoom(core, thread, index)) return false;
  tcachePut(core, tcache, chunk, index);
  const probe = core.probe;
  if (probe !== undefined) probe.event("free_tcache", mem, size, index);
  return true;
};

const freeFast = (core: Core, arena: Address, chunk: Address, size: number, locked: boolean): void => {
  const next = chunk + size;
  if (core.head(next) <= core.header || core.size(next) >= core.systemMem(arena))
    throw corrupted(next, "free(): invalid next size (fast)");
  perturbFreed(core, chunk + core.header, size - core.header);
  putFast(core, arena, chunk, size, locked);
  const probe = core.probe;
  if (probe !== undefined) probe.event("free_fast", chunk + core.header, size, 0);
};

const expectSound = (core: Core, arena: Address, chunk: Address, next: Address): void => {
  const top = core.top(arena);
  if (chunk === top) throw corrupted(chunk, "double free or corruption (top)");
  if (core.contiguous(arena) && next >= top + core.size(top))
    throw corrupted(chunk, "double free or corruption (out)");
  const head = core.head(next);
  if ((head & PREV_INUSE) === 0) throw corrupted(chunk, "double free or corruption (!prev)");
  if (head <= core.header || core.size(next) >= core.systemMem(arena))
    throw corrupted(next, "free(): invalid next size (normal)");
};

/** Frees a chunk past tcache and fast bins: merged with its neighbours, into a bin or into top. */
export const freeMerging = (core: Core, arena: Address, freed: Address, freedSize: number): void => {
  let chunk = freed;
  let size = freedSize;
  const next = chunk + size;
  expectSound(core, arena, chunk, next);
  const nextSize = core.size(next);
  perturbFreed(core, chunk + core.header, size - core.header);
  const probe = core.probe;

  if ((core.head(chunk) & PREV_INUSE) === 0) {
    const before = core.prevSize(chunk);
    size += before;
    chunk -= before;
    if (core.size(chunk) !== before)
      throw corrupted(freed, "corrupted size vs. prev_size while consolidating");
    unlinkChunk(core, chunk);
    if (probe !== undefined) probe.event("merge_backward", freed, freedSize, before);
  }

  if (next === core.top(arena)) {
    size += nextSize;
    core.setHead(chunk, size | PREV_INUSE);
    core.setTop(arena, chunk);
    if (probe !== undefined) probe.event("free_top", freed + core.header, freedSize, size);
  } else {
    if (core.inUseAt(next, nextSize)) core.clearInUseAt(next, 0);
    else {
      unlinkChunk(core, next);
      size += nextSize;
      if (probe !== undefined) probe.event("merge_forward", freed, freedSize, nextSize);
    }
    const small = core.profile.smallChunksSkipUnsorted && size < core.minLarge;
    if (small) putSmall(core, arena, chunk, size);
    else putUnsorted(core, arena, chunk, size);
    if (probe !== undefined)
      probe.event(small ? "free_small" : "free_unsorted", freed + core.header, freedSize, size);
  }
  if (size >= CONSOLIDATION_THRESHOLD) giveBack(core, arena);
};

/** Puts a free chunk at the front of the unsorted bin and writes its boundary tags. */
const putUnsorted = (core: Core, arena: Address, chunk: Address, size: number): void => {
  const unsorted = core.bin(arena, 1);
  const first = core.fd(unsorted);
  if (core.bk(first) !== unsorted) throw corrupted(first, "free(): corrupted unsorted chunks");
  clearSizeLinks(core, chunk, size);
  core.linkBetween(chunk, unsorted, first);
  core.setFree(chunk, size);
};

/** Puts a small free chunk straight into its bin. */
const putSmall = (core: Core, arena: Address, chunk: Address, size: number): void => {
  const index = core.smallIndex(size);
  const bin = core.bin(arena, index);
  const first = core.fd(bin);
  if (core.bk(first) !== bin) throw corrupted(first, "free(): chunks in smallbin corrupted");
  markBin(core, arena, index);
  core.linkBetween(chunk, bin, first);
  core.setFree(chunk, size);
};
