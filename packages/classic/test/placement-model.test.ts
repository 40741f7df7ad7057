import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BestFit, FirstFit, NextFit } from "../src/index.ts";

/*
 * The policies by their definitions, over a plain list of the free chunks in address order. The heaps must choose the same
 * chunk each time.
 */
interface Chunk {
  readonly address: number;
  readonly size: number;
}

type Policy = (free: readonly Chunk[], needed: number) => Chunk | undefined;

const firstFit: Policy = (free, needed) => free.find(({ size }) => size >= needed);
const bestFit: Policy = (free, needed) => {
  const fitting = free.filter(({ size }) => size >= needed);
  const least = Math.min(...fitting.map(({ size }) => size));
  return fitting.find(({ size }) => size === least);
};
const nextFit = (): Policy => {
  let place = 0;
  return (free, needed) => {
    const fitting = free.filter(({ size }) => size >= needed);
    const chosen = fitting.find(({ address }) => address >= place) ?? fitting[0];
    if (chosen !== undefined) place = chosen.address;
    return chosen;
  };
};

test.each([
  ["FirstFit", FirstFit, () => firstFit],
  ["NextFit", NextFit, nextFit],
  ["BestFit", BestFit, () => bestFit],
] as const)("%s chooses the chunk that its definition says", (_name, Strategy, policyOf) => {
  const sizes = fc.oneof(fc.nat({ max: 60 }), fc.constantFrom(100, 100, 200), fc.nat({ max: 3000 }));
  const command = fc.tuple(fc.boolean(), sizes, fc.nat());
  fc.assert(
    fc.property(fc.array(command, { maxLength: 300, size: "max" }), (commands) => {
      const heap = new Strategy(LinearPages.create(LinearMemory.fixed(2 ** 17)));
      const policy = policyOf();
      const live: number[] = [];
      for (const [allocates, size, which] of commands) {
        if (allocates || live.length === 0) {
          const free = [...heap.walk()].filter(({ state }) => state === "free");
          const chosen = policy(free, heap.goodSize(size) + 4);
          const block = heap.allocate(size);
          // Without a fit the heap grows or is full; what is new lies at its end.
          if (chosen !== undefined) expect(block).toBe(chosen.address + 4);
          if (block !== 0) live.push(block);
        } else {
          heap.deallocate(live.splice(which % live.length, 1)[0]!);
        }
      }
      expect(heap.check()).toEqual([]);
    }),
    { numRuns: 50 },
  );
});
