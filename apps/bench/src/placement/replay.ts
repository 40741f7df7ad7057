/*
 * Replays a trace over a heap in C's words, one word of output an op: the pointer for a, c, m, r; the break after f.
 *
 * The loop meets one class at each call site, so a trace of millions of ops runs at the heap's own speed.
 */
import type { Ptmalloc, ThreadHeap } from "@heapwright/ptmalloc";
import { OpKind, type Trace } from "@heapwright/trace";
import { Words } from "./words.ts";

/** What a trace is replayed over: a heap, and how the addresses of its memory are to be printed. */
export interface ReplayTarget {
  readonly heap: Ptmalloc;
  /** The address to print for one of the heap's memory. */
  toReal(address: number): number;
  /** The program break, as it is to be printed. */
  readonly break: number;
}

/** A trace on its way over a heap. */
export class Replay {
  readonly trace: Trace;
  readonly #target: ReplayTarget;
  readonly #threads: readonly ThreadHeap[];
  readonly #slots: Uint32Array;
  /** The next op to run. */
  #next = 0;

  constructor(trace: Trace, target: ReplayTarget) {
    this.trace = trace;
    this.#target = target;
    this.#threads = Array.from({ length: threadsOf(trace) }, (_, thread) => target.heap.thread(thread));
    this.#slots = new Uint32Array(trace.slotCount);
  }

  /** The block in a slot, in the heap's memory; 0 when there is none. */
  slot(slot: number): number {
    return this.#slots[slot]!;
  }

  /**
   * Runs the ops up to and without `end`. After op n, word n + 1 is set.
   *
   * @throws HeapCorruptionError when the heap finds itself broken.
   */
  runTo(end: number, words: Words): void {
    const slots = this.#slots;
    const target = this.#target;
    const { trace } = this;
    const { kinds, threads } = trace;
    const slotOf = trace.slots;
    for (; this.#next < end; this.#next++) {
      const op = this.#next;
      const thread = this.#threads[threads[op]!]!;
      const slot = slotOf[op]!;
      const kind = kinds[op]!;
      if (kind === OpKind.FREE) {
        thread.free(slots[slot]!);
        slots[slot] = 0;
        words.set(op + 1, target.break);
        continue;
      }
      let block: number;
      if (kind === OpKind.ALLOCATE) block = thread.malloc(trace.size(op));
      else if (kind === OpKind.REALLOCATE) block = thread.realloc(slots[slot]!, trace.size(op));
      else if (kind === OpKind.ZEROED) block = thread.calloc(trace.extra(op), trace.size(op));
      else block = thread.memalign(trace.extra(op), trace.size(op));
      slots[slot] = block;
      words.set(op + 1, target.toReal(block));
    }
  }
}

/** Threads to create for a trace: one more than the highest that it names. */
export const threadsOf = (trace: Trace): number => {
  let threads = trace.threadCount;
  for (const thread of trace.threads) if (thread >= threads) threads = thread + 1;
  return threads;
};

/** Replays a whole trace. Word 0 is the break before the first op. */
export const replay = (trace: Trace, target: ReplayTarget): Words => {
  const words = new Words(trace.length + 1);
  words.set(0, target.break);
  new Replay(trace, target).runTo(trace.length, words);
  return words;
};
