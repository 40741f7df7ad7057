/*
 * calloc past a tcache that it does not take from: malloc's search, then what is not known to be zero is cleared.
 *
 * The same steps as callocSlow in ops/entry.ts: see malloc.ts here for what this folder is.
 */
import type { Core } from "../core.ts";
import { PARAMETER } from "../layout/statics.ts";
import { expectClears } from "../ops/entry.ts";
import type { ThreadState } from "../thread-state.ts";
import { clearWords } from "./bytes.ts";
import { LEAVE, mallocExpress } from "./malloc.ts";

/** Allocates `bytes` bytes, all zero. Gives the user address, 0 when exhausted, or LEAVE when nothing is done. */
export const callocExpress = (core: Core, thread: ThreadState, bytes: number): number => {
  const before = thread.words;
  const { main } = core;
  const top = before[(main + 0x38) >>> 2]!;
  const topSize = (before[(top + 4) >>> 2]! & -8) >>> 0;
  // Up to here the break has been before: behind it the memory is as new as the system gave it.
  const touched = before[(core.state + PARAMETER.sbrkBase) >>> 2]! + before[(main + 0x458) >>> 2]! - top;
  const mem = mallocExpress(thread, bytes);
  if (mem <= LEAVE) return mem;
  const { words } = thread;
  const head = words[(mem - 4) >>> 2]!;
  if ((head & 2) !== 0) return mem;
  let size = (head & -8) >>> 0;
  if (mem - 8 === top) size = Math.min(size, Math.max(topSize, touched));
  if (size < 16) expectClears(core, mem - 8, size - 4);
  clearWords(core, words, mem, size - 4);
  return mem;
};
