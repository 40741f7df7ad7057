/*
 * The order of the runs. Everything about one trace is done before the next. Of the timed runs, run 1 of every
 * allocator comes before run 2 of any (round robin), so that a machine that grows slower or faster meanwhile does so
 * for all alike. What is counted and not timed comes afterwards, on all processors.
 */
import { availableParallelism } from "node:os";
import { formatSpec, type Spec } from "../specs/grammar.ts";
import type { NamedTrace } from "../traces/load.ts";
import { type Columns, toColumns } from "./columns.ts";
import type { CostResult, MemoryResult, Outcome, TimeResult } from "./results.ts";
import { runWorker } from "./run-worker.ts";

/** What is counted and not timed may take so many times longer than a timed run. */
const PATIENCE = 6;

/** How much to measure. */
export interface Plan {
  readonly specs: readonly Spec[];
  readonly traces: readonly NamedTrace[];
  /** Timed runs of each allocator on each trace. */
  readonly runs: number;
  /** Milliseconds after which a run is cut. */
  readonly limitMs: number;
  /** Whether to count words, lines and pages too. */
  readonly cost: boolean;
}

/** All that was found about one allocator on one trace. */
export interface Cell {
  readonly allocator: string;
  readonly trace: string;
  readonly ops: number;
  /** Nanoseconds per operation, run by run. */
  readonly nsPerOp: number[];
  failed: number;
  memory: MemoryResult | null;
  cost: CostResult | null;
  /** Set when the time limit cut a run: operations done till then, and what the whole trace takes per operation at least. */
  cut: { readonly done: number; readonly atLeastNsPerOp: number } | null;
  /** What stopped the allocator, when something did. */
  error: string | null;
}

/** The number of steps that `compare` reports. */
export const stepsOf = ({ specs, traces, runs, cost }: Plan): number =>
  specs.length * traces.length * (runs + 1 + (cost ? 1 : 0));

/** Measures every allocator on every trace. Calls `step` after (or instead of) each run. */
export const compare = async (plan: Plan, step: (label: string) => void): Promise<Cell[]> => {
  const cells: Cell[] = [];
  for (const { name, trace } of plan.traces) {
    const columns = toColumns(trace);
    const row = plan.specs.map((spec): [Spec, Cell] => [
      spec,
      emptyCell(formatSpec(spec), name, trace.length),
    ]);
    for (let run = 0; run < plan.runs; run++) {
      for (const [spec, cell] of row) {
        await once("time", spec, cell, columns, plan.limitMs, ({ nsPerOp, failed }: TimeResult) => {
          cell.nsPerOp.push(nsPerOp);
          cell.failed = failed;
        });
        step(`${name} ${cell.allocator}`);
      }
    }
    const untimed = row.flatMap(([spec, cell]) => {
      const label = `${name} ${cell.allocator}`;
      const memory = async (): Promise<void> => {
        await once("memory", spec, cell, columns, plan.limitMs * PATIENCE, (result: MemoryResult) => {
          cell.memory = result;
        });
        step(label);
      };
      const cost = async (): Promise<void> => {
        await once("cost", spec, cell, columns, plan.limitMs * PATIENCE, (result: CostResult | null) => {
          cell.cost = result;
        });
        step(label);
      };
      return plan.cost ? [memory, cost] : [memory];
    });
    await sideBySide(untimed);
    cells.push(...row.map(([, cell]) => cell));
  }
  return cells;
};

/** Runs that take no time may share the processors. */
const sideBySide = async (runs: (() => Promise<void>)[]): Promise<void> => {
  const lane = async (): Promise<void> => {
    for (let run = runs.shift(); run !== undefined; run = runs.shift()) await run();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
};

const emptyCell = (allocator: string, trace: string, ops: number): Cell => ({
  allocator,
  trace,
  ops,
  nsPerOp: [],
  failed: 0,
  memory: null,
  cost: null,
  cut: null,
  error: null,
});

/** One run, unless an earlier one of this cell was cut or failed. */
const once = async <Task extends "time" | "memory" | "cost", Result>(
  task: Task,
  spec: Spec,
  cell: Cell,
  columns: Columns,
  limitMs: number,
  keep: (result: Result) => void,
): Promise<void> => {
  if (cell.cut !== null || cell.error !== null) return;
  const outcome = (await runWorker(task, spec, columns, limitMs)) as Outcome<Result>;
  if (outcome.kind === "done") keep(outcome.result);
  else if (outcome.kind === "error") cell.error = outcome.message;
  // Looking takes longer than running: what is only too slow to be looked at keeps its times.
  else if (task === "time") cell.cut = { done: outcome.done, atLeastNsPerOp: outcome.nanoseconds / cell.ops };
};
