import { Spans } from "@heapwright/spans";
import type { AddressAllocator } from "../allocator.ts";

/** `new Spans()`, as its README shows it. What it holds is the whole WebAssembly.Memory. */
export const create = (): AddressAllocator => {
  const heap = new Spans() as Spans & { held(): number };
  heap.held = () => heap.memory.byteLength;
  return heap;
};
