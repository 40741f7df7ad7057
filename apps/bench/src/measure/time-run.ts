import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { buildSpec } from "../specs/build.ts";
import type { Spec } from "../specs/grammar.ts";
import type { Columns } from "./columns.ts";
import { Driver } from "./driver.ts";
import type { TimeResult } from "./results.ts";

/** Between two looks at the clock: so many that looking costs nothing. */
const SEGMENT = 1024;
/** Warm-up ends after so many operations or so many milliseconds. */
const WARM_OPS = 200_000;
const WARM_MS = 250;
/** A trace shorter than this many milliseconds is replayed again, each time on a new heap, up to so many times. */
const ENOUGH_MS = 30;
const MAX_PASSES = 20;
/** Passes of the warm-up at most: a new heap has its price, too. */
const WARM_PASSES = 100;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/**
 * Times one allocator on one trace: warm-up on heaps that are thrown away, so that the code is compiled; then,
 * after a garbage collection, the trace on a new heap. The heap's growth and the first touch of its pages are in the time.
 */
export const timeRun = async (spec: Spec, columns: Columns, progress: Int32Array): Promise<TimeResult> => {
  await warmUp(spec, columns);
  let nanoseconds = 0;
  let failed = 0;
  let passes = 0;
  while (passes === 0 || (nanoseconds < ENOUGH_MS * 1e6 && passes < MAX_PASSES)) {
    const { allocator } = await buildSpec(spec);
    const driver = new Driver(columns, allocator);
    collectGarbage();
    const start = process.hrtime.bigint();
    for (let op = 0; op < columns.length; op += SEGMENT) {
      driver.run(op, Math.min(op + SEGMENT, columns.length));
      progress[0] = Math.min(op + SEGMENT, columns.length);
      progress[1] = Number(process.hrtime.bigint() - start) / 1000;
    }
    nanoseconds += Number(process.hrtime.bigint() - start);
    failed = driver.failed;
    passes++;
  }
  return { nsPerOp: nanoseconds / passes / Math.max(columns.length, 1), failed };
};

const warmUp = async (spec: Spec, columns: Columns): Promise<void> => {
  const end = performance.now() + WARM_MS;
  let ops = 0;
  for (let pass = 0; pass < WARM_PASSES && ops < WARM_OPS && performance.now() < end; pass++) {
    const { allocator } = await buildSpec(spec);
    const driver = new Driver(columns, allocator);
    for (let op = 0; op < columns.length && ops < WARM_OPS && performance.now() < end; op += SEGMENT) {
      driver.run(op, Math.min(op + SEGMENT, columns.length));
      ops += SEGMENT;
    }
  }
};
