/*
 * A heap in words: its bins, and the chunks around an address. Addresses are printed as the process has them.
 */
import type { ChunkInfo, Ptmalloc } from "@heapwright/ptmalloc";

/** Turns an address of the heap's memory into the one to print. */
export type ToReal = (address: number) => number;

/** Chunks that a bin's line names before it only counts. */
const NAMED = 12;

/** An address or size as C prints it. */
export const hex = (value: number): string => `0x${value.toString(16)}`;

const lineOf = (name: string, chunks: readonly ChunkInfo[], toReal: ToReal): string => {
  const named = chunks.slice(0, NAMED).map(({ address, size }) => `${hex(toReal(address))} (${hex(size)})`);
  const rest = chunks.length > NAMED ? ` and ${chunks.length - NAMED} more` : "";
  return `  ${name.padEnd(14)} ${named.join(", ")}${rest}`;
};

/** The list that a chunk stands in: its bin, and whose it is where that could be another's than the main thread's. */
const listOf = (heap: Ptmalloc, { bin, arena, thread }: ChunkInfo, toReal: ToReal): string => {
  const name = bin ?? "top";
  if (thread !== undefined) return thread === 0 ? name : `${name} of thread ${thread}`;
  return heap.arenas().length > 1 ? `${name} of ${hex(toReal(arena))}` : name;
};

/** The bins that hold something, one a line: chunk addresses, each with its size, in the order in which malloc takes them. */
export const dumpBins = (heap: Ptmalloc, toReal: ToReal): string[] => {
  const bins = new Map<string, ChunkInfo[]>();
  for (const chunk of heap.walk()) {
    if (chunk.state === "meta" || chunk.state === "live") continue;
    const name = listOf(heap, chunk, toReal);
    const list = bins.get(name);
    if (list === undefined) bins.set(name, [chunk]);
    else list.push(chunk);
  }
  for (const chunks of bins.values()) chunks.sort((a, b) => (a.place ?? 0) - (b.place ?? 0));
  const lines = [...bins].sort(([a], [b]) => order(a) - order(b) || (a < b ? -1 : 1));
  return lines.length === 0 ? ["  (empty)"] : lines.map(([name, chunks]) => lineOf(name, chunks, toReal));
};

const KINDS = ["tcache", "fast", "unsorted", "small", "large", "top"];
/** Bins as malloc asks them: by kind, and by the number in the name. */
const order = (name: string): number => {
  const kind = KINDS.findIndex((word) => name.startsWith(word));
  return kind * 2 ** 40 + Number(/\d+/.exec(name)?.[0] ?? 0);
};

/** The chunks around an address of the heap's memory, the one that holds it marked. */
export const dumpChunks = (heap: Ptmalloc, address: number, toReal: ToReal, around = 4): string[] => {
  const chunks = [...heap.walk()];
  let at = chunks.findIndex((chunk) => chunk.address + chunk.size > address);
  if (at < 0) at = chunks.length;
  const lines = chunks.slice(Math.max(0, at - around), at + around + 1).map((chunk) => {
    const mark = chunk.address <= address && address < chunk.address + chunk.size ? ">" : " ";
    const where = chunk.bin === undefined ? "" : `  ${chunk.bin}`;
    const kind = chunk.arena === 0 ? "mapped" : chunk.state;
    return `${mark} ${hex(toReal(chunk.address))}  ${hex(chunk.size).padEnd(10)} ${kind}${where}`;
  });
  return lines.length === 0 ? ["  (no chunks)"] : lines;
};
