/*
 * heapwright placement: the pointer that malloc returns for every op of a trace, to be held against the real C library.
 */
import { HeapwrightError } from "@heapwright/allocator";
import type { Trace } from "@heapwright/trace";
import { type Command, Option } from "commander";
import { expectWritable, readBytes, readText, writeWhole } from "../files.ts";
import { explainDifference } from "../placement/differ.ts";
import { opLine } from "../placement/op-text.ts";
import { addHeapOptions, address, type HeapOptions } from "../placement/options.ts";
import { type Image, type PlacementOptions, startProcess } from "../placement/process-image.ts";
import { replay, threadsOf } from "../placement/replay.ts";
import { Words } from "../placement/words.ts";
import { loadTrace, traceFile } from "../traces/load.ts";
import { UserError } from "../user-error.ts";

interface Options extends HeapOptions {
  readonly maps: string;
  readonly break?: number;
  readonly out?: string;
  readonly finalMaps?: string;
  readonly against?: string;
}

const HELP = `
OUT is little-endian u64 words: the program break before the first op; then for every op a, c, m, r the pointer
returned, and for every op f the break after it.

MAPS is /proc/self/maps of the process before the first op; what follows a line "--" is not read.

Exit code: 0; 1 when --against found a difference; 2 when an argument or file is wrong.`;

const imageOf = (options: PlacementOptions, trace: Trace, path: string): Image => {
  try {
    return startProcess(options, threadsOf(trace));
  } catch (error) {
    if (error instanceof HeapwrightError) throw new UserError(`${path}: ${error.message}`);
    throw error;
  }
};

const wordsOf = (path: string): Words => {
  try {
    return Words.fromBytes(readBytes(path, "the words"));
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(`${path}: ${error.message}`);
    throw error;
  }
};

const run = async (nameOrPath: string, options: Options): Promise<void> => {
  const { out, finalMaps, against } = options;
  if (out === undefined && finalMaps === undefined && against === undefined)
    throw new UserError("nothing to do: give --out, --final-maps or --against");
  expectWritable(out, finalMaps);
  const placement: PlacementOptions = { ...options, maps: readText(options.maps, "the memory map") };
  const real = against === undefined ? undefined : wordsOf(against);
  const { trace } = await loadTrace(nameOrPath, { strict: false });
  const image = imageOf(placement, trace, options.maps);
  const words = replay(trace, image);
  const files: [string, Uint8Array | string][] = [];
  if (out !== undefined) files.push([out, words.toBytes()]);
  if (finalMaps !== undefined) files.push([finalMaps, Buffer.from(image.maps(), "latin1")]);
  writeWhole(files);
  if (real === undefined) return;
  const path = await traceFile(nameOrPath);
  const difference = explainDifference(trace, placement, words, real, (op) => opLine(path, op));
  if (difference === undefined) {
    process.stdout.write(`${words.length} words, all equal\n`);
    return;
  }
  process.stdout.write(`${difference.join("\n")}\n`);
  process.exitCode = 1;
};

/** Adds the command. */
export const register = (program: Command): void => {
  const command = program
    .command("placement")
    .description("the pointer that malloc returns for every op, as the real C library would")
    .argument("<trace>", "a trace, plain or gzipped, or the name of a bundled one");
  addHeapOptions(command)
    .requiredOption("--maps <file>", "the process's memory map before the first op")
    .addOption(
      new Option("--break <address>", "where the break begins, when MAPS has no [heap]").argParser(address),
    )
    .option("--out <file>", "write the words here")
    .option("--final-maps <file>", "write the memory map after the last op here")
    .option("--against <file>", "compare with these words, and show the first difference")
    .addHelpText("after", HELP)
    .action(run);
};
