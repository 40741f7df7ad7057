import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { formatTrace, type Trace } from "@heapwright/trace";
import { writeStreamed } from "../files.ts";

/** Writes a trace, compressed when the file's name ends in .gz. */
export const saveTrace = (trace: Trace, path: string): Promise<void> =>
  writeStreamed(path, (draft) => {
    const text = Readable.from(formatTrace(trace));
    const file = createWriteStream(draft);
    return path.endsWith(".gz") ? pipeline(text, createGzip({ level: 9 }), file) : pipeline(text, file);
  });

/** One line on what a trace holds. */
export const describeTrace = (trace: Trace, path: string): string =>
  `${path}: ${trace.length} operations, ${trace.slotCount} slots, ${trace.peakLiveBytes} bytes live at the peak, ${trace.threadCount} thread${trace.threadCount === 1 ? "" : "s"}\n`;
