/*
 * The end of a heap: everything that it got from the system goes back, whatever is still live.
 */
import { LinearPages } from "@heapwright/heap-memory";
import { arenasOf } from "./arenas/arena.ts";
import { deleteHeap, heapPrevious } from "./arenas/heap.ts";
import type { Core } from "./core.ts";
import { HEADER } from "./layout/statics.ts";

/** Unmaps every heap and mapped chunk, moves the break back to where it was, and takes the heap's name off the memory. */
export const endHeap = (core: Core): void => {
  const { mem, source, state, maps } = core;
  core.unwatch();
  for (const arena of arenasOf(core)) {
    if (arena === core.main) continue;
    for (let heap = core.heapFor(core.top(arena)); heap !== 0; ) {
      const previous = heapPrevious(core, heap);
      deleteHeap(core, heap);
      heap = previous;
    }
  }
  for (const chunk of core.mappings) {
    const before = core.prevSize(chunk);
    maps?.munmap(chunk - before, before + core.size(chunk));
  }
  core.mappings.clear();
  const start = mem.load32(state + HEADER.start);
  const brk = source.sbrk(0);
  const top = core.top(core.main);
  const ours = top + core.size(top) === brk || top === core.bin(core.main, 1);
  mem.store32(state, 0);
  // Where someone else has moved the break since, what lies below it is not ours to give back.
  if (ours && brk > start) source.sbrk(start - brk);
  if (source instanceof LinearPages) source.root = 0;
};
