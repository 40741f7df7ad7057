import { readFile } from "node:fs/promises";
import { importLtrace, importMtrace, Recording, TraceFormatError } from "@heapwright/trace";
import { type Command, Option } from "commander";
import { describeTrace, saveTrace } from "../traces/save.ts";
import { UserError } from "../user-error.ts";

interface ImportOptions {
  readonly format: "auto" | "mtrace" | "ltrace";
  readonly out: string;
  readonly program?: string;
}

export const register = (program: Command): void => {
  program
    .command("import")
    .description("turn another tool's log of malloc calls into a trace")
    .argument("<log>", "what glibc's mtrace(3) or ltrace(1) wrote")
    .addOption(
      new Option("-f, --format <name>", "the log's format")
        .choices(["auto", "mtrace", "ltrace"])
        .default("auto"),
    )
    .requiredOption("-o, --out <file>", "the trace to write; compressed when its name ends in .gz")
    .option("--program <text>", "what the trace says it is of")
    .action(async (log: string, options: ImportOptions) => {
      const text = await readFile(log, "utf8").catch((error: Error) => {
        throw new UserError(`cannot read ${log}: ${error.message}`);
      });
      const lines = text.split("\n");
      const format = options.format === "auto" ? guess(lines) : options.format;
      const recording = new Recording();
      let ignored = 0;
      try {
        if (format === "mtrace") importMtrace(lines, recording);
        else ignored = importLtrace(lines, recording);
      } catch (error) {
        if (error instanceof TraceFormatError) throw new UserError(`${log}: ${error.message}`);
        throw error;
      }
      const trace = recording.finish(options.program ?? `imported from ${format}: ${log}`);
      if (trace.length === 0) throw new UserError(`${log}: no malloc call found`);
      await saveTrace(trace, options.out);
      process.stdout.write(describeTrace(trace, options.out));
      const { unknownPointers, missedFrees, failedCalls } = recording.notes();
      const notes = [
        [ignored, "lines left out"],
        [unknownPointers, "pointers never seen allocated"],
        [missedFrees, "missing frees put in"],
        [failedCalls, "failed calls left out"],
      ] as const;
      for (const [count, what] of notes) if (count > 0) process.stderr.write(`${count} ${what}\n`);
    });
};

/** An mtrace log begins with its start line, or an "@" at every call. */
const guess = (lines: readonly string[]): "mtrace" | "ltrace" =>
  /^(= Start|@ )/.test(lines[0] ?? "") ? "mtrace" : "ltrace";
