import { TraceFormatError } from "../errors.ts";
import type { Recording } from "./recording.ts";

const LINE = /^(?:@ .* )?([+\-<>!]) (0x[0-9a-f]+|\(nil\))(?: (0x[0-9a-f]+))?$/;

/**
 * Reads the log of glibc's mtrace(3), line by line, into a recording.
 *
 *     = Start
 *     @ ./prog:[0x401136] + 0x4052a0 0x18     malloc, calloc and memalign alike: pointer, size
 *     @ ./prog:[0x401146] - 0x4052a0          free
 *     @ ./prog:[0x401156] < 0x4052a0          realloc: the old pointer ...
 *     @ ./prog:[0x401156] > 0x4052c0 0x30     ... and in the next line the new one and the size
 *     = End
 *
 * The log does not tell calloc and memalign from malloc, nor threads from each other; neither does the trace.
 *
 * @throws TraceFormatError at a line that is none of these.
 */
export const importMtrace = (lines: Iterable<string>, recording: Recording): void => {
  let number = 0;
  let old: number | undefined;
  for (const text of lines) {
    number++;
    const line = text.trimEnd();
    if (line === "" || line.startsWith("= ")) continue;
    const match = LINE.exec(line);
    if (match === null)
      throw new TraceFormatError(number, `not a line of an mtrace log: "${line.slice(0, 60)}"`);
    const pointer = match[2] === "(nil)" ? 0 : Number(match[2]);
    const size = match[3] === undefined ? undefined : Number(match[3]);
    const sign = match[1];
    if ((sign === "-" || sign === "<") !== (size === undefined)) {
      throw new TraceFormatError(number, `"${sign}" ${size === undefined ? "needs a size" : "has no size"}`);
    }
    if (sign === ">") {
      if (old === undefined) throw new TraceFormatError(number, '">" without the "<" before it');
      recording.realloc(old, size!, pointer);
      old = undefined;
    } else if (old !== undefined) throw new TraceFormatError(number, '"<" without the ">" after it');
    else if (sign === "<") old = pointer;
    else if (sign === "+") recording.malloc(pointer, size!);
    else if (sign === "-") recording.free(pointer);
    else recording.realloc(pointer, size!, 0);
  }
};
