/*
 * Random traces that use up the 3 GiB of an i386 process: the break runs into mappings, mmap finds no gap, thread heaps find no
 * aligned room, and malloc returns null; then some is given back and the search goes on among what is left.
 *
 * Blocks are large, so that few ops do it, and nobody touches their pages.
 */
import { Random } from "./random.ts";
import type { Step } from "./script.ts";

const MIB = 2 ** 20;
/** Requested bytes live at once; more than there is room for. */
const ROOM = 3400 * MIB;

/** The exhausting trace of a seed. */
export const exhaustingSteps = (seed: number): Step[] => {
  const random = new Random(seed);
  const steps: Step[] = [];
  const live: { block: number; size: number }[] = [];
  const threads = random.chance(50) ? 1 : random.between(2, 6);
  const most = random.pick([2 * MIB, 20 * MIB, 200 * MIB, 900 * MIB]);
  let thread = 0;
  let bytes = 0;
  let blocks = 0;
  const sizeOf = (): number => {
    const kind = random.below(10);
    if (kind < 2) return random.between(0, 2000);
    // Below the greatest mmap threshold, once that has slid up: these use up the break.
    return kind < 6 ? random.between(100_000, 510_000) : random.scaled(200_000, most);
  };
  const allocate = (size: number): void => {
    const block = blocks++;
    live.push({ block, size });
    bytes += size;
    const aligned = random.chance(5);
    const extra = aligned ? 2 ** random.between(4, 21) : 0;
    steps.push({ kind: aligned ? "m" : "a", thread, block, size, extra });
  };
  const free = (at: number): void => {
    const [entry] = live.splice(at, 1);
    bytes -= entry!.size;
    steps.push({ kind: "f", thread, block: entry!.block, size: 0, extra: 0 });
  };

  // Slides the thresholds to their limit, so that half a megabyte comes from the break.
  if (random.chance(70)) {
    allocate(524_000);
    free(0);
  }
  const rounds = random.between(1, 3);
  for (let round = 0; round < rounds; round++) {
    for (let step = 0; bytes < ROOM && step < 4000; step++) {
      if (threads > 1 && random.chance(5)) thread = random.below(threads);
      if (live.length > 0 && random.chance(10)) free(random.below(live.length));
      else allocate(sizeOf());
    }
    for (let step = 0; step < 60; step++) {
      if (live.length > 0 && random.chance(30)) free(random.below(live.length));
      else allocate(random.chance(70) ? random.between(0, 3000) : sizeOf());
    }
    const keep = random.below(live.length + 1);
    while (live.length > keep) free(random.chance(50) ? live.length - 1 : random.below(live.length));
  }
  return steps;
};
