import { Spans } from "@heapwright/spans";
import type { AddressAllocator } from "../allocator.ts";

/**
 * `new Spans()`, as its README shows it. What it holds is all up to its break: the memory behind is never touched, no more
 * than what lies behind the break of a process.
 */
export const create = (): AddressAllocator => {
  const heap = new Spans() as Spans & { held(): number };
  heap.held = () => heap.footprint();
  return heap;
};
