/*
 * heapwright explain: what malloc did at one op of a trace, in words, with its bins before and after.
 */
import { HeapwrightError } from "@heapwright/allocator";
import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { Ptmalloc } from "@heapwright/ptmalloc";
import { OpKind, type Trace } from "@heapwright/trace";
import type { Command } from "commander";
import { readText } from "../files.ts";
import { dumpBins, dumpChunks, hex } from "../placement/dump.ts";
import { Narrator } from "../placement/narrate.ts";
import { opCall, opLine, opText } from "../placement/op-text.ts";
import { addHeapOptions, type HeapOptions, whole } from "../placement/options.ts";
import { startProcess } from "../placement/process-image.ts";
import { Replay, type ReplayTarget, threadsOf } from "../placement/replay.ts";
import { Words } from "../placement/words.ts";
import { loadTrace, traceFile } from "../traces/load.ts";
import { UserError } from "../user-error.ts";

interface Options extends HeapOptions {
  readonly op: number;
  readonly maps?: string;
  readonly all: boolean;
}

/** Without a memory map the heap stands alone in a linear memory, and addresses are offsets in it. */
const alone = ({ abi, profile, cores, tcache }: HeapOptions): ReplayTarget => {
  const pages = LinearPages.create(LinearMemory.growing());
  const tunables = tcache ? {} : { "glibc.malloc.tcache_count": 0 };
  const heap = new Ptmalloc(pages, { abi, profile, cores, tunables });
  return {
    heap,
    toReal: (address) => address,
    get break() {
      return pages.sbrk(0);
    },
  };
};

const targetOf = (options: Options, trace: Trace): ReplayTarget => {
  if (options.maps === undefined) return alone(options);
  const maps = readText(options.maps, "the memory map");
  try {
    return startProcess({ ...options, maps }, threadsOf(trace));
  } catch (error) {
    if (error instanceof HeapwrightError) throw new UserError(`${options.maps}: ${error.message}`);
    throw error;
  }
};

const numbered = (sentences: readonly string[]): string[] =>
  sentences.length === 0
    ? ["  (no decision was to be taken)"]
    : sentences.map((sentence, index) => `  ${index + 1}. ${sentence}`);

/** The bins of one side, without those that are the same on the other when `all` is not wanted. */
const changed = (lines: readonly string[], other: readonly string[], all: boolean): string[] => {
  const same = new Set(other);
  const shown = all ? lines : lines.filter((line) => !same.has(line));
  const rest = lines.length - shown.length;
  return rest === 0 ? [...shown] : [...shown, `  ... and ${rest} that did not change (--all shows them)`];
};

const run = async (nameOrPath: string, options: Options): Promise<void> => {
  const { op } = options;
  const { trace } = await loadTrace(nameOrPath, { strict: false });
  if (op >= trace.length) throw new UserError(`--op ${op}: the trace has ops 0 to ${trace.length - 1}`);
  const target = targetOf(options, trace);
  const { heap } = target;
  const toReal = (address: number): number => target.toReal(address);
  const words = new Words(trace.length + 1);
  const replay = new Replay(trace, target);
  replay.runTo(op, words);
  const before = dumpBins(heap, toReal);
  const old = replay.slot(trace.slot(op));
  const narrator = new Narrator(toReal);
  heap.probe = narrator;
  replay.runTo(op + 1, words);
  heap.probe = undefined;

  const after = dumpBins(heap, toReal);
  const free = trace.kind(op) === OpKind.FREE;
  const block = free ? old : replay.slot(trace.slot(op));
  const outcome = free ? "" : ` returns ${hex(words.get(op + 1))}`;
  const thread = trace.threadCount > 1 ? ` on thread ${trace.thread(op)}` : "";
  const lines = [
    `op ${op}, line ${opLine(await traceFile(nameOrPath), op)}: ${opText(trace, op)}`,
    `${opCall(trace, op, hex(toReal(old)))}${thread}${outcome}`,
    "",
    ...numbered(narrator.sentences),
    "",
    "bins before, each in the order in which malloc takes from it",
    ...changed(before, after, options.all),
    "",
    "bins after",
    ...changed(after, before, options.all),
    "",
    "chunks around it, after",
    ...dumpChunks(heap, block, toReal),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
};

/** Adds the command. */
export const register = (program: Command): void => {
  const command = program
    .command("explain")
    .description("what malloc did at one op, in words, with its bins before and after")
    .argument("<trace>", "a trace, plain or gzipped, or the name of a bundled one")
    .requiredOption("--op <n>", "which op, from 0", whole(0, Number.MAX_SAFE_INTEGER));
  addHeapOptions(command, "i386")
    .option("--maps <file>", "in a process with this memory map; without it in a linear memory")
    .option("--all", "show all bins, not only those that change", false)
    .action(run);
};
