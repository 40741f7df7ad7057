import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { Ptmalloc } from "@heapwright/ptmalloc";
import type { AddressAllocator } from "../allocator.ts";

/** glibc's malloc, modelled to the byte, over a linear memory that grows. */
export const create = (): AddressAllocator => {
  const memory = LinearMemory.growing();
  const heap = new Ptmalloc(LinearPages.create(memory)) as Ptmalloc & { held(): number };
  heap.held = () => memory.byteLength;
  return heap;
};
