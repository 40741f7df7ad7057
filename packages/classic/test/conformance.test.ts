import type { Allocator, PageSource } from "@heapwright/allocator";
import { conformanceCases } from "@heapwright/allocator/conformance";
import { CheckedMemory, LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { describe, test } from "vitest";
import { BestFit, Bump, FirstFit, KernighanRitchie, NextFit, Tlsf } from "../src/index.ts";

const strategies: [string, new (source: PageSource) => Allocator][] = [
  ["FirstFit", FirstFit],
  ["NextFit", NextFit],
  ["BestFit", BestFit],
  ["KernighanRitchie", KernighanRitchie],
  ["Tlsf", Tlsf],
];

/** A byte overrun, and a header with a size that leads nowhere. */
const damage = [
  (allocator: Allocator, address: number): void => {
    allocator.memory.store32(address + 40 + 4 - (address % 8), 0x7f7f7f78);
    allocator.memory.store32(address + 44, 0x7f7f7f78);
  },
  (allocator: Allocator, address: number): void => allocator.memory.store32(address - 4, 0xfffffff9),
];

for (const [name, Strategy] of strategies) {
  describe(`${name} over fixed memory`, () => {
    const factory = (): Allocator => new Strategy(LinearPages.create(LinearMemory.fixed(2 ** 18)));
    for (const c of conformanceCases(factory, { detectsDoubleFree: true, damage })) test(c.name, c.run);
  });
  describe(`${name} over growing memory`, () => {
    const factory = (): Allocator =>
      new Strategy(LinearPages.create(LinearMemory.growing({ maximum: 2 ** 20 })));
    for (const c of conformanceCases(factory)) test(c.name, c.run);
  });
  describe(`${name} over memory that refuses accesses out of range or misaligned`, () => {
    const factory = (): Allocator => {
      const pages = LinearPages.create(LinearMemory.fixed(2 ** 16));
      const memory = new CheckedMemory(pages.memory);
      return new Strategy({ memory, pageSize: pages.pageSize, sbrk: (increment) => pages.sbrk(increment) });
    };
    for (const c of conformanceCases(factory)) test(c.name, c.run);
  });
  describe(`${name} where somebody else moves the break too`, () => {
    const factory = (): Allocator => {
      const pages = LinearPages.create(LinearMemory.fixed(2 ** 18));
      let calls = 0;
      return new Strategy({
        memory: pages.memory,
        pageSize: pages.pageSize,
        sbrk(increment: number): number {
          if (increment === 0 && ++calls % 2 === 0) pages.sbrk(100);
          return pages.sbrk(increment);
        },
      });
    };
    for (const c of conformanceCases(factory, { exhausts: false })) test(c.name, c.run);
  });
}

describe("Bump", () => {
  const factory = (): Allocator => new Bump(LinearPages.create(LinearMemory.fixed(2 ** 18)));
  for (const c of conformanceCases(factory, { reuses: false })) test(c.name, c.run);
});
