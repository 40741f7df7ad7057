import { NULL } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Spans } from "../src/index.ts";

/** Sizes near every border: classes, granules, bins, and now and then a large part of the memory. */
const size: fc.Arbitrary<number> = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 3, arbitrary: fc.integer({ min: 250, max: 1300 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1020, max: 9000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 9000, max: 70_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 70_000, max: 700_000 }) },
);
const pick = fc.nat(1_000_000);
const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ op: fc.constant("allocate" as const), size, pick }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant("burst" as const), size: fc.integer({ min: 1, max: 200 }), pick }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("zeroed" as const), size, pick }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("aligned" as const), size, pick }) },
  { weight: 7, arbitrary: fc.record({ op: fc.constant("deallocate" as const), size, pick }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("deallocateMany" as const), size, pick }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("reallocate" as const), size, pick }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("expand" as const), size, pick }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("trim" as const), size, pick }) },
);

interface Block {
  readonly address: number;
  readonly size: number;
  readonly seed: number;
}

/** Runs commands against a heap and a list of blocks; every block holds a pattern that must survive. */
class Model {
  readonly heap: Spans;
  readonly blocks: Block[] = [];
  #seed = 1;
  constructor(heap: Spans) {
    this.heap = heap;
  }

  fill(address: number, size: number): void {
    this.#seed = (this.#seed * 31 + 7) & 255;
    const seed = this.#seed;
    this.heap.memory.fill(address, size, seed);
    this.blocks.push({ address, size, seed });
  }

  verify({ address, size, seed }: Block, length = size): void {
    const bytes = this.heap.memory.bytes.subarray(address, address + length);
    const wrong = bytes.findIndex((byte) => byte !== seed);
    if (wrong >= 0) throw new Error(`byte ${wrong} of block ${address} (${size}) changed`);
  }

  remove(pick: number): Block | undefined {
    if (this.blocks.length === 0) return undefined;
    const at = pick % this.blocks.length;
    const block = this.blocks[at]!;
    const last = this.blocks.pop()!;
    if (at < this.blocks.length) this.blocks[at] = last;
    this.verify(block);
    return block;
  }

  run(step: { op: string; size: number; pick: number }): void {
    const { heap } = this;
    switch (step.op) {
      case "allocate": {
        const address = heap.allocate(step.size);
        if (address !== NULL) this.fill(address, step.size);
        break;
      }
      case "burst": {
        for (let i = 0; i < step.pick % 400; i++) {
          const address = heap.allocate(step.size);
          if (address !== NULL) this.fill(address, step.size);
        }
        break;
      }
      case "zeroed": {
        const address = heap.allocateZeroed(step.size);
        if (address === NULL) break;
        const bytes = heap.memory.bytes.subarray(address, address + step.size);
        expect(bytes.every((byte) => byte === 0)).toBe(true);
        this.fill(address, step.size);
        break;
      }
      case "aligned": {
        const alignment = 2 ** (step.pick % 17);
        const address = heap.allocateAligned(alignment, step.size);
        expect(address % alignment).toBe(0);
        if (address !== NULL) this.fill(address, step.size);
        break;
      }
      case "deallocate": {
        const block = this.remove(step.pick);
        if (block !== undefined) heap.deallocate(block.address);
        break;
      }
      case "deallocateMany": {
        for (let i = step.pick % 500; i > 0; i--) {
          const block = this.remove(step.pick * i);
          if (block !== undefined) heap.deallocate(block.address);
        }
        break;
      }
      case "reallocate": {
        const block = this.remove(step.pick);
        if (block === undefined) break;
        const address = heap.reallocate(block.address, step.size);
        if (address === NULL) {
          this.blocks.push(block);
          break;
        }
        this.verify({ ...block, address }, Math.min(block.size, step.size));
        this.fill(address, step.size);
        break;
      }
      case "expand": {
        const block = this.remove(step.pick);
        if (block === undefined) break;
        if (heap.expand(block.address, step.size)) this.fill(block.address, step.size);
        else this.blocks.push(block);
        break;
      }
      case "trim": {
        const before = heap.footprint();
        expect(before - heap.trim(step.size)).toBe(heap.footprint());
        break;
      }
    }
  }

  verifyAll(): void {
    expect(this.heap.check()).toEqual([]);
    const live = new Map<number, number>();
    let at = -1;
    for (const block of this.heap.walk()) {
      if (at >= 0) expect(block.address).toBe(at);
      at = block.address + block.size;
      if (block.state === "live") live.set(block.address, block.size);
    }
    expect(live.size).toBe(this.blocks.length);
    for (const block of this.blocks) {
      expect(live.get(block.address)).toBe(this.heap.usableSize(block.address));
      expect(live.get(block.address)).toBeGreaterThanOrEqual(block.size);
      if (block.size > 0) expect(this.heap.resolve(block.address + block.size - 1)).toBe(block.address);
      this.verify(block);
    }
  }
}

/** One memory for all runs, since it is so long; only what is touched exists. */
const high = LinearMemory.growing({ initial: 2 ** 31 + 2 ** 20, maximum: 2 ** 31 + 2 ** 23 });

/** What a heap is given need not be zero. */
const dirty = (memory: LinearMemory): LinearMemory => {
  memory.fill(0, memory.byteLength, 0xa5);
  return memory;
};

const memories: readonly [string, () => Spans][] = [
  ["a growing memory", () => new Spans()],
  ["a fixed memory", () => new Spans(LinearMemory.fixed(300_000))],
  ["a fixed memory from 64 on", () => new Spans(LinearMemory.fixed(100_008), 64)],
  ["a shared memory", () => new Spans(LinearMemory.shared(1 << 20), 4096)],
  ["a fixed memory that held something", () => new Spans(dirty(LinearMemory.fixed(200_008)), 128)],
  [
    "a growing memory that held something",
    () => new Spans(dirty(LinearMemory.growing({ initial: 1 << 18, maximum: 1 << 20 })), 64),
  ],
  ["a memory above 2^31", () => new Spans(high, 2 ** 31 - 2 ** 16)],
  ["a memory that grows a little", () => new Spans(LinearMemory.growing({ maximum: 1 << 20 }), 64 * 1021)],
];

describe("Spans against a model", () => {
  for (const [name, make] of memories) {
    it(`in ${name}`, () => {
      fc.assert(
        fc.property(fc.array(command, { maxLength: 120 }), (steps) => {
          const model = new Model(make());
          for (const step of steps) {
            model.run(step);
            const faults = model.heap.check();
            if (faults.length > 0)
              throw new Error(`after ${step.op} ${step.size}: ${JSON.stringify(faults.slice(0, 3))}`);
          }
          model.verifyAll();
          while (model.blocks.length > 0) model.run({ op: "deallocate", size: 0, pick: 7 });
          model.verifyAll();
          expect(model.heap.stats().liveBlocks).toBe(0);
        }),
        { numRuns: 60 },
      );
    });
  }
});
