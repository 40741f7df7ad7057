import { LinearMemory } from "@heapwright/heap-memory";
import { buildSpec } from "../specs/build.ts";
import type { Spec } from "../specs/grammar.ts";
import { strategies } from "../specs/registry.ts";
import type { Columns } from "./columns.ts";
import { Driver } from "./driver.ts";
import type { CostResult } from "./results.ts";
import { countViews, TouchCounter } from "./touch-counter.ts";

/** Operations counted, in the middle of the trace, where the heap is in use. */
const WINDOW = 30_000;

/**
 * Counts the words, cache lines and pages of the heap that an operation touches: the same on every machine and in every
 * run. Null for what hides its accesses: WebAssembly, and memory that is not renewed.
 */
export const costRun = async (
  spec: Spec,
  columns: Columns,
  progress: Int32Array,
): Promise<CostResult | null> => {
  if (strategies[spec.name]?.peer) return null;
  const { allocator } = await buildSpec(spec);
  const { memory } = allocator;
  if (!(memory instanceof LinearMemory) || memory.wasm === undefined) return null;
  const driver = new Driver(columns, allocator);
  const from = Math.max(0, Math.floor((columns.length - WINDOW) / 2));
  const to = Math.min(columns.length, from + WINDOW);
  driver.run(0, from);

  const counter = new TouchCounter();
  const { wasm } = memory;
  countViews(() => wasm.buffer, counter);
  wasm.grow(0);
  memory.refresh();
  counter.words = 0;
  counter.endOp();
  counter.lines = 0;
  counter.pages = 0;
  for (let op = from; op < to; op++) {
    driver.run(op, op + 1);
    counter.endOp();
    if (op % 1024 === 0) progress[0] = op;
  }
  const ops = Math.max(to - from, 1);
  return { from, ops, words: counter.words / ops, lines: counter.lines / ops, pages: counter.pages / ops };
};
