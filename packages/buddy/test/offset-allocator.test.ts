import {
  AttachError,
  DoubleFreeError,
  InvalidArgumentError,
  InvalidPointerError,
} from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NO_SPACE, OffsetAllocator } from "../src/index.ts";
import { Intervals } from "./intervals.ts";

type Command = (allocator: OffsetAllocator, model: Intervals) => void;

const alignments = fc.oneof(fc.constantFrom(1, 2, 4, 16, 256, 4096), fc.constantFrom(3, 12, 20, 48, 1000));
const allocate = (sizes: fc.Arbitrary<number>): fc.Arbitrary<Command> =>
  fc.tuple(sizes, alignments).map(([size, alignment]) => (allocator, model) => {
    const fits = model.fits(Math.max(size, 1), alignment);
    const offset = allocator.allocate(size, alignment);
    // Exact in both directions: it fails only when nothing fits.
    expect(offset !== NO_SPACE).toBe(fits);
    if (offset !== NO_SPACE) model.add(offset, Math.max(size, 1), alignment);
  });
const free: fc.Arbitrary<Command> = fc.nat().map((which) => (allocator, model) => {
  const [block] = model.live.splice(which % Math.max(model.live.length, 1), 1);
  if (block === undefined) return;
  expect(allocator.sizeOf(block.offset)).toBe(block.size);
  allocator.free(block.offset);
  expect(() => allocator.free(block.offset)).toThrow(DoubleFreeError);
});
const grow: fc.Arbitrary<Command> = fc.integer({ min: 1, max: 5000 }).map((more) => (allocator, model) => {
  expect(allocator.grow(model.size + more)).toBe(true);
  model.size += more;
});
const compact: fc.Arbitrary<Command> = fc
  .tuple(fc.boolean(), fc.nat({ max: 20 }))
  .map(([overlapping, steps]) => (allocator, model) => {
    const before = allocator.storageReport();
    const plan = allocator.compactionPlan(overlapping);
    for (const move of plan.slice(0, steps)) {
      const index = model.live.findIndex(({ offset }) => offset === move.from);
      const [block] = model.live.splice(index, 1);
      if (!overlapping) expect(move.to + move.size).toBeLessThanOrEqual(move.from);
      // The target must be free of everything but the block itself.
      model.add(move.to, block!.size, block!.alignment);
      allocator.commit(move);
    }
    expect(allocator.storageReport().totalFreeSpace).toBe(before.totalFreeSpace);
    if (steps >= plan.length && overlapping && model.live.every(({ alignment }) => alignment === 1)) {
      expect(allocator.storageReport().freeRegions).toBeLessThanOrEqual(1);
    }
  });

const verify = (allocator: OffsetAllocator, model: Intervals): void => {
  expect(allocator.check()).toEqual([]);
  const report = allocator.storageReport();
  expect(report).toEqual({ size: model.size, allocations: model.live.length, ...model.report() });
  if (report.largestFreeRegion > 0) {
    // What the report promises can be had.
    const offset = allocator.allocate(report.largestFreeRegion, 1);
    expect(offset).not.toBe(NO_SPACE);
    allocator.free(offset);
  }
};

const sizes = {
  "small sizes": fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 2000 })),
  "sizes near the whole": fc.oneof(fc.integer({ min: 9000, max: 10000 }), fc.nat({ max: 5000 })),
};

describe.each(Object.entries(sizes))("%s", (_name, arbitrary) => {
  test("agrees with plain intervals after every step", () => {
    const commands = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: allocate(arbitrary) },
        { weight: 5, arbitrary: free },
        { weight: 1, arbitrary: grow },
        { weight: 1, arbitrary: compact },
      ),
      { maxLength: 150, size: "max" },
    );
    fc.assert(
      fc.property(commands, (list) => {
        const allocator = OffsetAllocator.create(10_000);
        const model = new Intervals(10_000);
        for (const command of list) {
          command(allocator, model);
          verify(allocator, model);
        }
      }),
      { numRuns: 60 },
    );
  });
});

test("ranges beyond 2^32 are exact", () => {
  const size = 2 ** 45 + 12345;
  const allocator = OffsetAllocator.create(size);
  const model = new Intervals(size);
  const blocks = [2 ** 40 + 1, 7, 2 ** 44 - 3, 2 ** 33, 1].map((bytes) => {
    const offset = allocator.allocate(bytes, 256);
    model.add(offset, bytes, 256);
    verify(allocator, model);
    return offset;
  });
  expect(blocks.some((offset) => offset > 2 ** 40)).toBe(true);
  for (const offset of blocks) allocator.free(offset);
  expect(allocator.allocate(size)).toBe(0);
});

