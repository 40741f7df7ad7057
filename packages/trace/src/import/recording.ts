import { TraceBuilder } from "../builder.ts";
import type { Trace } from "../trace.ts";

/** What had to be left out or made up to turn a recording of pointers into a trace. */
export interface RecordingNotes {
  /** Frees and reallocations of pointers that the recording never saw allocated: left out (the latter: a malloc). */
  readonly unknownPointers: number;
  /** Allocations at a pointer that was still live, whose free the recording missed: a free was put before them. */
  readonly missedFrees: number;
  /** Calls that failed (gave NULL): left out. */
  readonly failedCalls: number;
}

/**
 * Turns calls with pointers, as every recorder sees them, into a trace with slots: a slot is taken when a block is
 * born, reused after its free, last freed first reused.
 *
 * `free(NULL)` is left out, `realloc(NULL, n)` becomes `malloc(n)`, `realloc(p, 0)` becomes `free(p)`.
 *
 * Pointers are numbers or any strings that name them uniquely. Sizes are bytes. Cost: O(1) a call. A size, count or
 * alignment that no trace can hold is a RangeError, and the recording must not be used afterwards.
 *
 * @example
 * ```ts
 * import { Recording } from "@heapwright/trace";
 *
 * const recording = new Recording();
 * recording.malloc(0x5000, 24);
 * recording.realloc(0x5000, 100, 0x6000);
 * recording.free(0x6000);
 * const trace = recording.finish("three calls");
 * ```
 */
export class Recording {
  readonly #builder: TraceBuilder = new TraceBuilder();
  readonly #slots: Map<number | string, number> = new Map<number | string, number>();
  readonly #free: number[] = [];
  readonly #threads: Map<number | string, number> = new Map<number | string, number>();
  #unknownPointers = 0;
  #missedFrees = 0;
  #failedCalls = 0;

  /** `malloc(size)` returned `pointer`; 0 when it failed. */
  malloc(pointer: number | string, size: number): void {
    const slot = this.#born(pointer);
    if (slot >= 0) this.#expect(this.#builder.allocate(slot, size));
  }

  /** `calloc(count, size)` returned `pointer`; 0 when it failed. */
  calloc(pointer: number | string, count: number, size: number): void {
    const slot = this.#born(pointer);
    if (slot >= 0) this.#expect(this.#builder.zeroed(slot, count, size));
  }

  /** `memalign(alignment, size)` or a sibling returned `pointer`; 0 when it failed. */
  memalign(pointer: number | string, alignment: number, size: number): void {
    const slot = this.#born(pointer);
    if (slot >= 0) this.#expect(this.#builder.aligned(slot, alignment, size));
  }

  /** `realloc(old, size)` returned `pointer`. */
  realloc(old: number | string, size: number, pointer: number | string): void {
    const slot = this.#slots.get(old);
    if (old === 0) this.malloc(pointer, size);
    else if (size === 0) this.free(old);
    else if (pointer === 0) this.#failedCalls++;
    else if (slot === undefined) {
      this.#unknownPointers++;
      this.malloc(pointer, size);
    } else {
      this.#slots.delete(old);
      if (this.#slots.has(pointer)) {
        this.#missedFrees++;
        this.free(pointer);
      }
      this.#slots.set(pointer, slot);
      this.#expect(this.#builder.reallocate(slot, size));
    }
  }

  /** `free(pointer)`. */
  free(pointer: number | string): void {
    if (pointer === 0) return;
    const slot = this.#slots.get(pointer);
    if (slot === undefined) {
      this.#unknownPointers++;
      return;
    }
    this.#slots.delete(pointer);
    this.#free.push(slot);
    this.#expect(this.#builder.free(slot));
  }

  /** The calls that follow ran on this thread, by whatever id; the first thread ever named is thread 0. */
  thread(id: number | string): void {
    let thread = this.#threads.get(id);
    if (thread === undefined) {
      thread = this.#threads.size;
      this.#threads.set(id, thread);
    }
    this.#expect(this.#builder.switchThread(thread));
  }

  /** What was left out or made up so far. */
  notes(): RecordingNotes {
    return {
      unknownPointers: this.#unknownPointers,
      missedFrees: this.#missedFrees,
      failedCalls: this.#failedCalls,
    };
  }

  /** The trace of all calls. The recording must not be used afterwards. */
  finish(program: string): Trace {
    return this.#builder.finish(program);
  }

  /** A slot for the new block at `pointer`, or -1 when the call failed. */
  #born(pointer: number | string): number {
    if (pointer === 0) {
      this.#failedCalls++;
      return -1;
    }
    if (this.#slots.has(pointer)) {
      this.#missedFrees++;
      this.free(pointer);
    }
    const slot = this.#free.pop() ?? this.#slots.size;
    this.#slots.set(pointer, slot);
    return slot;
  }

  #expect(fault: string | undefined): void {
    if (fault !== undefined) throw new RangeError(fault);
  }
}
