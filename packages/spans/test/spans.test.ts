import {
  AttachError,
  DoubleFreeError,
  HeapCorruptionError,
  InvalidArgumentError,
  InvalidPointerError,
  NULL,
} from "@heapwright/allocator";
import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { describe, expect, it } from "vitest";
import { Spans } from "../src/index.ts";

describe("a heap of one thread", () => {
  it("is found again from its memory alone, and in a copy of it", () => {
    const memory = LinearMemory.fixed(1 << 20);
    const heap = new Spans(memory, 128);
    const small = heap.allocate(40);
    const large = heap.allocate(40_000);
    const beside = Spans.attach(memory, 128);
    beside.deallocate(small);
    expect(() => heap.deallocate(small)).toThrow(DoubleFreeError);
    expect(heap.allocate(40)).toBe(small);

    const image = LinearMemory.fixed(memory.read(0, memory.byteLength).buffer as ArrayBuffer);
    const restored = Spans.attach(image, 128);
    expect(restored.check()).toEqual([]);
    expect(restored.stats()).toEqual(heap.stats());
    restored.deallocate(large);
    expect(restored.usableSize(small)).toBe(48);
  });

  it("is seen alike by two instances while it grows and its table moves", () => {
    for (const make of [
      () => LinearMemory.growing(),
      () => LinearMemory.growing({ initial: 2 ** 24 }),
      () => LinearMemory.fixed(2 ** 24),
    ]) {
      const memory = make();
      const sides = [
        new Spans(memory),
        Spans.attach(memory),
        Spans.attach(memory.wasm === undefined ? memory : LinearMemory.wasm(memory.wasm)),
      ];
      const blocks: number[] = [];
      for (let i = 0; i < 3000; i++) {
        const block = sides[i % 3]!.allocate(1 + ((i * 7919) % 3000));
        expect(block).not.toBe(NULL);
        blocks.push(block);
      }
      expect(new Set(blocks).size).toBe(blocks.length);
      for (const [i, block] of blocks.entries()) sides[(i + 1) % 3]!.deallocate(block);
      for (const side of sides) {
        side.allocate(0);
        expect(side.check()).toEqual([]);
      }
      expect(sides[0]!.stats().liveBlocks).toBe(3);
    }
  });

  it("is seen alike by two instances when one has freed everything", () => {
    const memory = LinearMemory.fixed(2 ** 24);
    const heap = new Spans(memory);
    const beside = Spans.attach(memory);
    for (let i = 0; i < 3000; i++) heap.allocate(1000);
    const stale = beside.allocate(1000);
    beside.deallocate(beside.allocate(1000));
    heap.deallocateAll();
    expect(() => beside.deallocate(stale)).toThrow(DoubleFreeError);
    const block = heap.allocate(2 ** 23);
    // What was the table may be a user's now.
    memory.words.fill(0x33, block / 4, block / 4 + 2 ** 21);
    expect(beside.allocate(16)).toBeGreaterThan(block);
    expect(beside.check()).toEqual([]);
  });

  it("attaches to nothing but a heap of its own kind", () => {
    expect(() => Spans.attach(LinearMemory.fixed(65536))).toThrow(AttachError);
    const other = LinearMemory.fixed(65536);
    LinearPages.create(other).claim("othr", 1);
    expect(() => Spans.attach(other)).toThrow(/othr/);
    const newer = LinearMemory.fixed(65536);
    LinearPages.create(newer).claim("SPAN", 7);
    expect(() => Spans.attach(newer)).toThrow(/version 7/);
    const memory = LinearMemory.fixed(65536);
    new Spans(memory);
    expect(() => Spans.attach(memory, 64)).toThrow(AttachError);
  });

  it("says what is too small for a heap", () => {
    expect(() => new Spans(LinearMemory.fixed(1024))).toThrow(InvalidArgumentError);
    expect(() => new Spans(LinearMemory.fixed(65536), 65536 - 64)).toThrow(InvalidArgumentError);
    expect(() => new Spans(LinearMemory.fixed(65536), 3)).toThrow(InvalidArgumentError);
    expect(new Spans(LinearMemory.fixed(8192)).allocate(100)).not.toBe(NULL);
  });

  it("recognises every address that is no live block", () => {
    const heap = new Spans(LinearMemory.fixed(1 << 18));
    const live = new Set<number>();
    for (let i = 0; i < 120; i++) live.add(heap.allocate((i * 97) % 1900));
    // A user may write anything to a block, and free blocks hold what was in them: no number there is taken for a tag.
    for (const block of live) heap.memory.fill(block, heap.usableSize(block), 0xff);
    for (const block of [...live].filter((_, i) => i % 3 === 0)) {
      heap.deallocate(block);
      live.delete(block);
    }
    let refused = 0;
    for (let address = 1; address < heap.memory.byteLength + 4096; address += 1) {
      if (live.has(address)) continue;
      try {
        heap.deallocate(address);
      } catch (error) {
        if (!(error instanceof InvalidPointerError || error instanceof DoubleFreeError)) throw error;
        refused++;
      }
    }
    expect(refused).toBe(heap.memory.byteLength + 4095 - live.size);
    expect(heap.check()).toEqual([]);
    expect(heap.stats().liveBlocks).toBe(live.size);
    for (const wrong of [-16, 1.5, Number.NaN, 2 ** 32, 2 ** 40, Number.POSITIVE_INFINITY]) {
      expect(() => heap.deallocate(wrong)).toThrow(InvalidPointerError);
    }
  });

  it("notices a link that a stale pointer spoiled", () => {
    const heap = new Spans(LinearMemory.fixed(1 << 18));
    const block = heap.allocate(64);
    heap.deallocate(block);
    heap.memory.store32(block, 0x7ff0);
    expect(heap.check()).not.toEqual([]);
    expect(heap.allocate(64)).toBe(block);
    expect(() => heap.allocate(64)).toThrow(HeapCorruptionError);
  });

  it("clears what it was given dirty, also behind a break that trim moved back", () => {
    for (const start of [0, 64, 65536 - 64]) {
      for (const memory of [
        LinearMemory.fixed(2 ** 18 + 8),
        LinearMemory.growing({ initial: 2 ** 18, maximum: 2 ** 19 }),
      ]) {
        memory.fill(0, memory.byteLength, 0xa5);
        const heap = new Spans(memory, start);
        heap.trim(250);
        for (let round = 0; round < 3; round++) {
          for (const size of [57_601, 1009, 120_000]) {
            const block = heap.allocateZeroed(size);
            expect(block).not.toBe(NULL);
            expect(memory.u8(block, size).every((byte) => byte === 0)).toBe(true);
            memory.fill(block, size, 0xa5);
            heap.deallocate(block);
          }
          heap.trim(round * 3000);
        }
        expect(heap.check()).toEqual([]);
      }
    }
  });

  it("gives all its memory to one block after any history", () => {
    const heap = new Spans(LinearMemory.fixed(1 << 20));
    const whole = heap.stats().largestFreeBytes;
    const blocks: number[] = [];
    for (let size = 1; ; size = (size * 5 + 3) % 5000) {
      const block = heap.allocate(size);
      if (block === NULL) break;
      blocks.push(block);
    }
    for (const block of blocks) heap.deallocate(block);
    heap.trim(2 ** 30);
    const rest = heap.allocate(whole);
    expect(rest).not.toBe(NULL);
    expect(heap.check()).toEqual([]);
  });

  it("costs the same few slow steps however many blocks are live", () => {
    const heap = new Spans();
    for (let i = 0; i < 200_000; i++) heap.allocate(16 + (i % 400));
    // Freed and taken again, a block of any class is the one just freed: nothing is searched.
    for (let size = 1; size <= 1008; size += 31) {
      const block = heap.allocate(size);
      heap.deallocate(block);
      expect(heap.allocate(size)).toBe(block);
    }
  });
});
