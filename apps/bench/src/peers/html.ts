/* The charts of a run, in one HTML file. */
import { type Bar, barChart, type Curve, curveChart } from "../report/chart.ts";
import { digits } from "../report/format.ts";
import { escapeHtml, figure, page } from "../report/page.ts";
import type { Figures } from "./report.ts";
import { liveCounts } from "./workloads.ts";

const COLOURS: Readonly<Record<string, string>> = {
  ours: "#c0392b",
  native: "#7f8c8d",
  wasm: "#2e7fb8",
  javascript: "#d9a13b",
};

const contenders = (figures: Figures): { name: string; colour: string }[] =>
  figures.result.peers
    .filter(({ kind }) => kind !== "driver")
    .map(({ name, kind }) => ({ name, colour: COLOURS[kind] ?? "" }));

/** One bar a peer, on a logarithmic scale, since peers differ by a thousand times. */
const timeChart = (figures: Figures, stream: string): string => {
  const bars = contenders(figures).flatMap(({ name, colour }): Bar[] => {
    const value = figures.ns(name, stream);
    return Number.isFinite(value) ? [{ label: name, value, note: `${digits(value)} ns`, colour }] : [];
  });
  return figure(`${stream}: ns per operation (logarithmic)`, barChart(bars, true));
};

/** ns per operation against the number of live blocks. */
const liveChart = (figures: Figures): string => {
  const run = figures.result.streams.filter(({ name }) => liveCounts.has(name));
  if (run.length < 2) return "";
  const curves = contenders(figures).flatMap(({ name, colour }): Curve[] => {
    const points = run
      .map((stream) => ({ x: liveCounts.get(stream.name)!, y: figures.ns(name, stream.name) }))
      .filter(({ y }) => Number.isFinite(y));
    const last = points.at(-1);
    return last === undefined ? [] : [{ label: `${name} ${digits(last.y)}`, colour, points }];
  });
  return figure("ns per operation against live blocks", curveChart(curves, "live blocks", "ns"));
};

/** The report. `tables` are shown as they are on the terminal. */
export const toHtml = (figures: Figures, setting: string, tables: readonly string[]): string =>
  page("Heapwright and its peers", setting, [
    ...tables.map((table) => `<pre>${escapeHtml(table)}</pre>`),
    liveChart(figures),
    ...figures.result.streams
      .filter(({ name }) => !liveCounts.has(name))
      .map(({ name }) => timeChart(figures, name)),
  ]);
