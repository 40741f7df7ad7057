/*
 * Large bins: each a range of sizes, sorted from the largest (at the front) to the smallest. The first chunk of each size is
 * also in a circular skip list of sizes:
 *
 *   bin -fd-> 0x4b0 -> 0x4b0 -> 0x480 -> 0x450 -> 0x450 -> bin
 *             0x4b0 --fd_nextsize--> 0x480 --fd_nextsize--> 0x450 --fd_nextsize--> 0x4b0
 *
 * A chunk of a size already present goes to the second place of its size, so that the skip list does not change; and for the
 * same reason the second chunk of a size is taken before the first.
 */
import type { Address } from "@heapwright/allocator";
import { type Core, NON_MAIN_ARENA, PREV_INUSE } from "../core.ts";
import { assertionFailed, corrupted } from "../errors.ts";

/** The head of a chunk in a bin, which must not carry the A flag: free chunks never do. */
const expectMainArena = (core: Core, chunk: Address, expression: string): number => {
  const head = core.head(chunk);
  if ((head & NON_MAIN_ARENA) !== 0)
    throw assertionFailed(core, chunk, "_int_malloc", `chunk_main_arena (${expression})`);
  return head;
};

/** Sorts a free chunk into its large bin. */
export const putLarge = (core: Core, bin: Address, chunk: Address, size: number): void => {
  let next = core.fd(bin);
  if (next === bin) {
    core.setFdNext(chunk, chunk);
    core.setBkNext(chunk, chunk);
    core.linkBetween(chunk, bin, bin);
    return;
  }
  const head = size + PREV_INUSE;
  const smallest = core.bk(bin);
  if (head < expectMainArena(core, smallest, "bck->bk")) {
    const largest = next;
    const last = core.bkNext(largest);
    core.setFdNext(chunk, largest);
    core.setBkNext(chunk, last);
    core.setFdNext(last, chunk);
    core.setBkNext(largest, chunk);
    core.linkBetween(chunk, smallest, bin);
    return;
  }
  let nextHead = expectMainArena(core, next, "fwd");
  while (head < nextHead) {
    next = core.fdNext(next);
    nextHead = expectMainArena(core, next, "fwd");
  }
  if (head === nextHead) next = core.fd(next);
  else {
    const larger = core.bkNext(next);
    core.setFdNext(chunk, next);
    core.setBkNext(chunk, larger);
    if (core.fdNext(larger) !== next)
      throw corrupted(chunk, "malloc(): largebin double linked list corrupted (nextsize)");
    core.setBkNext(next, chunk);
    core.setFdNext(larger, chunk);
  }
  const previous = core.bk(next);
  if (core.fd(previous) !== next)
    throw corrupted(chunk, "malloc(): largebin double linked list corrupted (bk)");
  core.linkBetween(chunk, previous, next);
};

/** The smallest chunk of a large bin that has `size` bytes or more, or 0. It stays in the bin. */
export const findLarge = (core: Core, bin: Address, size: number): Address => {
  const largest = core.fd(bin);
  if (largest === bin || core.head(largest) < size) return 0;
  let chunk = core.bkNext(largest);
  while (core.size(chunk) < size) chunk = core.bkNext(chunk);
  if (chunk !== core.bk(bin) && core.head(chunk) === core.head(core.fd(chunk))) return core.fd(chunk);
  return chunk;
};
