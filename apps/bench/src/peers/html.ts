/* The charts of a run, in one HTML file without script or anything from elsewhere. */
import { digits } from "../report/format.ts";
import type { Figures } from "./report.ts";
import { liveCounts } from "./workloads.ts";

const COLOURS: Readonly<Record<string, string>> = {
  ours: "#c0392b",
  native: "#7f8c8d",
  wasm: "#2e7fb8",
  javascript: "#d9a13b",
};

const escapeHtml = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** One bar a peer, on a logarithmic scale from 1 ns, since peers differ by a thousand times. */
const barChart = (figures: Figures, stream: string): string => {
  const rows = figures.result.peers
    .filter(({ kind, name }) => kind !== "driver" && Number.isFinite(figures.ns(name, stream)))
    .map((peer) => ({ peer, ns: figures.ns(peer.name, stream) }));
  const most = Math.max(...rows.map(({ ns }) => ns), 10);
  const bars = rows.map(({ peer, ns }, row) => {
    const width = Math.max(1, (Math.log(Math.max(1, ns)) / Math.log(most)) * 380);
    const y = row * 20;
    return `<text x="132" y="${y + 14}" text-anchor="end">${escapeHtml(peer.name)}</text>
<rect x="140" y="${y + 3}" width="${width.toFixed(1)}" height="14" fill="${COLOURS[peer.kind]}"/>
<text x="${(146 + width).toFixed(1)}" y="${y + 14}">${digits(ns)} ns</text>`;
  });
  return `<figure><figcaption>${escapeHtml(stream)}: ns per operation (logarithmic)</figcaption>
<svg viewBox="0 0 620 ${rows.length * 20}" width="620" role="img">${bars.join("\n")}</svg></figure>`;
};

/** ns per operation against the number of live blocks, both logarithmic. */
const liveChart = (figures: Figures): string => {
  const streams = [...liveCounts].filter(([name]) =>
    figures.result.streams.some((stream) => stream.name === name),
  );
  if (streams.length < 2) return "";
  const lines = figures.result.peers
    .filter(({ kind }) => kind !== "driver")
    .map((peer) => ({
      peer,
      points: streams
        .map(([name, count]) => ({ count, ns: figures.ns(peer.name, name) }))
        .filter(({ ns }) => Number.isFinite(ns)),
    }))
    .filter(({ points }) => points.length > 1);
  const most = Math.max(...lines.flatMap(({ points }) => points.map(({ ns }) => ns)));
  const x = (count: number): number => 60 + ((Math.log10(count) - 3) / 3) * 420;
  const y = (ns: number): number => 300 - (Math.log(Math.max(1, ns)) / Math.log(most)) * 280;
  const drawn = lines.map(({ peer, points }) => {
    const path = points.map(({ count, ns }) => `${x(count).toFixed(1)},${y(ns).toFixed(1)}`).join(" ");
    const last = points.at(-1)!;
    return `<polyline points="${path}" fill="none" stroke="${COLOURS[peer.kind]}" stroke-width="2"/>
<text x="${x(last.count) + 6}" y="${y(last.ns) + 4}">${escapeHtml(peer.name)} ${digits(last.ns)}</text>`;
  });
  const ticks = streams.map(
    ([, count]) => `<text x="${x(count)}" y="318" text-anchor="middle">${count.toLocaleString("en")}</text>`,
  );
  const scale = [1, 10, 100, 1000, 10_000]
    .filter((ns) => ns <= most)
    .map(
      (ns) =>
        `<text x="50" y="${y(ns) + 4}" text-anchor="end">${ns}</text><line x1="60" x2="480" y1="${y(ns)}" y2="${y(ns)}" stroke="#8884"/>`,
    );
  return `<figure><figcaption>ns per operation against live blocks</figcaption>
<svg viewBox="0 0 640 325" width="640" role="img">${[...scale, ...ticks, ...drawn].join("\n")}</svg></figure>`;
};

/** The report. `tables` are shown as they are on the terminal. */
export const toHtml = (figures: Figures, setting: string, tables: readonly string[]): string => {
  const charts = figures.result.streams
    .filter(({ name }) => !liveCounts.has(name))
    .map(({ name }) => barChart(figures, name));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Heapwright and its peers</title><style>
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em}svg{font-size:12px;max-width:100%}
figcaption{font-weight:600}pre{overflow-x:auto;font-size:12px;line-height:1.3}
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}svg text{fill:#ddd}}
</style></head><body><h1>Heapwright and its peers</h1><p>${escapeHtml(setting)}</p>
${tables.map((table) => `<pre>${escapeHtml(table)}</pre>`).join("\n")}
${liveChart(figures)}
${charts.join("\n")}
</body></html>
`;
};
