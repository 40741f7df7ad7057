/*
 * The order of work of the drivers in JavaScript, the same as native/driver.c has:
 *
 *   1. a pass over the whole stream, which warms caches and compilers and grows the heap; all blocks are then freed;
 *   2. five more such passes, timed from operation `timedFrom` on.
 */
import type { OpStream } from "./op-stream.ts";

// The same numbers are in driver.c.
const TIMED_PASSES = 5;
/** Operations of a chunk. */
const CHUNK = 8192;
/**
 * Operations of a call while the compilers learn. In calls as long as a chunk V8 makes code for the middle of the loop before it
 * has seen the call itself often enough, and then stays with that code, half as fast, in every second process.
 */
const WARM_CHUNK = 128;
/** Operations of a pass at least: as many as W1's, for with fewer the warm pass ends before the compilers do. */
const LEAST_OPERATIONS = 2_000_000;

/**
 * Nanoseconds for each operation: the median of the timed passes; and the sum of the least times of each chunk of operations, from
 * whichever pass, which a busy machine disturbs little.
 */
export interface Timing {
  readonly ns: number;
  readonly least: number;
}

/** Short streams are repeated within a pass, so that compilers have finished and the clock is fine enough. */
const repeatsOf = ({ ops, timedFrom }: OpStream): number =>
  timedFrom > 0 ? 1 : Math.ceil(LEAST_OPERATIONS / (ops.length / 2));

/** Makes passes that nobody times. Returns their operations. */
export const repeat = (
  stream: OpStream,
  pass: (from: number, to: number) => void,
  clear: () => void,
  passes: number,
): number => {
  const { length } = stream.ops;
  const count = passes * repeatsOf(stream);
  for (let i = 0; i < count; i++) {
    for (let at = 0; at < length; at += WARM_CHUNK * 2) pass(at, Math.min(at + WARM_CHUNK * 2, length));
    clear();
  }
  return (count * length) / 2;
};

/** Times passes; `clear`, which frees what they left, is not timed. */
export const time = (
  stream: OpStream,
  pass: (from: number, to: number) => void,
  clear: () => void,
): Timing => {
  const { ops, timedFrom } = stream;
  const operations = ops.length / 2 - timedFrom;
  const repeats = repeatsOf(stream);
  const least = new Float64Array(Math.ceil(operations / CHUNK)).fill(Number.POSITIVE_INFINITY);
  const timings: number[] = [];
  repeat(stream, pass, clear, 1);
  for (let timed = 0; timed < TIMED_PASSES; timed++) {
    let total = 0;
    for (let i = 0; i < repeats; i++) {
      pass(0, timedFrom * 2);
      for (let chunk = 0; chunk < least.length; chunk++) {
        const from = (timedFrom + chunk * CHUNK) * 2;
        const begin = process.hrtime.bigint();
        pass(from, Math.min(from + CHUNK * 2, ops.length));
        const taken = Number(process.hrtime.bigint() - begin);
        total += taken;
        least[chunk] = Math.min(least[chunk]!, taken);
      }
      clear();
    }
    timings.push(total / (operations * repeats));
  }
  timings.sort((a, b) => a - b);
  return {
    ns: timings[TIMED_PASSES >> 1]!,
    least: least.reduce((sum, taken) => sum + taken, 0) / operations,
  };
};
