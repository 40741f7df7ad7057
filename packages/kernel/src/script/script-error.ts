import { HeapwrightError } from "@heapwright/allocator";

/** A line of a script that means nothing. */
export class ScriptError extends HeapwrightError {
  override readonly name = "ScriptError";
  readonly code = "ERR_SCRIPT";
  /** The line's number, from 1. */
  readonly line: number;

  /** @param reason what is wrong with the line. */
  constructor(line: number, reason: string) {
    super(`line ${line}: ${reason}`);
    this.line = line;
  }
}
