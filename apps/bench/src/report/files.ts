import { cpus } from "node:os";
import type { Cell } from "../measure/compare.ts";
import { median, spread } from "../measure/median.ts";
import { summarise } from "./table.ts";

/** Where and with what the figures were taken. */
export interface Setting {
  readonly node: string;
  readonly v8: string;
  readonly platform: string;
  readonly cpu: string;
  readonly runs: number;
  readonly timeLimitSeconds: number;
}

export const describeSetting = (runs: number, timeLimitSeconds: number): Setting => ({
  node: process.version,
  v8: process.versions.v8,
  platform: `${process.platform} ${process.arch}`,
  cpu: `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}`,
  runs,
  timeLimitSeconds,
});

/** All results as JSON. */
export const toJson = (cells: readonly Cell[], setting: Setting): string =>
  `${JSON.stringify({ format: "heapwright-compare 1", setting, summary: summarise(cells), cells }, null, 2)}\n`;

const COLUMNS = [
  "trace",
  "allocator",
  "ops",
  "ns_per_op_median",
  "ns_per_op_spread",
  "ns_per_op_runs",
  "peak_heap_bytes",
  "utilisation_at_peak",
  "internal_fragmentation",
  "external_fragmentation",
  "average_fragmentation",
  "failed",
  "words_per_op",
  "lines_per_op",
  "pages_per_op",
  "cut_at_op",
  "ns_per_op_at_least",
  "error",
] as const;

const field = (value: string | number | null | undefined): string => {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** All results as CSV (RFC 4180), one line a cell. */
export const toCsv = (cells: readonly Cell[]): string => {
  const lines = cells.map(({ memory, cost, ...cell }) =>
    [
      cell.trace,
      cell.allocator,
      cell.ops,
      median(cell.nsPerOp),
      cell.nsPerOp.length > 0 ? spread(cell.nsPerOp) : null,
      cell.nsPerOp.join(" "),
      memory?.peakHeapBytes,
      memory?.utilisation,
      memory?.internal,
      memory?.external,
      memory?.averageFragmentation,
      cell.failed,
      cost?.words,
      cost?.lines,
      cost?.pages,
      cell.cut?.done,
      cell.cut?.atLeastNsPerOp,
      cell.error,
    ].map(field),
  );
  return [COLUMNS, ...lines].map((line) => `${line.join(",")}\r\n`).join("");
};
