import { HeapwrightError } from "@heapwright/allocator";

/** A line of a script that means nothing. */
export class ScriptError extends HeapwrightError {
  /** The class's name. */
  override readonly name = "ScriptError";
  /** A stable name for programs to test. */
  readonly code = "ERR_SCRIPT";
  /** The line's number, from 1. */
  readonly line: number;

  /** @param reason what is wrong with the line. */
  constructor(line: number, reason: string) {
    super(`line ${line}: ${reason}`);
    this.line = line;
  }
}
