import { DoubleFreeError, InvalidArgumentError, InvalidPointerError, NULL } from "@heapwright/allocator";
import { Buddy } from "@heapwright/buddy";
import { LinearMemory } from "@heapwright/heap-memory";
import { Kmalloc, sizeClasses } from "@heapwright/slab";
import { describe, expect, test } from "vitest";
import { kmallocOver } from "./heap.ts";

describe.each(["powers", "kernel"] as const)("with %s", (classes) => {
  test("every size gets the smallest class that holds it, and natural alignment", () => {
    const heap = kmallocOver(8 * 2 ** 20, { classes });
    const sizes = sizeClasses(classes).map(({ size }) => size);
    for (let size = 0; size <= 9000; size += size < 300 ? 1 : 37) {
      const block = heap.kmalloc(size);
      const expected = sizes.find((each) => each >= size) ?? 16384;
      expect(heap.ksize(block)).toBe(expected);
      expect(heap.goodSize(size)).toBe(expected);
      expect(block % (expected & -expected)).toBe(0);
      heap.kfree(block);
    }
    expect(heap.check()).toEqual([]);
  });

  test("beyond the largest class blocks are runs of pages", () => {
    const heap = kmallocOver(8 * 2 ** 20, { classes });
    const block = heap.kzalloc(300_000);
    expect(heap.ksize(block)).toBe(512 * 1024);
    expect(heap.resolve(block + 299_999)).toBe(block);
    expect(() => heap.kfree(block + 4096)).toThrow("is not the start of a block");
    heap.kfree(block);
    expect(() => heap.kfree(block)).toThrow(InvalidPointerError);
    expect(heap.kmalloc(2 ** 30)).toBe(NULL);
    expect(heap.check()).toEqual([]);
  });
});

test("krealloc keeps the block while its class stays, and moves it otherwise", () => {
  const heap = kmallocOver(2 ** 20);
  const block = heap.krealloc(NULL, 100);
  heap.memory.fill(block, 100, 7);
  expect(heap.krealloc(block, 128)).toBe(block);
  const moved = heap.krealloc(block, 129);
  expect(moved).not.toBe(block);
  expect(heap.memory.read(moved, 100)).toEqual(new Uint8Array(100).fill(7));
  const back = heap.krealloc(moved, 20);
  expect(heap.ksize(back)).toBe(32);
  expect(() => heap.krealloc(moved, 10)).toThrow(DoubleFreeError);
});

test("alignments beyond a class's own", () => {
  const heap = kmallocOver(4 * 2 ** 20, { classes: "kernel" });
  for (let align = 1; align <= 2 ** 18; align *= 2) {
    const block = heap.allocateAligned(align, 50);
    expect(block % align).toBe(0);
    heap.kfree(block);
  }
});

test("a size that is not the block's is refused", () => {
  const heap = kmallocOver(2 ** 20);
  const block = heap.kmalloc(100);
  expect(() => heap.deallocateSized(block, 129)).toThrow(InvalidArgumentError);
  heap.deallocateSized(block, 100);
});

test("free slabs of one class serve another before NULL", () => {
  const heap = kmallocOver(512 * 1024);
  const fill = (size: number): number[] => {
    const blocks: number[] = [];
    for (let block = heap.kmalloc(size); block !== NULL; block = heap.kmalloc(size)) blocks.push(block);
    return blocks;
  };
  const small = fill(64);
  for (const block of small) heap.kfree(block);
  expect(fill(4096).length).toBeGreaterThan(80);
});

test("trim keeps what it is told to", () => {
  const heap = kmallocOver(4 * 2 ** 20);
  const blocks = Array.from({ length: 500 }, () => heap.kmalloc(2000));
  for (const block of blocks) heap.kfree(block);
  const before = heap.footprint();
  heap.trim(before);
  expect(heap.footprint()).toBeGreaterThan(before / 4);
  heap.trim(0);
  expect(heap.footprint()).toBeLessThan(100_000);
  expect(heap.check()).toEqual([]);
});

test("works above 2^31, large runs included", () => {
  const top = 2 ** 31 + 2 ** 23;
  const memory = LinearMemory.growing({ initial: top, maximum: top });
  const heap = new Kmalloc(Buddy.create(memory, { start: 2 ** 31 }), memory);
  const blocks = Array.from({ length: 300 }, (_, i) => heap.kmalloc(i * 31));
  const large = heap.kmalloc(200_000);
  expect(large).toBeGreaterThan(2 ** 31);
  expect(heap.resolve(large + 150_000)).toBe(large);
  expect(heap.check()).toEqual([]);
  expect([...heap.walk()].filter(({ state }) => state === "live").length).toBe(301);
  for (const block of [...blocks, large]) heap.kfree(block);
  expect(() => heap.kfree(large)).toThrow(InvalidPointerError);
  expect(() => heap.kfree(blocks[7]!)).toThrow(DoubleFreeError);
  expect(heap.check()).toEqual([]);
});

test("check() finds damage to any word of a slab descriptor", () => {
  const unseen: string[] = [];
  for (let word = 0; word < 60; word++) {
    const heap = kmallocOver(2 ** 20);
    const blocks = Array.from({ length: 200 }, () => heap.kmalloc(64));
    for (const block of blocks.slice(0, 100)) heap.kfree(block);
    const cache = heap.slabs.generalCaches()[1]!;
    const slab = blocks[150]! - (blocks[150]! % 4096);
    // The slab's descriptor stands at its head, or a colour further on.
    const at = [0, 64, 128]
      .map((colour) => slab + colour)
      .find((address) => heap.memory.load32(address) === cache.address)!;
    heap.memory.store32(at + 4 * word, heap.memory.load32(at + 4 * word) ^ 0x15);
    try {
      if (heap.check().length === 0) unseen.push(`word ${word}`);
    } catch (error) {
      unseen.push(`word ${word}: ${String(error)}`);
    }
  }
  expect(unseen).toEqual([]);
});
