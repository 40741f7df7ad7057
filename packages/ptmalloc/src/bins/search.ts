/*
 * Best fit: the smallest free chunk that is large enough, first from the request's own large bin, then from the first
 * non-empty larger bin. What is left over goes to the unsorted bin.
 */
import type { Address } from "@heapwright/allocator";
import type { Core } from "../core.ts";
import { assertionFailed, corrupted } from "../errors.ts";
import { cut } from "../ops/serve.ts";
import { nextMarked, unmarkBin } from "./binmap.ts";
import { findLarge } from "./largebins.ts";
import { clearSizeLinks, unlinkChunk } from "./links.ts";
import { markTaken } from "./smallbins.ts";

/** Takes an unlinked chunk whole, or cuts it when the rest can be a chunk; gives the rest's address or 0. */
const take = (
  core: Core,
  arena: Address,
  chunk: Address,
  size: number,
  needed: number,
  message: string,
): Address => {
  const restSize = size - needed;
  if (restSize < core.minSize) {
    markTaken(core, arena, chunk, size);
    return 0;
  }
  const rest = chunk + needed;
  const unsorted = core.bin(arena, 1);
  const first = core.fd(unsorted);
  if (core.bk(first) !== unsorted) throw corrupted(first, message);
  core.linkBetween(rest, unsorted, first);
  clearSizeLinks(core, rest, restSize);
  cut(core, arena, chunk, needed, rest, restSize);
  return rest;
};

/** Takes the best fit from the large bin of the request itself. Gives the chunk, or 0. */
export const takeLarge = (core: Core, arena: Address, needed: number): Address => {
  const index = core.largeIndex(needed);
  const chunk = findLarge(core, core.bin(arena, index), needed);
  if (chunk === 0) return 0;
  const size = core.size(chunk);
  unlinkChunk(core, chunk);
  take(core, arena, chunk, size, needed, "malloc(): corrupted unsorted chunks");
  const probe = core.probe;
  if (probe !== undefined) probe.event("serve_large", chunk + core.header, size, index);
  return chunk;
};

/** Takes the smallest chunk of the first non-empty bin above the request's own. Gives the chunk, or 0. */
export const takeFromLargerBin = (core: Core, arena: Address, needed: number): Address => {
  let index = nextMarked(core, arena, core.binIndex(needed) + 1);
  while (index < 128) {
    const bin = core.bin(arena, index);
    const chunk = core.bk(bin);
    if (chunk !== bin) {
      const size = core.size(chunk);
      if (size < needed)
        throw assertionFailed(core, chunk, "_int_malloc", "(unsigned long) (size) >= (unsigned long) (nb)");
      unlinkChunk(core, chunk);
      const rest = take(core, arena, chunk, size, needed, "malloc(): corrupted unsorted chunks 2");
      if (rest !== 0 && needed < core.minLarge) core.setLastRemainder(arena, rest);
      const probe = core.probe;
      if (probe !== undefined) probe.event("serve_bin", chunk + core.header, size, index);
      return chunk;
    }
    unmarkBin(core, arena, index);
    index = nextMarked(core, arena, index + 1);
  }
  return 0;
};
