/**
 * Allocation traces: what a real program asked of its `malloc`, to be replayed over any allocator.
 *
 * @packageDocumentation
 */
export { TraceBuilder } from "./builder.ts";
export { TraceFormatError } from "./errors.ts";
export { importHeaptrack } from "./import/heaptrack.ts";
export { importLtrace } from "./import/ltrace.ts";
export { importMtrace } from "./import/mtrace.ts";
export { Recording, type RecordingNotes } from "./import/recording.ts";
export { parseTrace, type ReadOptions, readTrace, TraceReader } from "./reader.ts";
export { type ReplayFault, type ReplayOptions, type ReplayResult, replay } from "./replay.ts";
export { type TraceStatistics, traceStatistics } from "./statistics.ts";
export {
  OpKind,
  type OpKindValue,
  Trace,
  type TraceColumns,
  type TraceSummary,
  WIDE,
} from "./trace.ts";
export { formatTrace } from "./writer.ts";
