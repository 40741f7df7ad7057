import { spawnSync } from "node:child_process";
import { SingleBar } from "cli-progress";
import type { Command } from "commander";
import { expectWritable, saveAll } from "../files.ts";
import { count } from "../peers/count.ts";
import { countTable } from "../peers/count-report.ts";
import { streamFile, streamNames } from "../peers/streams.ts";
import { UserError } from "../user-error.ts";
import { ALLOCATORS_OPTION, programsOf } from "./chosen-peers.ts";

interface CountOptions {
  readonly allocators?: string;
  readonly json?: string;
}

export const register = (program: Command): void => {
  program
    .command("count")
    .description(
      "count what the processor does for an operation of each allocator: instructions, loads, stores, mispredicted branches, cache misses",
    )
    .argument("[streams...]", "as of peers; each takes minutes for an allocator in JavaScript")
    .option(...ALLOCATORS_OPTION)
    .option("--json <file>", "write all results as JSON")
    .action(async (names: string[], options: CountOptions) => {
      await run(names, options);
    });
};

const run = async (names: string[], { allocators, json }: CountOptions): Promise<void> => {
  expectWritable(json);
  const programs = programsOf(allocators);
  if (spawnSync("valgrind", ["--version"]).error !== undefined)
    throw new UserError("this needs valgrind, which is not installed (Debian: valgrind)");
  const streams = await Promise.all((names.length > 0 ? names : await streamNames()).map(streamFile));
  const bar = new SingleBar({
    format: "{bar} {value}/{total} {what}",
    stream: process.stderr,
    hideCursor: true,
  });
  bar.start(programs.size * streams.length, 0, { what: "" });
  const counts = await count(programs, streams, (what) => bar.increment(1, { what }));
  bar.stop();
  const setting = `Node ${process.versions.node}, for each operation, as valgrind counts`;
  process.stdout.write(`${setting}\n${countTable(counts)}\n`);
  if (json !== undefined) saveAll([[json, `${JSON.stringify({ setting, counts }, null, 1)}\n`]]);
};