test("the whole range, and one byte less, can be had at once", () => {
  for (const size of [1, 31, 33, 1000, 65537, 2 ** 20 - 1, 10 ** 9 + 7]) {
    const allocator = OffsetAllocator.create(size);
    const whole = allocator.allocate(size, 4096);
    expect(whole).toBe(0);
    expect(allocator.allocate(1)).toBe(NO_SPACE);
    allocator.free(whole);
    if (size > 1) expect(allocator.allocate(size - 1)).toBe(0);
  }
});

test("the one region that fits is found among many of its class that do not", () => {
  const allocator = OffsetAllocator.create(200_000);
  // 1024 to 1055 bytes are one class. The large one is freed first, so it stands last on the list.
  const sizes = [1050, ...Array.from({ length: 60 }, () => 1025)];
  const regions = sizes.map((size) => {
    const offset = allocator.allocate(size);
    allocator.allocate(1);
    return offset;
  });
  while (allocator.allocate(1056) !== NO_SPACE);
  const rest = allocator.storageReport().largestFreeRegion;
  if (rest > 0) allocator.allocate(rest);
  for (const offset of regions) allocator.free(offset);
  expect(allocator.allocate(1051)).toBe(NO_SPACE);
  expect(allocator.allocate(1050)).toBe(regions[0]);
});

test("the number of allocations is bounded by the bytes alone", () => {
  const allocator = OffsetAllocator.create(50_000);
  for (let i = 0; i < 50_000; i++) expect(allocator.allocate(1)).not.toBe(NO_SPACE);
  expect(allocator.allocate(1)).toBe(NO_SPACE);
  expect(allocator.storageReport().allocations).toBe(50_000);
  for (let i = 0; i < 50_000; i++) allocator.free((i * 7919) % 50_000);
  expect(allocator.check()).toEqual([]);
  expect(allocator.storageReport()).toMatchObject({ totalFreeSpace: 50_000, freeRegions: 1 });
});

test("full records are exhaustion, at whatever step, and change nothing", () => {
  for (let bytes = 8192; bytes < 8192 + 400; bytes += 8) {
    const allocator = OffsetAllocator.create(10_000, { metadata: LinearMemory.fixed(bytes) });
    const offsets: number[] = [];
    for (let offset = allocator.allocate(10, 64); offset !== NO_SPACE; offset = allocator.allocate(10, 64)) {
      offsets.push(offset);
      expect(allocator.check()).toEqual([]);
    }
    expect(allocator.check()).toEqual([]);
    for (const offset of offsets) allocator.free(offset);
    expect(allocator.storageReport()).toMatchObject({ totalFreeSpace: 10_000, largestFreeRegion: 10_000 });
  }
});

test("granularity rounds sizes and offsets", () => {
  const allocator = OffsetAllocator.create(2 ** 20 + 100, { granularity: 256 });
  expect(allocator.size).toBe(2 ** 20);
  const first = allocator.allocate(1);
  const second = allocator.allocate(257, 12);
  expect(allocator.sizeOf(first)).toBe(256);
  expect(allocator.sizeOf(second)).toBe(512);
  expect(second % 768).toBe(0);
});

test("misuse is named, and another instance attaches", () => {
  const metadata = LinearMemory.growing();
  const allocator = OffsetAllocator.create(1000, { metadata });
  const block = allocator.allocate(100);
  expect(() => allocator.free(block + 1)).toThrow(InvalidPointerError);
  expect(() => allocator.free(-1)).toThrow(InvalidPointerError);
  expect(() => allocator.free(1000)).toThrow(InvalidPointerError);
  expect(() => allocator.free(500)).toThrow(DoubleFreeError);
  expect(() => allocator.allocate(1.5)).toThrow(InvalidArgumentError);
  expect(() => allocator.allocate(1, 0)).toThrow(InvalidArgumentError);
  expect(() => allocator.commit({ from: block, to: block, size: 100 })).toThrow(InvalidArgumentError);
  OffsetAllocator.attach(metadata).free(block);
  expect(allocator.storageReport().allocations).toBe(0);
  expect(() => OffsetAllocator.attach(LinearMemory.fixed(4096))).toThrow(AttachError);
});
