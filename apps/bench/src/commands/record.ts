import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { expectWritable, reason } from "../files.ts";
import { readRecording } from "../traces/record-file.ts";
import { describeTrace, saveTrace } from "../traces/save.ts";
import { UserError } from "../user-error.ts";

const SOURCE = fileURLToPath(new URL("../../recorder/recorder.c", import.meta.url));

export const register = (program: Command): void => {
  program
    .command("record")
    .description("run a program and record its malloc calls as a trace (Linux with glibc and a C compiler)")
    .argument("<command...>", 'the program and its arguments, after "--"')
    .option(
      "-o, --out <file>",
      "the trace to write; compressed when its name ends in .gz",
      "recorded.trace.gz",
    )
    .option("--program <text>", "what the trace says it is of (default: the command)")
    .action(async (command: string[], options: { out: string; program?: string }) => {
      if (process.platform !== "linux")
        throw new UserError("record works on Linux only: it preloads a library");
      expectWritable(options.out);
      const folder = await mkdtemp(join(tmpdir(), "heapwright-"));
      try {
        const library = compile(folder);
        const log = join(folder, "calls");
        const ended = await run(command, library, log);
        if (ended !== "") process.stderr.write(`${command[0]} ${ended}\n`);
        if ((await stat(log).catch(() => undefined)) === undefined) {
          throw new UserError(
            `${command[0]} made no malloc call that could be recorded (is it linked statically?)`,
          );
        }
        const trace = await readRecording(log, options.program ?? command.join(" "));
        await saveTrace(trace, options.out);
        process.stderr.write(describeTrace(trace, options.out));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
};

/** Compiles the library that is preloaded. */
const compile = (folder: string): string => {
  const library = join(folder, "recorder.so");
  const compiler = process.env["CC"] ?? "cc";
  const args = ["-O2", "-fPIC", "-shared", "-fno-builtin", "-o", library, SOURCE, "-pthread"];
  const { error, status, stderr } = spawnSync(compiler, args, { encoding: "utf8" });
  if (error !== undefined) {
    throw new UserError(
      `record needs a C compiler: ${compiler} cannot be run (set CC to yours, or install gcc)`,
    );
  }
  if (status !== 0)
    throw new UserError(`${compiler} could not compile the recorder: ${stderr.trim().split("\n")[0]}`);
  return library;
};

/** Runs the program; resolves to how it ended when that was not with exit code 0. */
const run = ([file, ...args]: readonly string[], library: string, log: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(file!, args, {
      stdio: "inherit",
      env: { ...process.env, LD_PRELOAD: library, HEAPWRIGHT_RECORD: log },
    });
    // Ctrl-C reaches the program too: what it did until then is kept. Who ends this process means the program as well.
    const interrupted = (): void => {};
    const ended = (): void => void child.kill("SIGTERM");
    process.on("SIGINT", interrupted).on("SIGTERM", ended);
    const settle = (): void => void process.off("SIGINT", interrupted).off("SIGTERM", ended);
    child.on("error", (error) => {
      settle();
      reject(new UserError(`cannot run ${file}: ${reason(error)}`));
    });
    child.on("exit", (code, signal) => {
      settle();
      resolve(signal !== null ? `was ended by ${signal}` : code === 0 ? "" : `ended with exit code ${code}`);
    });
  });
