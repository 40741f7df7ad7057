import type { Cell } from "../measure/compare.ts";
import { median } from "../measure/median.ts";
import { type Bar, barChart } from "./chart.ts";
import type { Setting } from "./files.ts";
import { digits, percent } from "./format.ts";
import { escapeHtml, figure, page } from "./page.ts";
import { atLeast, summarise } from "./table.ts";

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<table><thead><tr>${head.map((cell) => `<th>${escapeHtml(cell)}</th>`).join("")}</tr></thead>
<tbody>${rows.map((row) => `<tr>${row.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`).join("\n")}</tbody></table>`;

/** A report in one file: no script, no style sheet, no image from elsewhere. */
export const toHtml = (cells: readonly Cell[], setting: Setting): string => {
  const summary = summarise(cells);
  const traces = [...new Set(cells.map((cell) => cell.trace))];
  const sections = traces.map((trace) => {
    const own = cells.filter((cell) => cell.trace === trace);
    const timed = own.filter((cell) => cell.cut === null && cell.error === null);
    const times = timed.map((cell): Bar => {
      const ns = median(cell.nsPerOp);
      return { label: cell.allocator, value: ns, note: `${digits(ns)} ns` };
    });
    const used = timed.flatMap((cell): Bar[] => {
      const share = cell.memory?.utilisation ?? null;
      return share === null ? [] : [{ label: cell.allocator, value: share, note: percent(share) }];
    });
    const missing = own.filter((cell) => !timed.includes(cell));
    const notes = missing.map((cell) =>
      cell.cut !== null
        ? `${cell.allocator}: cut after ${cell.cut.done} of ${cell.ops} operations (${setting.timeLimitSeconds} s)`
        : `${cell.allocator}: ${cell.error}`,
    );
    return `<h2>${escapeHtml(trace)}</h2>
${figure("Nanoseconds per operation (median; less is better)", barChart(times))}
${figure("Requested bytes / heap bytes at the peak (more is better)", barChart(used))}
${notes.map((note) => `<p>${escapeHtml(note)}</p>`).join("")}`;
  });
  const summaryTable = table(
    ["allocator", "ns/op", "x fastest", "used at peak", "average fragmentation", "failed", "traces"],
    summary.map((row) => [
      row.allocator,
      atLeast(row, row.nsPerOp),
      atLeast(row, row.slowdown),
      percent(row.utilisation),
      percent(row.averageFragmentation),
      String(row.failed),
      `${row.finished} of ${row.traces}`,
    ]),
  );
  return page(
    "heapwright compare",
    `Node ${setting.node}, ${setting.platform}, ${setting.cpu}; ${setting.runs} run${setting.runs === 1 ? "" : "s"}.`,
    ["<h2>Summary</h2>", summaryTable, ...sections],
  );
};
