import {
  AttachError,
  DoubleFreeError,
  InvalidArgumentError,
  InvalidPointerError,
  NULL,
} from "@heapwright/allocator";
import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { describe, expect, test } from "vitest";
import { BestFit, Bump, FirstFit, KernighanRitchie, NextFit, Tlsf } from "../src/index.ts";

const pages = (): LinearPages => LinearPages.create(LinearMemory.fixed(2 ** 18));

/** Blocks of the given sizes with a small one that stays between each two, so that freed ones do not merge. */
const apart = (heap: { allocate(size: number): number }, sizes: number[]): number[] =>
  sizes.map((size) => {
    const block = heap.allocate(size);
    heap.allocate(8);
    return block;
  });

describe("where the policies place a block", () => {
  test("first fit: the lowest that is large enough", () => {
    const heap = new FirstFit(pages());
    const [a, b, c] = apart(heap, [100, 400, 300]);
    for (const block of [c!, a!, b!]) heap.deallocate(block);
    expect(heap.allocate(250)).toBe(b);
    expect(heap.allocate(60)).toBe(a);
    expect(heap.allocate(300)).toBe(c);
  });

  test("next fit: on from where the last was taken, and round", () => {
    const heap = new NextFit(pages());
    const blocks = apart(heap, [200, 200, 200, 200]);
    for (const block of blocks) heap.deallocate(block);
    const first = heap.allocate(150);
    const second = heap.allocate(150);
    expect(second).toBeGreaterThan(first);
    heap.deallocate(first);
    // The low one is free again, but the search goes on upwards.
    expect(heap.allocate(150)).toBeGreaterThan(second);
    expect(heap.check()).toEqual([]);
  });

  test("best fit: the smallest that is large enough, the lowest of equals", () => {
    const heap = new BestFit(pages());
    const [a, b, c, d] = apart(heap, [500, 120, 130, 120]);
    for (const block of [d!, a!, c!, b!]) heap.deallocate(block);
    expect(heap.allocate(125)).toBe(c);
    expect(heap.allocate(100)).toBe(b);
    expect(heap.allocate(100)).toBe(d);
    expect(heap.allocate(100)).toBe(a);
  });

  test("TLSF: a size range all of which fits, and never a walk", () => {
    const heap = new Tlsf(pages());
    const [a, b] = apart(heap, [1000, 1200]);
    heap.deallocate(a!);
    heap.deallocate(b!);
    expect(heap.allocate(1100)).toBe(b);
    expect(heap.allocate(1000)).toBe(a);
  });

  test("Kernighan and Ritchie: the high end of a free block", () => {
    const heap = new KernighanRitchie(pages());
    const first = heap.allocate(100);
    expect(heap.allocate(100)).toBe(first - 112);
  });

  test("freed neighbours become one block", () => {
    for (const Strategy of [FirstFit, NextFit, BestFit, Tlsf, KernighanRitchie]) {
      const heap = new Strategy(pages());
      const blocks = Array.from({ length: 20 }, (_, i) => heap.allocate(50 + i));
      for (let i = 0; i < 20; i += 2) heap.deallocate(blocks[i]!);
      for (let i = 1; i < 20; i += 2) heap.deallocate(blocks[i]!);
      expect(heap.stats()).toMatchObject({ liveBlocks: 0, freeBlocks: 1 });
      expect(heap.check()).toEqual([]);
    }
  });
});

describe("in every strategy", () => {
  const strategies = [FirstFit, NextFit, BestFit, Tlsf, KernighanRitchie];

  test.each(strategies.map((strategy) => [strategy.name, strategy] as const))(
    "%s: blocks above 2^31 up to the last byte, and growth that ends there",
    (_name, Strategy) => {
      const memory = LinearMemory.fixed(2 ** 32);
      const heap = new Strategy(LinearPages.create(memory, 2 ** 32 - 2 ** 20));
      const blocks: number[] = [];
      for (let size = 1; ; size = (size * 7 + 5) % 5000) {
        const block = heap.allocate(size);
        if (block === NULL) break;
        expect(block).toBeGreaterThan(2 ** 32 - 2 ** 20);
        memory.fill(block, size, 0xff);
        blocks.push(block);
      }
      expect(heap.check()).toEqual([]);
      expect(heap.footprint()).toBeGreaterThan(2 ** 20 - 8192);
      for (const block of blocks) heap.deallocate(block);
      expect(heap.check()).toEqual([]);
      expect(heap.stats()).toMatchObject({ liveBlocks: 0, freeBlocks: 1 });
    },
  );

  test.each(strategies.map((strategy) => [strategy.name, strategy] as const))(
    "%s: a source that fails at any step leaves the heap sound",
    (_name, Strategy) => {
      for (let allowed = 1; allowed < 12; allowed++) {
        const source = pages();
        let grown = 0;
        const heap = new Strategy({
          memory: source.memory,
          pageSize: source.pageSize,
          sbrk: (increment) => (increment > 0 && ++grown > allowed ? NULL : source.sbrk(increment)),
        });
        const blocks: number[] = [];
        for (let i = 0; i < 60; i++) {
          const block = heap.allocate(i * 100);
          expect(heap.check()).toEqual([]);
          if (block === NULL) heap.deallocate(blocks.shift() ?? NULL);
          else blocks.push(block);
        }
        for (const block of blocks) heap.deallocate(block);
        expect(heap.check()).toEqual([]);
        expect(heap.stats().liveBlocks).toBe(0);
      }
    },
  );

  test.each(strategies.map((strategy) => [strategy.name, strategy] as const))(
    "%s: another instance attaches and goes on",
    (_name, Strategy) => {
      const source = pages();
      const heap = new Strategy(source);
      const block = heap.allocate(100);
      const other = new Strategy(LinearPages.attach(source.memory), heap.base);
      other.deallocate(block);
      expect(() => heap.deallocate(block)).toThrow(DoubleFreeError);
      expect(heap.check()).toEqual([]);
      expect(() => new Strategy(source, heap.base + 8)).toThrow(AttachError);
      expect(() => new Bump(source, heap.base)).toThrow(AttachError);
    },
  );

  test.each(strategies.map((strategy) => [strategy.name, strategy] as const))(
    "%s: an address that is no block is refused",
    (_name, Strategy) => {
      const heap = new Strategy(pages());
      const block = heap.allocate(100);
      heap.memory.fill(block, 100, 0xff);
      expect(() => heap.deallocate(block + 16)).toThrow(InvalidPointerError);
      expect(() => heap.deallocate(heap.base)).toThrow(InvalidPointerError);
      expect(heap.check()).toEqual([]);
    },
  );
});

test("Bump gives back to a mark, and everything", () => {
  const region = new Bump(pages());
  const first = region.allocate(10);
  const mark = region.mark();
  const second = region.allocate(1000);
  region.release(mark);
  expect(region.allocate(1000)).toBe(second);
  expect(() => region.release(mark + 2 ** 20)).toThrow(InvalidArgumentError);
  region.deallocateAll();
  expect(() => region.release(mark)).toThrow(InvalidArgumentError);
  expect(region.allocate(10)).toBe(first);
});
