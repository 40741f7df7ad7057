/*
 * The tcache, word by word: see paths.ts for what this folder is, and bins/tcache.ts for the structure.
 */
import type { Address } from "@heapwright/allocator";
import type { Place } from "./paths.ts";

/** What the express code does with a tcache. */
export interface Tcache {
  /** Pushes a chunk on a bin. */
  put(chunk: Address, bin: number): void;
  /** Chunks that a bin still takes; 0 for a bin beyond the last. */
  roomFor(bin: number): number;
}

export const makeTcache = (place: Place): Tcache => {
  const { words: view, halves, tcache, bins, room, key } = place;
  const entries = (tcache >>> 2) + 32;
  const counts = tcache >>> 1;
  return {
    put(chunk: Address, bin: number): void {
      const words = view;
      const mem = (chunk + 8) >>> 0;
      const at = mem >>> 2;
      const first = entries + bin;
      words[at + 1] = key;
      words[at] = (mem >>> 12) ^ words[first]!;
      words[first] = mem;
      halves[counts + bin]!++;
    },
    roomFor(bin: number): number {
      return bin < bins ? room - halves[counts + bin]! : 0;
    },
  };
};
