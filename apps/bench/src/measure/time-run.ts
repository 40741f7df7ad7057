import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { buildSpec } from "../specs/build.ts";
import type { Spec } from "../specs/grammar.ts";
import type { Columns } from "./columns.ts";
import { Driver } from "./driver.ts";
import type { TimeResult } from "./results.ts";

/** Operations between two looks at the clock: so many that looking costs nothing, so few that most pass undisturbed. */
const SEGMENT = 1024;
/** Warm-up ends after so many operations or so many milliseconds. */
const WARM_OPS = 400_000;
const WARM_MS = 500;
/** Operations on one heap of the warm-up: code that has met a single heap is compiled anew when it meets the next. */
const WARM_PASS_OPS = 100_000;
/** Passes of the warm-up at most: a new heap has its price, too. */
const WARM_PASSES = 100;
/** The trace is replayed at least so often, unless that takes longer than SLOW_MS. */
const LEAST_PASSES = 3;
const SLOW_MS = 1500;
/** It is replayed more often, up to MOST_PASSES, until so many milliseconds are measured. */
const ENOUGH_MS = 250;
const MOST_PASSES = 20;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/**
 * Times one allocator on one trace: warm-up on heaps that are thrown away, so that the code is compiled; then the trace
 * several times, each time on a new heap and after a garbage collection. The heap's growth and the first touch of its
 * pages are in the time.
 *
 * Each segment of the trace counts with its shortest pass: what the allocator does is the same in every pass, what the
 * machine does meanwhile (interrupts, other programs) is not.
 */
export const timeRun = async (spec: Spec, columns: Columns, progress: Int32Array): Promise<TimeResult> => {
  await warmUp(spec, columns);
  const { length } = columns;
  const shortest = new Float64Array(Math.ceil(length / SEGMENT)).fill(Number.POSITIVE_INFINITY);
  let milliseconds = 0;
  let failed = 0;
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    if (milliseconds > (pass < LEAST_PASSES ? SLOW_MS : ENOUGH_MS)) break;
    const { allocator } = await buildSpec(spec);
    const driver = new Driver(columns, allocator);
    collectGarbage();
    for (let segment = 0, op = 0; op < length; segment++, op += SEGMENT) {
      const end = Math.min(op + SEGMENT, length);
      const start = performance.now();
      driver.run(op, end);
      const taken = performance.now() - start;
      shortest[segment] = Math.min(shortest[segment]!, taken);
      milliseconds += taken;
      if (pass === 0) {
        progress[0] = end;
        progress[1] = milliseconds * 1000;
      }
    }
    failed = driver.failed;
  }
  const sum = shortest.reduce((total, taken) => total + taken, 0);
  return { nsPerOp: (sum * 1e6) / Math.max(length, 1), failed };
};

const warmUp = async (spec: Spec, columns: Columns): Promise<void> => {
  const end = performance.now() + WARM_MS;
  let ops = 0;
  for (let pass = 0; pass < WARM_PASSES && ops < WARM_OPS && performance.now() < end; pass++) {
    const { allocator } = await buildSpec(spec);
    const driver = new Driver(columns, allocator);
    const most = Math.min(columns.length, WARM_PASS_OPS);
    for (let op = 0; op < most && performance.now() < end; op += SEGMENT) {
      driver.run(op, Math.min(op + SEGMENT, most));
      ops += SEGMENT;
    }
  }
};
