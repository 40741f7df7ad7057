/*
 * calloc past a tcache that it does not take from: malloc's search, then what is not known to be zero is cleared.
 *
 * The same steps as callocSlow in ops/entry.ts: see paths.ts for what this folder is.
 */
import { PARAMETER } from "../layout/statics.ts";
import { expectClears } from "../ops/entry.ts";
import type { ThreadState } from "../thread-state.ts";
import { clearWords } from "./bytes.ts";
import { type Express, LEAVE as LEAVES, type Place } from "./paths.ts";

const LEAVE = LEAVES;

export const makeCalloc = (
  place: Place,
  thread: ThreadState,
  mallocs: Express["malloc"],
): Express["calloc"] => {
  const { core, words, main } = place;
  const malloc = mallocs;
  const sbrkBaseAt = (core.state + PARAMETER.sbrkBase) >>> 2;
  const calloc = (bytes: number): number => {
    const top = words[(main + 0x38) >>> 2]!;
    const topSize = (words[(top + 4) >>> 2]! & -8) >>> 0;
    // Up to here the break has been before: behind it the memory is as new as the system gave it.
    const touched = words[sbrkBaseAt]! + words[(main + 0x458) >>> 2]! - top;
    const mem = malloc(bytes);
    if (mem <= LEAVE) return mem;
    // The heap may have grown, and its views been replaced.
    const now = thread.words;
    const head = now[(mem - 4) >>> 2]!;
    if ((head & 2) !== 0) return mem;
    let size = (head & -8) >>> 0;
    if (mem - 8 === top) size = Math.min(size, Math.max(topSize, touched));
    if (size < 16) expectClears(core, mem - 8, size - 4);
    clearWords(core, now, mem, size - 4);
    return mem;
  };
  return calloc;
};
