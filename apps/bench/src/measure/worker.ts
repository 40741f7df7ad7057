// One run: an allocator, a trace, a task. A worker does one and ends.
import { parentPort, workerData } from "node:worker_threads";
import { buildSpec, describeError } from "../specs/build.ts";
import type { Spec } from "../specs/grammar.ts";
import { UserError } from "../user-error.ts";
import type { Columns } from "./columns.ts";
import type { Outcome, Tasks } from "./results.ts";

/** What a worker is given. */
export interface Order {
  readonly spec: Spec;
  readonly task: keyof Tasks;
  readonly columns: Columns;
  /** Two words, shared: operations done so far, and microseconds of the timed pass they took. */
  readonly progress: Int32Array;
}

const work = async ({ spec, task, columns, progress }: Order): Promise<Tasks[keyof Tasks]> => {
  switch (task) {
    case "probe":
      await buildSpec(spec);
      return null;
    case "time":
      return (await import("./time-run.ts")).timeRun(spec, columns, progress);
    case "memory":
      return (await import("./memory-run.ts")).memoryRun(spec, columns, progress);
    case "cost":
      return (await import("./cost-run.ts")).costRun(spec, columns, progress);
  }
};

let outcome: Outcome<Tasks[keyof Tasks]>;
try {
  outcome = { kind: "done", result: await work(workerData as Order) };
} catch (error) {
  const user = error instanceof UserError;
  outcome = { kind: "error", message: user ? error.message : describeError(error), user };
}
parentPort!.postMessage(outcome);
