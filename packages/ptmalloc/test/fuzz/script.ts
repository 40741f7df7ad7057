/*
 * A random trace while it is being made and shrunk: a list of steps that name blocks, not slots, so that any of them can be
 * left out and what remains is still a trace.
 */
import { formatTrace, TraceBuilder } from "@heapwright/trace";

/** One op on a block. `extra` is calloc's count or memalign's alignment. */
export interface Step {
  readonly kind: "a" | "c" | "m" | "r" | "f";
  readonly thread: number;
  readonly block: number;
  readonly size: number;
  readonly extra: number;
}

/** The steps that make sense by themselves: those whose block was allocated and not freed before. */
export const valid = (steps: readonly Step[]): Step[] => {
  const live = new Set<number>();
  return steps.filter(({ kind, block }) => {
    if (kind === "f") return live.delete(block);
    if (kind === "r") return live.has(block);
    if (live.has(block)) return false;
    live.add(block);
    return true;
  });
};

/** The steps as a trace's text; threads are numbered as they appear, slots reused last freed first. */
export const scriptText = (steps: readonly Step[], name: string): string => {
  const builder = new TraceBuilder();
  const threads = new Map([[0, 0]]);
  const slots = new Map<number, number>();
  const free: number[] = [];
  const slotOf = (block: number): number => {
    let slot = slots.get(block);
    if (slot === undefined) {
      slot = free.pop() ?? slots.size;
      slots.set(block, slot);
    }
    return slot;
  };
  for (const { kind, thread, block, size, extra } of valid(steps)) {
    let number = threads.get(thread);
    if (number === undefined) {
      number = threads.size;
      threads.set(thread, number);
    }
    builder.switchThread(number);
    const slot = slotOf(block);
    let fault: string | undefined;
    if (kind === "a") fault = builder.allocate(slot, size);
    else if (kind === "c") fault = builder.zeroed(slot, extra, size);
    else if (kind === "m") fault = builder.aligned(slot, extra, size);
    else if (kind === "r") fault = builder.reallocate(slot, size);
    else {
      fault = builder.free(slot);
      slots.delete(block);
      free.push(slot);
    }
    if (fault !== undefined) throw new Error(fault);
  }
  return [...formatTrace(builder.finish(name))].join("");
};
