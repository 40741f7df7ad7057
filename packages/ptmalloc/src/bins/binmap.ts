/*
 * The binmap: one bit a bin, set when a chunk was put there. A clear bit means an empty bin; a set bit means perhaps, and is
 * cleared when a search finds the bin empty.
 */
import type { Address } from "@heapwright/allocator";
import type { Core } from "../core.ts";

/** Says that a bin has chunks. */
export const markBin = (core: Core, arena: Address, index: number): void => {
  const at = arena + core.binmapAt + 4 * (index >>> 5);
  core.store32(at, core.load32(at) | (1 << (index & 31)));
};

/** Corrects a bit that a search found to be wrong. */
export const unmarkBin = (core: Core, arena: Address, index: number): void => {
  const at = arena + core.binmapAt + 4 * (index >>> 5);
  core.store32(at, core.load32(at) & ~(1 << (index & 31)));
};

/** The first bin from `index` on whose bit is set, or 128 when there is none. */
export const nextMarked = (core: Core, arena: Address, index: number): number => {
  const map = arena + core.binmapAt;
  let block = index >>> 5;
  if (block >= 4) return 128;
  let bits = core.load32(map + 4 * block) & (-1 << (index & 31));
  while (bits === 0) {
    if (++block >= 4) return 128;
    bits = core.load32(map + 4 * block);
  }
  return 32 * block + 31 - Math.clz32(bits & -bits);
};
