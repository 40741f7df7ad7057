/*
 * Fast bins: single-linked stacks of small freed chunks that stay marked in use, so that they neither merge nor need
 * their neighbours touched. They are merged all at once, by consolidate, when memory runs short or a large request comes.
 */
import type { Address } from "@heapwright/allocator";
import { type Core, PREV_INUSE } from "../core.ts";
import { corrupted } from "../errors.ts";
import type { ThreadState } from "../thread-state.ts";
import { clearSizeLinks, unlinkChunk } from "./links.ts";
import { tcacheHasRoom, tcacheIndex, tcachePut, tcacheServes } from "./tcache.ts";

/** Whether chunks of `size` bytes go to fast bins. */
export const isFast = (core: Core, size: number): boolean => size <= core.load32(core.maxFastAt);

/** Pops the head of a fast bin. The new head is tested only where other threads may be popping too. */
const pop = (core: Core, head: Address, chunk: Address): void => {
  const next = core.mangle(chunk + core.fdAt, core.fd(chunk));
  if (core.safeLinking && next !== 0 && core.misaligned(next) && core.multiThreaded())
    throw corrupted(chunk, "malloc(): unaligned fastbin chunk detected");
  core.store(head, next);
};

/**
 * Takes a chunk of exactly `size` bytes, and moves its bin mates to the tcache while there is room.
 *
 * @returns the chunk, or 0 when the bin is empty.
 */
export const takeFast = (core: Core, thread: ThreadState, arena: Address, size: number): Address => {
  const index = core.fastIndex(size);
  const head = core.fastbin(arena, index);
  const chunk = core.load(head);
  if (chunk === 0) return 0;
  if (core.safeLinking && core.misaligned(chunk))
    throw corrupted(chunk, "malloc(): unaligned fastbin chunk detected 2");
  pop(core, head, chunk);
  if (core.fastIndex(core.size(chunk)) !== index)
    throw corrupted(chunk, "malloc(): memory corruption (fast)");
  const bin = tcacheIndex(core, size);
  if (tcacheServes(thread, bin)) stash(core, thread, head, bin);
  const probe = core.probe;
  if (probe !== undefined) probe.event("serve_fast", chunk + core.header, size, index);
  return chunk;
};

const stash = (core: Core, thread: ThreadState, head: Address, bin: number): void => {
  while (tcacheHasRoom(core, thread, bin)) {
    const chunk = core.load(head);
    if (chunk === 0) return;
    if (core.safeLinking && core.misaligned(chunk))
      throw corrupted(chunk, "malloc(): unaligned fastbin chunk detected 3");
    pop(core, head, chunk);
    tcachePut(core, thread.tcache, chunk, bin);
    const probe = core.probe;
    if (probe !== undefined) probe.event("stash_tcache", chunk, core.size(chunk), bin);
  }
};

/** Pushes a freed chunk. `locked` when the allocator itself frees, holding the arena: then the old head is tested too. */
export const putFast = (core: Core, arena: Address, chunk: Address, size: number, locked: boolean): void => {
  core.setHaveFastChunks(arena, true);
  const index = core.fastIndex(size);
  const head = core.fastbin(arena, index);
  const old = core.load(head);
  if (old === chunk) throw corrupted(chunk, "double free or corruption (fasttop)");
  core.setFd(chunk, core.mangle(chunk + core.fdAt, old));
  core.store(head, chunk);
  if (locked && old !== 0 && core.fastIndex(core.size(old)) !== index)
    throw corrupted(old, "invalid fastbin entry (free)");
};

/** Merges every fast chunk of an arena with its free neighbours and puts the results in the unsorted bin. malloc_consolidate. */
export const consolidate = (core: Core, arena: Address): void => {
  const probe = core.probe;
  if (probe !== undefined) probe.event("consolidate", arena, 0, 0);
  core.setHaveFastChunks(arena, false);
  for (let index = 0; index < core.g.fastBins; index++) {
    const head = core.fastbin(arena, index);
    let chunk = core.load(head);
    if (chunk === 0) continue;
    core.store(head, 0);
    while (chunk !== 0) {
      if (core.safeLinking && core.misaligned(chunk))
        throw corrupted(chunk, "malloc_consolidate(): unaligned fastbin chunk detected");
      if (core.fastIndex(core.size(chunk)) !== index)
        throw corrupted(chunk, "malloc_consolidate(): invalid chunk size");
      const next = core.mangle(chunk + core.fdAt, core.fd(chunk));
      consolidateOne(core, arena, chunk);
      chunk = next;
    }
  }
};

const consolidateOne = (core: Core, arena: Address, freed: Address): void => {
  let chunk = freed;
  let size = core.size(chunk);
  const next = chunk + size;
  const nextSize = core.size(next);
  if ((core.head(chunk) & PREV_INUSE) === 0) {
    const before = core.prevSize(chunk);
    size += before;
    chunk -= before;
    if (core.size(chunk) !== before) throw corrupted(chunk, "corrupted size vs. prev_size in fastbins");
    unlinkChunk(core, chunk);
  }
  if (next === core.top(arena)) {
    core.setHead(chunk, (size + nextSize) | PREV_INUSE);
    core.setTop(arena, chunk);
    return;
  }
  if (core.inUseAt(next, nextSize)) core.clearInUseAt(next, 0);
  else {
    size += nextSize;
    unlinkChunk(core, next);
  }
  const unsorted = core.bin(arena, 1);
  clearSizeLinks(core, chunk, size);
  core.linkBetween(chunk, unsorted, core.fd(unsorted));
  core.setFree(chunk, size);
};
