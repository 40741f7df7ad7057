import { Ptmalloc } from "@heapwright/ptmalloc";
import type { AddressAllocator } from "../allocator.ts";

/** glibc's malloc, modelled to the byte: `new Ptmalloc()`, as its README shows it. What it holds is counted as of spans. */
export const create = (): AddressAllocator => {
  const heap = new Ptmalloc() as Ptmalloc & { held(): number };
  heap.held = () => heap.footprint();
  return heap;
};
