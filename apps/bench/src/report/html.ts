import type { Cell } from "../measure/compare.ts";
import { median } from "../measure/median.ts";
import type { Setting } from "./files.ts";
import { digits } from "./format.ts";
import { atLeast, summarise } from "./table.ts";

const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** A horizontal bar chart as SVG: one bar a row, the longest filling the width. */
const bars = (
  title: string,
  rows: readonly (readonly [label: string, value: number, text: string])[],
): string => {
  const [left, width, step] = [260, 420, 22];
  const largest = Math.max(...rows.map(([, value]) => value), Number.MIN_VALUE);
  const lines = rows.map(([label, value, text], index) => {
    const y = index * step;
    const length = Math.max(1, (value / largest) * width);
    return `<text x="${left - 8}" y="${y + 15}" text-anchor="end">${escapeHtml(label)}</text>
<rect x="${left}" y="${y + 3}" width="${length.toFixed(1)}" height="${step - 6}"/>
<text x="${left + length + 6}" y="${y + 15}">${escapeHtml(text)}</text>`;
  });
  return `<figure><figcaption>${escapeHtml(title)}</figcaption>
<svg viewBox="0 0 800 ${rows.length * step}" width="800" role="img" aria-label="${escapeHtml(title)}">${lines.join("\n")}</svg></figure>`;
};

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<table><thead><tr>${head.map((cell) => `<th>${escapeHtml(cell)}</th>`).join("")}</tr></thead>
<tbody>${rows.map((row) => `<tr>${row.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`).join("\n")}</tbody></table>`;

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2em auto;padding:0 1em;color:#222;background:#fff}
table{border-collapse:collapse;margin:1em 0;font-variant-numeric:tabular-nums}th,td{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:right}
th:first-child,td:first-child{text-align:left}figure{margin:1.5em 0}figcaption{font-weight:600;margin-bottom:.4em}
svg{max-width:100%;height:auto;font-size:13px}rect{fill:#3b6ea5}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}th,td{border-color:#444}svg text{fill:#ddd}rect{fill:#6fa3db}}`;

/** A report in one file: no script, no style sheet, no image from elsewhere. */
export const toHtml = (cells: readonly Cell[], setting: Setting): string => {
  const summary = summarise(cells);
  const traces = [...new Set(cells.map((cell) => cell.trace))];
  const sections = traces.map((trace) => {
    const own = cells.filter((cell) => cell.trace === trace);
    const timed = own.filter((cell) => cell.cut === null && cell.error === null);
    const rows = timed.map((cell): [string, number, string] => {
      const ns = median(cell.nsPerOp);
      return [cell.allocator, ns, `${digits(ns)} ns`];
    });
    const held = timed.flatMap((cell): [string, number, string][] =>
      cell.memory === null || cell.memory.utilisation === null
        ? []
        : [[cell.allocator, cell.memory.utilisation, `${(cell.memory.utilisation * 100).toFixed(1)}%`]],
    );
    const missing = own.filter((cell) => !timed.includes(cell));
    const notes = missing.map((cell) =>
      cell.cut !== null
        ? `${cell.allocator}: cut after ${cell.cut.done} of ${cell.ops} operations (${setting.timeLimitSeconds} s)`
        : `${cell.allocator}: ${cell.error}`,
    );
    return `<h2>${escapeHtml(trace)}</h2>
${bars("Nanoseconds per operation (median; less is better)", rows)}
${bars("Requested bytes / heap bytes at the peak (more is better)", held)}
${notes.map((note) => `<p>${escapeHtml(note)}</p>`).join("")}`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>heapwright compare</title><style>${STYLE}</style></head><body>
<h1>heapwright compare</h1>
<p>${escapeHtml(`Node ${setting.node}, ${setting.platform}, ${setting.cpu}; ${setting.runs} runs.`)}</p>
<h2>Summary</h2>
${table(
  ["allocator", "ns/op", "x fastest", "used at peak", "average fragmentation", "failed", "traces"],
  summary.map((row) => [
    row.allocator,
    atLeast(row, row.nsPerOp),
    atLeast(row, row.slowdown),
    Number.isNaN(row.utilisation) ? "-" : `${(row.utilisation * 100).toFixed(1)}%`,
    Number.isNaN(row.averageFragmentation) ? "-" : `${(row.averageFragmentation * 100).toFixed(1)}%`,
    String(row.failed),
    `${row.finished} of ${row.traces}`,
  ]),
)}
${sections.join("\n")}
</body></html>
`;
};
