import { HeapwrightError } from "@heapwright/allocator";

/** A trace that is not what its format says: the message names the line and what is wrong with it. */
export class TraceFormatError extends HeapwrightError {
  override readonly name = "TraceFormatError";
  readonly code = "ERR_TRACE_FORMAT";
  /** The line at fault, counted from 1; 0 when the fault is of the trace as a whole. */
  readonly line: number;
  /** What is wrong, without the line number. */
  readonly reason: string;

  constructor(line: number, reason: string) {
    super(line === 0 ? reason : `line ${line}: ${reason}`);
    this.line = line;
    this.reason = reason;
  }
}
