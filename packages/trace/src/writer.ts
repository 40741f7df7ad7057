import { OpKind, type Trace } from "./trace.ts";

/** Lines are gathered to about this many characters before they are yielded. */
const CHUNK = 65536;

/**
 * The text of a trace in the format `heap-trace 1`, in chunks of about 64 KiB. Read back, it gives the same trace.
 * O(operations).
 *
 * @example
 * ```ts
 * import { formatTrace, TraceBuilder } from "@heapwright/trace";
 *
 * const builder = new TraceBuilder();
 * builder.allocate(0, 24);
 * builder.free(0);
 * const text = [...formatTrace(builder.finish("two calls"))].join("");
 * ```
 */
export function* formatTrace(trace: Trace): Generator<string, void, undefined> {
  // A line break in the program's description would begin a line of its own.
  const program = trace.program.replace(/\s+/g, " ").trim();
  let text = "# heap-trace 1\n";
  if (program !== "") text += `# program: ${program}\n`;
  text += `# ops: ${trace.length}\n# slots: ${trace.slotCount}\n`;
  text += `# peak-live-bytes: ${trace.peakLiveBytes}\n# threads: ${trace.threadCount}\n`;
  let thread = 0;
  for (let op = 0; op < trace.length; op++) {
    if (trace.thread(op) !== thread) {
      thread = trace.thread(op);
      text += `t ${thread}\n`;
    }
    text += line(trace, op);
    if (text.length >= CHUNK) {
      yield text;
      text = "";
    }
  }
  yield text;
}

const line = (trace: Trace, op: number): string => {
  const slot = trace.slot(op);
  switch (trace.kind(op)) {
    case OpKind.ALLOCATE:
      return `a ${slot} ${trace.size(op)}\n`;
    case OpKind.ZEROED:
      return `c ${slot} ${trace.extra(op)} ${trace.size(op)}\n`;
    case OpKind.ALIGNED:
      return `m ${slot} ${trace.extra(op)} ${trace.size(op)}\n`;
    case OpKind.REALLOCATE:
      return `r ${slot} ${trace.size(op)}\n`;
    case OpKind.FREE:
      return `f ${slot}\n`;
  }
};
