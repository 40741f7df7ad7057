import { TraceFormatError } from "../errors.ts";
import type { Recording } from "./recording.ts";

/** The one format of raw data that is known here: heaptrack 1.4 writes it. */
const FORMAT = "3";
const VERSION = /^v [0-9a-f]+ ([0-9a-f]+)$/;
const ALLOCATION = /^\+ ([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)$/;
const FREE = /^- ([0-9a-f]+)$/;

/**
 * Reads the raw data of heaptrack, as `heaptrack --raw COMMAND` records it and `zstd -dc` unpacks it, line by line, into a
 * recording. All numbers are hexadecimal:
 *
 *     v 10400 3                  heaptrack's version, the format's
 *     + 18 8 55d0091011d0        an allocation: bytes, where in the program, pointer
 *     - 55d0091011d0             a free
 *
 * Lines of other kinds (modules, call chains, times) say nothing of blocks. heaptrack tells a calloc or posix_memalign from a
 * malloc as little as it tells threads apart, writes a realloc as a free and an allocation, and leaves memalign out; so does the trace.
 *
 * @throws TraceFormatError at a line that is none of these, for another version of the format, and for what heaptrack writes without
 * `--raw`: that no longer says which block is freed.
 */
export const importHeaptrack = (lines: Iterable<string>, recording: Recording): void => {
  let number = 0;
  for (const line of lines) {
    number++;
    if (number === 1) expectFormat(line);
    else if (line.startsWith("+")) {
      const match = ALLOCATION.exec(line);
      if (match === null) throw refusal(number, line);
      recording.malloc(Number.parseInt(match[2]!, 16), Number.parseInt(match[1]!, 16));
    } else if (line.startsWith("-")) {
      const match = FREE.exec(line);
      if (match === null) throw refusal(number, line);
      recording.free(Number.parseInt(match[1]!, 16));
    } else if (line.startsWith("a ")) throw refusal(number, line);
  }
};

const expectFormat = (line: string): void => {
  const match = VERSION.exec(line);
  if (match === null) throw new TraceFormatError(1, "not the data of heaptrack");
  if (match[1] !== FORMAT)
    throw new TraceFormatError(1, `format ${match[1]} of heaptrack's data is not known, only ${FORMAT}`);
};

const refusal = (number: number, line: string): TraceFormatError =>
  /^(\+ [0-9a-f]+|a .*)$/.test(line)
    ? new TraceFormatError(
        number,
        "data that heaptrack has interpreted does not say which block is freed: record with heaptrack --raw",
      )
    : new TraceFormatError(number, `not a line of heaptrack's data: "${line.slice(0, 60)}"`);
