import type { Cell } from "../measure/compare.ts";
import { geometricMean, median, spread } from "../measure/median.ts";
import { bytes, digits, orDash, percent } from "./format.ts";
import { newTable } from "./new-table.ts";

const HEAD = [
  "allocator",
  "ns/op",
  "±",
  "Mops/s",
  "peak heap",
  "used",
  "internal",
  "external",
  "avg frag",
  "failed",
  "words",
  "lines",
  "pages",
];

/** The time columns of a cell, or why there are none. */
const timing = (cell: Cell): string[] => {
  if (cell.error !== null) return ["error", "", ""];
  if (cell.cut !== null)
    return [`> ${digits(cell.cut.atLeastNsPerOp)}`, `cut ${percent(cell.cut.done / cell.ops)}`, ""];
  const ns = median(cell.nsPerOp);
  return [digits(ns), `${(spread(cell.nsPerOp) * 100).toFixed(0)}%`, digits(1000 / ns)];
};

/** The table of one trace, and below it what a row could not hold. */
export const traceTable = (cells: readonly Cell[]): string => {
  const table = newTable(HEAD);
  for (const cell of cells) {
    const { memory, cost } = cell;
    table.push([
      cell.allocator,
      ...timing(cell),
      memory === null || memory.peakHeapBytes === 0 ? "-" : bytes(memory.peakHeapBytes),
      percent(memory?.utilisation ?? null),
      percent(memory?.internal ?? null),
      percent(memory?.external ?? null),
      percent(memory?.averageFragmentation ?? null),
      cell.cut === null && cell.error === null ? String(cell.failed) : "-",
      orDash(cost?.words),
      orDash(cost?.lines),
      orDash(cost?.pages),
    ]);
  }
  const errors = cells
    .filter((cell) => cell.error !== null)
    .map((cell) => `  ${cell.allocator}: ${cell.error}`);
  return [table.toString(), ...errors].join("\n");
};

/** One line an allocator over all traces. */
export interface SummaryRow {
  readonly allocator: string;
  /** Geometric mean of the medians; of a trace that was cut, of what it takes at least. */
  readonly nsPerOp: number;
  /** Geometric mean of this allocator's time divided by the fastest one's on the same trace, the null driver aside. */
  readonly slowdown: number;
  /** Mean share of the peak heap that was asked for. */
  readonly utilisation: number;
  /** Mean over the traces of the average fragmentation. */
  readonly averageFragmentation: number;
  readonly failed: number;
  readonly finished: number;
  /** Traces on which an error stopped it: its means then stand for nothing. */
  readonly errors: number;
  readonly traces: number;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const known = (values: readonly (number | null | undefined)[]): number[] =>
  values.filter((value): value is number => value !== null && value !== undefined);
/** What an operation takes, or takes at least. */
const nsOf = (cell: Cell): number => cell.cut?.atLeastNsPerOp ?? median(cell.nsPerOp);
const finished = (cell: Cell): boolean => cell.cut === null && cell.error === null;

/** Sums the cells up by allocator, in the order of their first appearance. */
export const summarise = (cells: readonly Cell[]): SummaryRow[] => {
  const fastest = new Map<string, number>();
  for (const cell of cells) {
    if (!finished(cell) || cell.allocator === "null") continue;
    fastest.set(
      cell.trace,
      Math.min(fastest.get(cell.trace) ?? Number.POSITIVE_INFINITY, median(cell.nsPerOp)),
    );
  }
  return [...new Set(cells.map((cell) => cell.allocator))].map((allocator) => {
    const all = cells.filter((cell) => cell.allocator === allocator);
    const done = all.filter(finished);
    const timed = all.filter((cell) => cell.error === null);
    return {
      allocator,
      nsPerOp: geometricMean(timed.map(nsOf)),
      slowdown: geometricMean(
        timed.flatMap((cell) => (fastest.has(cell.trace) ? nsOf(cell) / fastest.get(cell.trace)! : [])),
      ),
      utilisation: mean(known(done.map((cell) => cell.memory?.utilisation))),
      averageFragmentation: mean(known(done.map((cell) => cell.memory?.averageFragmentation))),
      failed: done.reduce((sum, cell) => sum + cell.failed, 0),
      finished: done.length,
      errors: all.length - timed.length,
      traces: all.length,
    };
  });
};

/** A time of the summary: marked where some trace was cut, none where one failed. */
export const atLeast = (row: SummaryRow, value: number): string => {
  if (row.errors > 0) return "-";
  return row.finished === row.traces ? digits(value) : `> ${digits(value)}`;
};

/** The summary over all traces. */
export const summaryTable = (rows: readonly SummaryRow[]): string => {
  const table = newTable(["allocator", "ns/op", "x fastest", "used", "avg frag", "failed", "traces"]);
  for (const row of rows) {
    table.push([
      row.allocator,
      atLeast(row, row.nsPerOp),
      row.allocator === "null" ? "-" : atLeast(row, row.slowdown),
      Number.isNaN(row.utilisation) ? "-" : percent(row.utilisation),
      Number.isNaN(row.averageFragmentation) ? "-" : percent(row.averageFragmentation),
      String(row.failed),
      row.finished === row.traces ? String(row.traces) : `${row.finished} of ${row.traces}`,
    ]);
  }
  return table.toString();
};
