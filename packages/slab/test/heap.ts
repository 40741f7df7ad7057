import { Buddy } from "@heapwright/buddy";
import { LinearMemory } from "@heapwright/heap-memory";
import { Kmalloc, type SlabOptions, Slabs } from "@heapwright/slab";

/** Kmalloc over a buddy over a fixed memory. */
export const kmallocOver = (bytes: number, options: SlabOptions = {}): Kmalloc => {
  const memory = LinearMemory.fixed(bytes);
  return new Kmalloc(Buddy.create(memory), memory, options);
};

/** Caches over a buddy over a fixed memory. */
export const slabsOver = (bytes: number, options: SlabOptions = {}): Slabs => {
  const memory = LinearMemory.fixed(bytes);
  return Slabs.create(Buddy.create(memory), memory, options);
};
