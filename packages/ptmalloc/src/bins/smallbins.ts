/*
 * Small bins: one size each, first in first out. Sizes equal, so there is nothing to search.
 */
import type { Address } from "@heapwright/allocator";
import type { Core } from "../core.ts";
import { corrupted } from "../errors.ts";
import type { ThreadState } from "../thread-state.ts";
import { tcacheHasRoom, tcacheIndex, tcachePut, tcacheServes } from "./tcache.ts";

/** Marks a chunk that leaves a bin whole as in use. */
export const markTaken = (core: Core, arena: Address, chunk: Address, size: number): void => {
  core.setInUseAt(chunk, size);
  if (arena !== core.main) core.setNonMainArena(chunk);
};

/**
 * Takes the oldest chunk of exactly `size` bytes, and moves its bin mates to the tcache while there is room.
 *
 * @returns the chunk, or 0 when the bin is empty.
 */
export const takeSmall = (core: Core, thread: ThreadState, arena: Address, size: number): Address => {
  const bin = core.bin(arena, core.smallIndex(size));
  const chunk = core.bk(bin);
  if (chunk === bin) return 0;
  const previous = core.bk(chunk);
  if (core.fd(previous) !== chunk) throw corrupted(chunk, "malloc(): smallbin double linked list corrupted");
  core.setInUseAt(chunk, size);
  core.join(previous, bin);
  if (arena !== core.main) core.setNonMainArena(chunk);
  const index = tcacheIndex(core, size);
  if (tcacheServes(thread, index)) stash(core, thread, arena, bin, size, index);
  const probe = core.probe;
  if (probe !== undefined) probe.event("serve_small", chunk + core.header, size, core.smallIndex(size));
  return chunk;
};

/** The stash tests nothing: glibc does not either. */
const stash = (
  core: Core,
  thread: ThreadState,
  arena: Address,
  bin: Address,
  size: number,
  index: number,
): void => {
  while (tcacheHasRoom(core, thread, index)) {
    const chunk = core.bk(bin);
    if (chunk === bin) return;
    const previous = core.bk(chunk);
    markTaken(core, arena, chunk, size);
    core.join(previous, bin);
    tcachePut(core, thread.tcache, chunk, index);
    const probe = core.probe;
    if (probe !== undefined) probe.event("stash_tcache", chunk, size, index);
  }
};
