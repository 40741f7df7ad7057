import { importHeaptrack, importLtrace, importMtrace, Recording, TraceFormatError } from "@heapwright/trace";
import { type Command, Option } from "commander";
import { expectWritable, linesOf } from "../files.ts";
import { describeTrace, saveTrace } from "../traces/save.ts";
import { UserError } from "../user-error.ts";

const FORMATS = ["mtrace", "ltrace", "heaptrack"] as const;
type Format = (typeof FORMATS)[number];

interface ImportOptions {
  readonly format: "auto" | Format;
  readonly out: string;
  readonly program?: string;
}

export const register = (program: Command): void => {
  program
    .command("import")
    .description("turn another tool's log of malloc calls into a trace")
    .argument("<log>", "what glibc's mtrace(3), ltrace(1) or heaptrack --raw wrote, unpacked")
    .addOption(
      new Option("-f, --format <name>", "the log's format").choices(["auto", ...FORMATS]).default("auto"),
    )
    .requiredOption("-o, --out <file>", "the trace to write; compressed when its name ends in .gz")
    .option("--program <text>", "what the trace says it is of")
    .action(async (log: string, options: ImportOptions) => {
      expectWritable(options.out);
      const { format, lines } = opened(log, options.format);
      const recording = new Recording();
      let ignored = 0;
      try {
        if (format === "mtrace") importMtrace(lines, recording);
        else if (format === "heaptrack") importHeaptrack(lines, recording);
        else ignored = importLtrace(lines, recording);
      } catch (error) {
        // A RangeError: a size or count that no trace can hold.
        if (error instanceof TraceFormatError || error instanceof RangeError)
          throw new UserError(`${log}: ${error.message}`);
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

/** The log's lines and format, told by its first line when the user does not say it. */
const opened = (log: string, asked: ImportOptions["format"]): { format: Format; lines: Iterable<string> } => {
  const lines = linesOf(log, "the log");
  const first: string = lines.next().value ?? "";
  const packer = PACKERS.find(({ magic }) => first.startsWith(magic));
  if (packer !== undefined)
    throw new UserError(`${log} is compressed: unpack it first, ${packer.command} ${log}`);
  return { format: asked === "auto" ? guess(first) : asked, lines: withFirst(first, lines) };
};

/** What compressed files begin with. */
const PACKERS = [
  { magic: "\x28\xb5\x2f\xfd", command: "zstd -d" },
  { magic: "\x1f\x8b", command: "gzip -d" },
];

function* withFirst(first: string, rest: Iterable<string>): Generator<string> {
  yield first;
  yield* rest;
}

/** An mtrace log begins with its start line, or an "@" at every call; heaptrack's data with two versions. */
const guess = (first: string): Format => {
  if (/^(= Start|@ )/.test(first)) return "mtrace";
  return /^v [0-9a-f]+ [0-9a-f]+$/.test(first) ? "heaptrack" : "ltrace";
};
