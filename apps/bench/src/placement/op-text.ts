/*
 * An op as its line of the trace has it, and the number of that line.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { OpKind, type Trace } from "@heapwright/trace";

const LETTERS: Readonly<Record<number, string>> = {
  [OpKind.ALLOCATE]: "a",
  [OpKind.ZEROED]: "c",
  [OpKind.ALIGNED]: "m",
  [OpKind.REALLOCATE]: "r",
  [OpKind.FREE]: "f",
};

/** The op's line. */
export const opText = (trace: Trace, op: number): string => {
  const kind = trace.kind(op);
  const words: (string | number)[] = [LETTERS[kind]!, trace.slot(op)];
  if (kind === OpKind.ZEROED || kind === OpKind.ALIGNED) words.push(trace.extra(op));
  if (kind !== OpKind.FREE) words.push(trace.size(op));
  return words.join(" ");
};

/** The call that the op makes, in C's words. */
export const opCall = (trace: Trace, op: number, block: string): string => {
  switch (trace.kind(op)) {
    case OpKind.ALLOCATE:
      return `malloc(${trace.size(op)})`;
    case OpKind.ZEROED:
      return `calloc(${trace.extra(op)}, ${trace.size(op)})`;
    case OpKind.ALIGNED:
      return `memalign(${trace.extra(op)}, ${trace.size(op)})`;
    case OpKind.REALLOCATE:
      return `realloc(${block}, ${trace.size(op)})`;
    default:
      return `free(${block})`;
  }
};

const NEWLINE = 10;
const HASH = 35;
const LETTER_T = 116;

/** The number of an op's line in the trace's file, from 1; 0 when the file is not as it was. */
export const opLine = (path: string, op: number): number => {
  const file = readFileSync(path);
  const bytes = file[0] === 0x1f && file[1] === 0x8b ? gunzipSync(file) : file;
  let left = op;
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const isOp = bytes[start] !== HASH && bytes[start] !== LETTER_T;
    if (isOp && left-- === 0) return line;
    const end = bytes.indexOf(NEWLINE, start);
    if (end < 0) break;
    start = end + 1;
  }
  return 0;
};
