/*
 * Runs peers over streams: every measurement in a process of its own, interleaved, so that whatever the machine does
 * meanwhile falls on all of them alike.
 */
import { spawn } from "node:child_process";
import type { PeerProgram } from "./catalogue.ts";

/** A stream in a file. */
export interface StreamFile {
  readonly name: string;
  readonly path: string;
  readonly operations: number;
  readonly peakLiveBytes: number;
  /** Whether a real program made it. */
  readonly real: boolean;
}

/** What one peer did on one stream. */
export interface Measurement {
  readonly peer: string;
  readonly stream: string;
  /** ns per operation: the median pass of each repetition. */
  readonly ns: number[];
  /** ns per operation: the least pass of each repetition. */
  readonly least: number[];
  /** Peak bytes held, when measured. */
  held?: number;
  /** Peak growth of the resident set, native only. */
  resident?: number;
  /** Why there is no more. */
  fault?: string;
}

/** The last line that a driver prints, or a fault. */
const runDriver = (
  program: PeerProgram,
  stream: StreamFile,
  mode: "time" | "memory",
  seconds: number,
): Promise<Record<string, number> | string> =>
  new Promise((resolve) => {
    const env = { ...process.env, ...program.env };
    const child = spawn(program.command, [...program.args, stream.path, mode], { env });
    let output = "";
    let complaint = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, seconds * 1000);
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve(error.message);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (late) resolve(`not done in ${seconds} s`);
      else if (code === 0) resolve(JSON.parse(output) as Record<string, number>);
      else
        resolve(
          complaint.match(/\w*Error: .*/)?.[0] ??
            (complaint.trim().split("\n")[0] || `exit ${signal ?? code}`),
        );
    });
  });

/** What to run. */
export interface MeasurePlan {
  readonly programs: ReadonlyMap<string, PeerProgram>;
  readonly streams: readonly StreamFile[];
  readonly repetitions: number;
  /** Seconds after which a process is given up. */
  readonly timeLimit: number;
  readonly memory: boolean;
}

/** Processes that a plan starts. */
export const stepsOf = ({ programs, streams, repetitions, memory }: MeasurePlan): number =>
  programs.size * streams.length * (repetitions + (memory ? 1 : 0));

/** Runs the plan. `onStep` is called before each process. */
export const measure = async (plan: MeasurePlan, onStep: (what: string) => void): Promise<Measurement[]> => {
  const results = new Map<string, Measurement>();
  for (const stream of plan.streams) {
    for (const peer of plan.programs.keys()) {
      results.set(`${peer} ${stream.name}`, { peer, stream: stream.name, ns: [], least: [] });
    }
  }
  const modes = [...Array(plan.repetitions).fill("time"), ...(plan.memory ? ["memory"] : [])] as (
    | "time"
    | "memory"
  )[];
  for (const stream of plan.streams) {
    for (const mode of modes) {
      for (const [peer, program] of plan.programs) {
        onStep(`${stream.name}: ${peer}`);
        const result = results.get(`${peer} ${stream.name}`)!;
        if (result.fault !== undefined) continue;
        const answer = await runDriver(program, stream, mode, plan.timeLimit);
        if (typeof answer === "string") {
          if (mode === "time") result.fault = answer;
        } else if (mode === "time") {
          result.ns.push(answer["ns"]!);
          result.least.push(answer["least"]!);
        } else {
          // Only glibc moves the break; of other native ones the resident set is known.
          result.held = answer["held"] || answer["resident"]!;
          if (answer["resident"] !== undefined) result.resident = answer["resident"];
        }
      }
    }
  }
  return [...results.values()];
};
