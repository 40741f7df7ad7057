import { SingleBar } from "cli-progress";
import type { Command } from "commander";
import { expectWritable, saveAll } from "../files.ts";
import { toColumns } from "../measure/columns.ts";
import { type Cell, compare, type Plan, stepsOf } from "../measure/compare.ts";
import { runWorker } from "../measure/run-worker.ts";
import { describeSetting, toCsv, toJson } from "../report/files.ts";
import { summarise, summaryTable, traceTable } from "../report/table.ts";
import { expectSpec } from "../specs/build.ts";
import { formatSpec, parseSpecs, type Spec } from "../specs/grammar.ts";
import { combinators, DEFAULT_ALLOCATORS, strategies } from "../specs/registry.ts";
import { bundledTraces, loadTrace, type NamedTrace } from "../traces/load.ts";
import { UserError } from "../user-error.ts";
import { positive } from "./arguments.ts";

interface CompareOptions {
  readonly allocators?: string;
  readonly runs: number;
  readonly timeLimit: number;
  readonly cost: boolean;
  readonly json?: string;
  readonly csv?: string;
  readonly html?: string;
  readonly list?: boolean;
}

export const register = (program: Command): void => {
  program
    .command("compare")
    .description("replay traces over allocators and compositions of them, and show which is best, and why")
    .argument(
      "[traces...]",
      "trace files (plain or gzip) or names of bundled ones; all bundled ones by default",
    )
    .option("-a, --allocators <list>", `specs, separated by commas (default: "${DEFAULT_ALLOCATORS}")`)
    .option("-r, --runs <n>", "timed runs of each allocator on each trace", positive("--runs"), 3)
    .option("-t, --time-limit <seconds>", "cut a run that takes longer", positive("--time-limit"), 5)
    .option("--no-cost", "do not count words, cache lines and pages")
    .option("--json <file>", "write all results as JSON")
    .option("--csv <file>", "write all results as CSV")
    .option("--html <file>", "write a report that stands alone, with charts")
    .option("--list", "show the allocators and the bundled traces, and end")
    .action(async (names: string[], options: CompareOptions) => {
      if (options.list) return list();
      await run(names, options);
    });
};

const list = async (): Promise<void> => {
  const width = 36;
  const line = (name: string, about: string): string => `  ${name.padEnd(width)}${about}\n`;
  let text = "Allocators:\n";
  for (const [name, { about }] of Object.entries(strategies)) text += line(name, about);
  text += "\nCompositions:\n";
  for (const { usage, about } of Object.values(combinators)) text += line(usage, about);
  text += "\nBundled traces:\n";
  for (const name of (await bundledTraces()).keys()) {
    const { trace } = await loadTrace(name);
    text += line(name, `${trace.length} operations: ${trace.program}`);
  }
  process.stdout.write(text);
};

const run = async (names: readonly string[], options: CompareOptions): Promise<void> => {
  expectWritable(options.json, options.csv, options.html);
  const asked = parseSpecs(options.allocators ?? DEFAULT_ALLOCATORS);
  for (const spec of asked) expectSpec(spec);
  const traces: NamedTrace[] = [];
  for (const name of names.length > 0 ? names : (await bundledTraces()).keys())
    traces.push(await loadTrace(name));
  const specs = await expectBuildable(asked, traces[0]!, options.allocators === undefined);
  const plan: Plan = {
    specs,
    traces,
    runs: options.runs,
    limitMs: options.timeLimit * 1000,
    cost: options.cost,
  };

  const cells = await measured(plan);
  process.stdout.write(`${report(plan, cells)}\n`);
  const setting = describeSetting(options.runs, options.timeLimit);
  const files: [string, string][] = [];
  if (options.json !== undefined) files.push([options.json, toJson(cells, setting)]);
  if (options.csv !== undefined) files.push([options.csv, toCsv(cells)]);
  if (options.html !== undefined) {
    // Charts take a quarter of a second to load, which nobody else should wait for.
    const { toHtml } = await import("../report/html.ts");
    files.push([options.html, toHtml(cells, setting)]);
  }
  saveAll(files);
};

/** Builds each allocator once, in a worker. One that cannot be built is the user's mistake, unless nobody asked for it. */
const expectBuildable = async (
  specs: readonly Spec[],
  { trace }: NamedTrace,
  byDefault: boolean,
): Promise<Spec[]> => {
  const columns = toColumns(trace);
  const able: Spec[] = [];
  for (const spec of specs) {
    const outcome = await runWorker("probe", spec, columns, 30_000);
    if (outcome.kind === "done") able.push(spec);
    else if (outcome.kind === "error" && outcome.user && byDefault)
      process.stderr.write(`left out: ${outcome.message}\n`);
    else if (outcome.kind === "error") throw new UserError(outcome.message);
    else throw new UserError(`${formatSpec(spec)} could not be built within 30 s`);
  }
  return able;
};

const measured = async (plan: Plan): Promise<Cell[]> => {
  const bar = new SingleBar({
    format: "{bar} {percentage}% | {value} of {total} runs | {eta_formatted} left | {label}",
    clearOnComplete: true,
    stream: process.stderr,
    // Not a terminal: no bar at all.
    noTTYOutput: false,
  });
  bar.start(stepsOf(plan), 0, { label: "" });
  try {
    return await compare(plan, (label) => bar.increment(1, { label }));
  } finally {
    bar.stop();
  }
};

const LEGEND = `ns/op: time for one operation (in each run each thousand operations in their shortest pass), median over the runs; ±
half the range of the runs; every figure contains the driver's own cost, which the row "null" shows. used: most requested bytes live at once / peak heap. internal: share of
the live blocks' bytes that nobody asked for, external: share of the free bytes outside the largest free block, both
at the peak of live bytes. avg frag: share of the heap that nobody asked for, averaged over all operations. words,
lines, pages: of the heap, touched by an operation; counted, not timed.`;

const report = ({ traces, limitMs }: Plan, cells: readonly Cell[]): string => {
  const parts = traces.map(({ name, trace }) => {
    const own = cells.filter((cell) => cell.trace === name);
    return `${name}: ${trace.length} operations, ${trace.program}\n${traceTable(own)}`;
  });
  const cut = cells.some((cell) => cell.cut !== null);
  return [
    ...parts,
    `Summary: geometric mean of ns/op, over ${traces.length} trace${traces.length === 1 ? "" : "s"}\n${summaryTable(summarise(cells))}`,
    LEGEND,
    ...(cut
      ? [
          `cut: too slow, stopped after ${limitMs / 1000} s (--time-limit) with so much of the trace done; ">" is what it takes at least.`,
        ]
      : []),
  ].join("\n\n");
};
