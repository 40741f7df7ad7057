/*
 * Surgery on the lists of free chunks, word by word: see paths.ts for what this folder is.
 */
import type { Address } from "@heapwright/allocator";
import { unlinkChunk } from "../bins/links.ts";
import { MIN_LARGE as LARGE, type Place } from "./paths.ts";

const MIN_LARGE = LARGE;

/** Takes a chunk out of its bin, as unlinkChunk does, and by it when a test fails. */
export type Unlink = (chunk: Address) => void;

export const makeUnlink = (place: Place): Unlink => {
  const { core, words: view } = place;
  /** The first chunk of its size in a large bin, whose links are sound: it leaves the skip list of sizes too. */
  const unlinkLarge = (chunk: Address, next: Address, previous: Address): void => {
    const words = view;
    const smaller = words[(chunk + 16) >>> 2]!;
    const larger = words[(chunk + 20) >>> 2]!;
    if (words[(smaller + 20) >>> 2] !== chunk || words[(larger + 16) >>> 2] !== chunk) {
      unlinkChunk(core, chunk);
      return;
    }
    words[(next + 12) >>> 2] = previous;
    words[(previous + 8) >>> 2] = next;
    if (words[(next + 16) >>> 2] !== 0) {
      words[(smaller + 20) >>> 2] = larger;
      words[(larger + 16) >>> 2] = smaller;
    } else if (smaller === chunk) {
      words[(next + 16) >>> 2] = next;
      words[(next + 20) >>> 2] = next;
    } else {
      words[(next + 16) >>> 2] = smaller;
      words[(next + 20) >>> 2] = larger;
      words[(smaller + 20) >>> 2] = next;
      words[(larger + 16) >>> 2] = next;
    }
  };

  const unlink = (chunk: Address): void => {
    const words = view;
    const at = chunk >>> 2;
    const size = (words[at + 1]! & -8) >>> 0;
    const next = words[at + 2]!;
    const previous = words[at + 3]!;
    const bkAt = (next + 12) >>> 2;
    const fdAt = (previous + 8) >>> 2;
    if (words[at + (size >>> 2)] !== size || words[bkAt] !== chunk || words[fdAt] !== chunk) {
      unlinkChunk(core, chunk);
      return;
    }
    if (size >= MIN_LARGE && words[at + 4] !== 0) {
      unlinkLarge(chunk, next, previous);
      return;
    }
    words[bkAt] = previous;
    words[fdAt] = next;
  };
  return unlink;
};

/** Writes the sizes of a free chunk, before it and behind it; a large one is in no list of sizes yet. */
export const setFree = (words: Uint32Array, chunk: Address, size: number): void => {
  const at = chunk >>> 2;
  words[at + 1] = size | 1;
  words[at + (size >>> 2)] = size;
  if (size >= MIN_LARGE) {
    words[at + 4] = 0;
    words[at + 5] = 0;
  }
};

/** Puts a free chunk between two neighbours of a list. */
export const link = (words: Uint32Array, chunk: Address, previous: Address, next: Address): void => {
  const at = chunk >>> 2;
  words[at + 2] = next;
  words[at + 3] = previous;
  words[(next + 12) >>> 2] = chunk;
  words[(previous + 8) >>> 2] = chunk;
};
