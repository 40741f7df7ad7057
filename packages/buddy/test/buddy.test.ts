import { DoubleFreeError, InvalidArgumentError, InvalidPointerError, NULL } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Buddy } from "../src/index.ts";

test("runs are aligned to their size, split and merge", () => {
  const buddy = Buddy.create(LinearMemory.fixed(2 ** 22));
  const first = buddy.allocatePages(3);
  expect(first % 32768).toBe(0);
  const runs = [0, 1, 2, 3, 0].map((order) => ({ order, address: buddy.allocatePages(order) }));
  for (const { order, address } of runs) expect(address % (4096 << order)).toBe(0);
  for (const { order, address } of runs) buddy.freePages(address, order);
  buddy.freePages(first, 3);
  buddy.drain();
  expect(buddy.areas.freeFrames).toBe(buddy.areas.frames);
  expect(() => buddy.freePages(first, 3)).toThrow(DoubleFreeError);
});

test("misuse is named", () => {
  const buddy = Buddy.create(LinearMemory.fixed(2 ** 22));
  const run = buddy.allocatePages(4);
  expect(() => buddy.freePages(run, 3)).toThrow(/handed out with order 4, not 3/);
  const page = buddy.allocatePages(0);
  for (const order of [0.5, 32, 64, 1024, -1, Number.NaN, 2 ** 32]) {
    expect(() => buddy.freePages(page, order)).toThrow(InvalidPointerError);
    if (order !== Math.abs(Math.floor(order)))
      expect(() => buddy.allocatePages(order)).toThrow(InvalidArgumentError);
    else expect(buddy.allocatePages(order)).toBe(NULL);
  }
  buddy.freePages(page, 0);
  expect(() => buddy.freePages(run + 4096, 0)).toThrow(/inside a run/);
  expect(() => buddy.freePages(run + 1, 4)).toThrow(InvalidPointerError);
  expect(() => buddy.freePages(2 ** 30, 4)).toThrow(/no page of this range/);
  expect(() => buddy.freePages(-4096, 4)).toThrow(InvalidPointerError);
  buddy.freePages(run, 4);
});

test("exhaustion returns NULL, and the memory grows under it when it can", () => {
  const fixed = Buddy.create(LinearMemory.fixed(2 ** 20));
  let count = 0;
  while (fixed.allocatePages(0) !== NULL) count++;
  expect(count).toBe(fixed.areas.frames);
  const growing = Buddy.create(LinearMemory.growing({ initial: 2 ** 16, maximum: 2 ** 24 }));
  expect(growing.allocatePages(10)).toBe(2 ** 22);
  expect(growing.allocatePages(10)).toBe(2 ** 23);
  expect(growing.allocatePages(11)).toBe(NULL);
});

test("random runs never overlap and all come back", () => {
  const command = fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 1000 }));
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200, size: "max" }), (commands) => {
      const memory = LinearMemory.fixed(2 ** 20);
      const buddy = Buddy.create(memory, { maxOrder: 6, pageSize: 1024 });
      const live: { address: number; order: number }[] = [];
      for (const [what, which] of commands) {
        if (what < 7) {
          const address = buddy.allocatePages(what);
          if (address === NULL) continue;
          const end = address + (1024 << what);
          for (const run of live) {
            expect(end <= run.address || run.address + (1024 << run.order) <= address).toBe(true);
          }
          memory.fill(address, 1024 << what, 0xff);
          live.push({ address, order: what });
        } else if (live.length > 0) {
          const [run] = live.splice(which % live.length, 1);
          buddy.freePages(run!.address, run!.order);
        }
      }
      for (const { address, order } of live) buddy.freePages(address, order);
      buddy.drain();
      expect(buddy.areas.freeFrames).toBe(buddy.areas.frames);
    }),
  );
});
