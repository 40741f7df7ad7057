import { Worker } from "node:worker_threads";
import type { Spec } from "../specs/grammar.ts";
import type { Columns } from "./columns.ts";
import type { Outcome, Tasks } from "./results.ts";
import type { Order } from "./worker.ts";

const WORKER = new URL("./worker.js", import.meta.url);

/** Runs one task in a fresh worker, which is ended when it takes longer than `limitMs` milliseconds. */
export const runWorker = <Task extends keyof Tasks>(
  task: Task,
  spec: Spec,
  columns: Columns,
  limitMs: number,
): Promise<Outcome<Tasks[Task]>> =>
  new Promise((resolve) => {
    const progress = new Int32Array(new SharedArrayBuffer(8));
    const order: Order = { spec, task, columns, progress };
    const worker = new Worker(WORKER, { workerData: order });
    const settle = (outcome: Outcome<Tasks[Task]>): void => {
      clearTimeout(timer);
      // Its memory must be gone before the next one is timed.
      void worker.terminate().then(() => resolve(outcome));
    };
    const timer = setTimeout(
      () => settle({ kind: "cut", done: progress[0]!, nanoseconds: progress[1]! * 1000 }),
      limitMs,
    );
    worker.once("message", settle);
    worker.once("error", (error) => settle({ kind: "error", message: String(error), user: false }));
  });
