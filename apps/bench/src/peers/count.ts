/*
 * What the processor does for an operation, counted by valgrind instead of timed: the profile behind a time. Counts of two runs
 * differ by a few hundredths, however busy the machine is.
 *
 * Instructions, loads and stores are exact. Mispredicted branches and cache misses are those of valgrind's model of a processor,
 * which has the real one's caches, but a simple branch predictor.
 *
 * A count is the difference of two runs, the longer with MORE passes, over the operations of these: starting, loading and
 * compiling cancel out.
 */
import { spawn } from "node:child_process";
import { cpus } from "node:os";
import type { PeerProgram } from "./catalogue.ts";
import type { StreamFile } from "./measure.ts";

/** Passes of the shorter run: in fewer, V8 has not finished compiling. */
const BASE_PASSES = 4;
/** Passes that the longer run has more. */
const MORE_PASSES = 2;

const TOOL = ["--tool=cachegrind", "--cache-sim=yes", "--branch-sim=yes", "--cachegrind-out-file=/dev/null"];
/** JavaScript engines write code while they run. */
const JAVASCRIPT = ["--smc-check=all-non-file"];

/** What is counted. */
export type Counter = "instructions" | "loads" | "stores" | "branches" | "mispredicted" | "cache misses";

/** In the order of the table's columns, and where valgrind says it. */
const COUNTERS: Readonly<Record<Counter, RegExp>> = {
  instructions: /I +refs: +([\d,]+)/,
  loads: /D +refs:.*\(([\d, ]+)rd/,
  stores: /D +refs:.*\+([\d, ]+)wr/,
  branches: /Branches: +([\d,]+)/,
  mispredicted: /Mispredicts: +([\d,]+)/,
  "cache misses": /D1 +misses: +([\d,]+)/,
};

/** The names of all that is counted. */
export const counters = Object.keys(COUNTERS) as Counter[];

/** Counts for one operation, of a peer on a stream. */
export interface Count {
  readonly peer: string;
  readonly stream: string;
  readonly perOperation?: Readonly<Record<Counter, number>>;
  /** Why there is none. */
  readonly fault?: string;
}

/** The counters in what valgrind prints at the end, or undefined when it printed none. */
export const parseCounters = (text: string): Record<Counter, number> | undefined => {
  const values = counters.map((counter) => COUNTERS[counter].exec(text)?.[1]?.replace(/[ ,]/g, ""));
  if (values.includes(undefined)) return undefined;
  return Object.fromEntries(counters.map((counter, i) => [counter, Number(values[i])])) as Record<
    Counter,
    number
  >;
};

interface Run {
  readonly operations: number;
  readonly counted: Record<Counter, number>;
}

/** Runs a peer under valgrind. Gives what went wrong when it did. */
const runCounted = (
  { command, args, env }: PeerProgram,
  path: string,
  passes: number,
): Promise<Run | string> =>
  new Promise((resolve) => {
    const script = command === process.execPath;
    const tool = script ? [...TOOL, ...JAVASCRIPT] : TOOL;
    // One thread: V8's other ones compile at times that differ from run to run.
    const program = script ? [command, "--single-threaded", ...args] : [command, ...args];
    const child = spawn("valgrind", [...tool, ...program, path, String(passes)], {
      env: { ...process.env, ...env },
    });
    let output = "";
    let report = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      report += chunk.toString();
    });
    child.on("error", () => resolve("valgrind is not installed (Debian: valgrind)"));
    child.on("close", (code) => {
      const counted = parseCounters(report);
      if (code !== 0 || counted === undefined) resolve(`valgrind: exit ${code}`);
      else resolve({ operations: (JSON.parse(output) as Run).operations, counted });
    });
  });

/** Counts what a peer does for one operation of a stream. */
const countOne = async (peer: string, program: PeerProgram, stream: StreamFile): Promise<Count> => {
  const short = await runCounted(program, stream.path, BASE_PASSES);
  if (typeof short === "string") return { peer, stream: stream.name, fault: short };
  const long = await runCounted(program, stream.path, BASE_PASSES + MORE_PASSES);
  if (typeof long === "string") return { peer, stream: stream.name, fault: long };
  const operations = long.operations - short.operations;
  const each = (counter: Counter): number => (long.counted[counter] - short.counted[counter]) / operations;
  const perOperation = Object.fromEntries(counters.map((counter) => [counter, each(counter)]));
  return { peer, stream: stream.name, perOperation: perOperation as Record<Counter, number> };
};

/** Counts for every peer on every stream, as many at once as there are processors. `onStep` is called before each. */
export const count = async (
  programs: ReadonlyMap<string, PeerProgram>,
  streams: readonly StreamFile[],
  onStep: (what: string) => void,
): Promise<Count[]> => {
  const jobs = streams.flatMap((stream) =>
    [...programs].map(([peer, program]) => ({ peer, program, stream })),
  );
  const results: Count[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < jobs.length) {
      const index = next++;
      const { peer, program, stream } = jobs[index]!;
      onStep(`${stream.name}: ${peer}`);
      results[index] = await countOne(peer, program, stream);
    }
  };
  await Promise.all(cpus().map(work));
  return results;
};
