import { cpus } from "node:os";
import { SingleBar } from "cli-progress";
import type { Command } from "commander";
import { expectWritable, saveAll } from "../files.ts";
import { peers } from "../peers/catalogue.ts";
import { type MeasurePlan, measure, stepsOf } from "../peers/measure.ts";
import { Figures, faultLines, memoryTable, type PeersResult, timeTable } from "../peers/report.ts";
import { streamFile, streamNames } from "../peers/streams.ts";
import { liveCounts } from "../peers/workloads.ts";
import { positive } from "./arguments.ts";
import { ALLOCATORS_OPTION, programsOf } from "./chosen-peers.ts";

interface PeersOptions {
  readonly allocators?: string;
  readonly repetitions: number;
  readonly timeLimit: number;
  readonly memory: boolean;
  readonly live?: boolean;
  readonly least?: boolean;
  readonly json?: string;
  readonly html?: string;
  readonly list?: boolean;
}

export const register = (program: Command): void => {
  program
    .command("peers")
    .description(
      "time Heapwright's allocators against native, WebAssembly and JavaScript ones, in one interleaved run",
    )
    .argument(
      "[streams...]",
      "workloads, bundled traces or trace files (default: W1 to W4 and all bundled traces)",
    )
    .option(...ALLOCATORS_OPTION)
    .option(
      "-r, --repetitions <n>",
      "processes for each allocator on each stream",
      positive("--repetitions"),
      5,
    )
    .option("-t, --time-limit <seconds>", "give up a process that takes longer", positive("--time-limit"), 20)
    .option("--no-memory", "do not measure memory")
    .option("--live", "add the workloads with 1 k, 10 k, 100 k and 1 M live blocks")
    .option("--least", "show the least times of chunks of operations instead of medians: for a busy machine")
    .option("--json <file>", "write all results as JSON")
    .option("--html <file>", "write tables and charts in one file")
    .option("--list", "show allocators and streams, and end")
    .action(async (names: string[], options: PeersOptions) => {
      if (options.list) return list();
      await run(names, options);
    });
};

const list = async (): Promise<void> => {
  const lines = peers.map((peer) => `  ${peer.name.padEnd(18)}${peer.about}`);
  const streams = [...(await streamNames()), ...liveCounts.keys()];
  process.stdout.write(`Allocators:\n${lines.join("\n")}\nStreams:\n  ${streams.join(" ")}\n`);
};

const run = async (names: string[], options: PeersOptions): Promise<void> => {
  expectWritable(options.json, options.html);
  const programs = programsOf(options.allocators);
  const chosen = new Set(names.length > 0 ? names : await streamNames());
  if (options.live) for (const name of liveCounts.keys()) chosen.add(name);
  const streams = await Promise.all([...chosen].map(streamFile));
  const { repetitions, timeLimit, memory } = options;
  const plan: MeasurePlan = { programs, streams, repetitions, timeLimit, memory };
  const bar = new SingleBar({
    format: "{bar} {value}/{total} {what}",
    stream: process.stderr,
    hideCursor: true,
  });
  bar.start(stepsOf(plan), 0, { what: "" });
  const measurements = await measure(plan, (what) => bar.increment(1, { what }));
  bar.stop();

  const least = options.least ?? false;
  const result: PeersResult = {
    least,
    streams,
    measurements,
    peers: peers.filter((peer) => programs.has(peer.name)),
  };
  const figures = new Figures(result);
  const setting = `Node ${process.versions.node}, ${cpus()[0]?.model.trim() ?? process.arch}, ${repetitions} processes for each figure (${least ? "least" : "median"})`;
  const tables = [
    timeTable(figures),
    ...(memory ? [memoryTable(figures)] : []),
    faultLines(result).join("\n"),
  ];
  process.stdout.write(`${setting}\n${tables.filter((table) => table !== "").join("\n")}\n`);
  const files: [string, string][] = [];
  if (options.json !== undefined)
    files.push([options.json, `${JSON.stringify({ setting, streams, measurements }, null, 1)}\n`]);
  if (options.html !== undefined) {
    const { toHtml } = await import("../peers/html.ts");
    files.push([options.html, toHtml(figures, setting, tables)]);
  }
  saveAll(files);
};
