/*
 * The tcache, word by word: see malloc.ts here for what this folder is, and bins/tcache.ts for the structure.
 */
import type { Address } from "@heapwright/allocator";
import type { ThreadState } from "../thread-state.ts";

/** Pushes a chunk on a tcache bin. */
export const cache = (thread: ThreadState, words: Uint32Array, chunk: Address, bin: number): void => {
  const { halves, tcache } = thread;
  const head = ((tcache >>> 2) + 32 + bin) | 0;
  const mem = chunk + 8;
  words[(chunk + 12) >>> 2] = thread.fastKey;
  words[mem >>> 2] = (mem >>> 12) ^ words[head]!;
  words[head] = mem;
  halves[(tcache >>> 1) + bin]!++;
};

/** Chunks that tcache bin `bin` still takes. */
export const roomFor = (thread: ThreadState, bin: number): number =>
  bin < thread.bins ? thread.room - thread.halves[(thread.tcache >>> 1) + bin]! : 0;
