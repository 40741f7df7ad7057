/**
 * Allocation traces: what a real program asked of its `malloc`, to be replayed over any allocator.
 *
 * @packageDocumentation
 */
export { TraceBuilder } from "./builder.ts";
export { TraceFormatError } from "./errors.ts";
export { parseTrace, readTrace, TraceReader } from "./reader.ts";
export {
  OpKind,
  type OpKindValue,
  Trace,
  type TraceColumns,
  type TraceSummary,
  WIDE,
} from "./trace.ts";
export { formatTrace } from "./writer.ts";
