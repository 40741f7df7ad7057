/*
 * The figures of a run: medians over repetitions, ratios to native glibc and to the best WebAssembly peer in the same run,
 * geometric means, memory.
 */
import { geometricMean, median } from "../measure/median.ts";
import { digits } from "../report/format.ts";
import { newTable } from "../report/new-table.ts";
import type { Peer } from "./catalogue.ts";
import type { Measurement, StreamFile } from "./measure.ts";

/** The run, with what is needed to read it. */
export interface PeersResult {
  readonly streams: readonly StreamFile[];
  readonly peers: readonly Peer[];
  readonly measurements: readonly Measurement[];
  /** Whether times are the least of each chunk over all passes and processes, instead of medians. */
  readonly least?: boolean;
}

const BASE = "glibc";

/** Looks figures up. */
export class Figures {
  readonly result: PeersResult;
  readonly #cells: Map<string, Measurement>;

  constructor(result: PeersResult) {
    this.result = result;
    this.#cells = new Map(result.measurements.map((cell) => [`${cell.peer} ${cell.stream}`, cell]));
  }

  cell(peer: string, stream: string): Measurement | undefined {
    return this.#cells.get(`${peer} ${stream}`);
  }

  /** ns per operation, the median or the least; NaN where there is none. */
  ns(peer: string, stream: string): number {
    const cell = this.cell(peer, stream);
    if (cell === undefined || cell.ns.length === 0) return Number.NaN;
    return this.result.least ? Math.min(...cell.least) : median(cell.ns);
  }

  /** ns per operation of the quickest peer of WebAssembly. */
  bestWasm(stream: string): number {
    const all = this.result.peers
      .filter((peer) => peer.kind === "wasm")
      .map((peer) => this.ns(peer.name, stream));
    return Math.min(...all.filter((ns) => !Number.isNaN(ns)));
  }

  toGlibc(peer: string, stream: string): number {
    return this.ns(peer, stream) / this.ns(BASE, stream);
  }

  toWasm(peer: string, stream: string): number {
    return this.ns(peer, stream) / this.bestWasm(stream);
  }

  /** Peak bytes held over peak payload. */
  overPayload(peer: string, stream: StreamFile): number {
    const cell = this.cell(peer, stream.name);
    return (cell?.held ?? Number.NaN) / stream.peakLiveBytes;
  }

  /** Peak bytes held over what native glibc holds. */
  heldToGlibc(peer: string, stream: string): number {
    return (this.cell(peer, stream)?.held ?? Number.NaN) / (this.cell(BASE, stream)?.held ?? Number.NaN);
  }

  /** The geometric mean over the real traces, or NaN when one of them is missing. */
  overTraces(figure: (stream: StreamFile) => number): number {
    const values = this.result.streams.filter((stream) => stream.real).map(figure);
    return values.some((value) => !Number.isFinite(value)) ? Number.NaN : geometricMean(values);
  }
}

const timeCell = (figures: Figures, peer: string, stream: string): string => {
  const cell = figures.cell(peer, stream);
  if (cell === undefined || cell.ns.length === 0) return cell?.fault === undefined ? "-" : "failed";
  const ratio = figures.toGlibc(peer, stream);
  return Number.isFinite(ratio)
    ? `${digits(figures.ns(peer, stream))} (${ratio.toFixed(2)})`
    : digits(figures.ns(peer, stream));
};

const ratioCell = (ratio: number): string => (Number.isFinite(ratio) ? ratio.toFixed(2) : "-");

/** Nanoseconds per operation and, in brackets, the ratio to native glibc. */
export const timeTable = (figures: Figures): string => {
  const { streams, peers } = figures.result;
  const table = newTable(["ns/op (x glibc)", ...peers.map((peer) => peer.name), "best wasm / spans"]);
  for (const { name } of streams) {
    const lead = 1 / figures.toWasm("spans", name);
    table.push([name, ...peers.map((peer) => timeCell(figures, peer.name, name)), ratioCell(lead)]);
  }
  const mean = (peer: Peer): string =>
    ratioCell(figures.overTraces(({ name }) => figures.toGlibc(peer.name, name)));
  const leads = figures.overTraces(({ name }) => 1 / figures.toWasm("spans", name));
  table.push(["geometric mean, real traces", ...peers.map(mean), ratioCell(leads)]);
  return table.toString();
};

/** Peak bytes held over peak payload and, in brackets, the ratio to native glibc. */
export const memoryTable = (figures: Figures): string => {
  const { streams } = figures.result;
  const peers = figures.result.peers.filter((peer) => peer.kind !== "driver");
  const table = newTable(["held / payload (x glibc)", ...peers.map((peer) => peer.name)]);
  for (const stream of streams) {
    const cells = peers.map(
      ({ name }) =>
        `${ratioCell(figures.overPayload(name, stream))} (${ratioCell(figures.heldToGlibc(name, stream.name))})`,
    );
    table.push([stream.name, ...cells]);
  }
  const mean = (peer: Peer): string =>
    `${ratioCell(figures.overTraces((stream) => figures.overPayload(peer.name, stream)))} (${ratioCell(
      figures.overTraces(({ name }) => figures.heldToGlibc(peer.name, name)),
    )})`;
  table.push(["geometric mean, real traces", ...peers.map(mean)]);
  return table.toString();
};

/** Whatever kept a peer from finishing a stream, a line each. */
export const faultLines = ({ measurements }: PeersResult): string[] =>
  measurements
    .filter((cell) => cell.fault !== undefined)
    .map((cell) => `${cell.peer} on ${cell.stream}: ${cell.fault}`);
