import {
  AttachError,
  DoubleFreeError,
  InvalidArgumentError,
  InvalidPointerError,
} from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NO_SPACE, RangeBuddy } from "../src/index.ts";
import { Intervals } from "./intervals.ts";

const UNIT = 16;
const roundUp = (size: number): number => Math.max(Math.ceil(size / UNIT), 1) * UNIT;

type Command = (range: RangeBuddy, model: Intervals) => void;

const allocate = (tail: "give back" | "keep"): fc.Arbitrary<Command> =>
  fc
    .tuple(fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 11000 })), fc.constantFrom(1, 4, 16, 64, 256, 1024))
    .map(([wanted, alignment]) => (range, model) => {
      const size = roundUp(wanted);
      const fits = model.fits(size, Math.max(alignment, UNIT));
      const offset = range.allocate(wanted, alignment);
      if (offset === NO_SPACE) expect(fits && tail === "give back").toBe(false);
      else model.add(offset, range.sizeOf(offset), Math.max(alignment, UNIT));
      if (offset !== NO_SPACE && tail === "give back") expect(range.sizeOf(offset)).toBe(size);
      if (offset !== NO_SPACE) expect(range.sizeOf(offset)).toBeGreaterThanOrEqual(size);
    });
const free: fc.Arbitrary<Command> = fc.nat().map((which) => (range, model) => {
  const [block] = model.live.splice(which % Math.max(model.live.length, 1), 1);
  if (block === undefined) return;
  range.free(block.offset);
  expect(() => range.free(block.offset)).toThrow(DoubleFreeError);
});
const grow: fc.Arbitrary<Command> = fc.integer({ min: 1, max: 300 }).map((units) => (range, model) => {
  model.size += units * UNIT;
  expect(range.grow(model.size)).toBe(true);
});

describe.each(["give back", "keep"] as const)("tail: %s", (tail) => {
  test("agrees with plain intervals after every step", () => {
    const commands = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: allocate(tail) },
        { weight: 5, arbitrary: free },
        { weight: 1, arbitrary: grow },
      ),
      { maxLength: 120, size: "max" },
    );
    fc.assert(
      fc.property(commands, (list) => {
        const range = RangeBuddy.create(10_000, { unit: UNIT, tail });
        const model = new Intervals(10_000);
        for (const command of list) {
          command(range, model);
          expect(range.check()).toEqual([]);
          const report = range.storageReport();
          const expected = model.report();
          expect(report).toMatchObject({ size: model.size, allocations: model.live.length });
          expect(report.totalFreeSpace).toBe(expected.totalFreeSpace);
          if (tail === "give back") expect(report.largestFreeRegion).toBe(expected.largestFreeRegion);
          if (report.largestFreeRegion > 0) {
            const offset = range.allocate(report.largestFreeRegion);
            expect(offset).not.toBe(NO_SPACE);
            range.free(offset);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

test("the whole of a range that is no power of two can be had, and offsets beyond 2^32 are exact", () => {
  const range = RangeBuddy.create(100_000_000);
  expect(range.allocate(range.size)).toBe(0);
  const large = RangeBuddy.create(2 ** 40, { unit: 2 ** 26 });
  const offsets = [2 ** 39, 2 ** 38 + 1, 2 ** 30].map((size) => large.allocate(size, 2 ** 31));
  expect(offsets.every((offset) => offset % 2 ** 31 === 0)).toBe(true);
  expect(Math.max(...offsets)).toBeGreaterThan(2 ** 32);
  for (const offset of offsets) large.free(offset);
  expect(large.storageReport()).toMatchObject({ totalFreeSpace: 2 ** 40, largestFreeRegion: 2 ** 40 });
});

test("misuse is named, and another instance attaches", () => {
  const metadata = LinearMemory.fixed(65536);
  const range = RangeBuddy.create(2 ** 20, { metadata });
  const block = range.allocate(1000);
  expect(() => range.free(block + 256)).toThrow(/inside an allocation/);
  expect(() => range.free(block + 1)).toThrow(InvalidPointerError);
  expect(() => range.free(2 ** 20)).toThrow(InvalidPointerError);
  expect(() => range.allocate(1, 3)).toThrow(InvalidArgumentError);
  expect(() => range.allocate(-1)).toThrow(InvalidArgumentError);
  expect(range.grow(2 ** 30)).toBe(false);
  RangeBuddy.attach(metadata).free(block);
  expect(range.storageReport().allocations).toBe(0);
  expect(() => RangeBuddy.attach(LinearMemory.fixed(4096))).toThrow(AttachError);
});
