/*
 * Copying and clearing blocks: by a loop where they are small, because a call of the memory's own method costs as much as a loop
 * over some hundred bytes.
 */
import type { Address } from "@heapwright/allocator";
import type { Core } from "../core.ts";

/** The most bytes for a loop. */
const LOOP = 256;

/** Copies whole words, three or more, between chunks that do not overlap: most blocks that move have three. */
export const copyWords = (
  core: Core,
  words: Uint32Array,
  target: Address,
  source: Address,
  bytes: number,
): void => {
  if (bytes > LOOP) core.mem.copy(target, source, bytes);
  else {
    const to = target >>> 2;
    const from = source >>> 2;
    const count = bytes >>> 2;
    words[to] = words[from]!;
    words[to + 1] = words[from + 1]!;
    words[to + 2] = words[from + 2]!;
    for (let i = 3; i < count; i++) words[to + i] = words[from + i]!;
  }
};

/** Sets whole words to zero. */
export const clearWords = (core: Core, words: Uint32Array, start: Address, bytes: number): void => {
  if (bytes > LOOP) core.mem.fill(start, bytes, 0);
  else {
    const end = (start + bytes) >>> 2;
    for (let i = start >>> 2; i < end; i++) words[i] = 0;
  }
};
