/*
 * A shared heap in one thread: several sides of it run whole operations in every order, each on the blocks of all.
 */
import {
  type AlignedAllocator,
  type HeapFault,
  NULL,
  type ReallocatingAllocator,
  type Trimmer,
} from "@heapwright/allocator";
import type { LinearMemory } from "@heapwright/heap-memory";
import fc from "fast-check";
import { expect } from "vitest";

const SIDES = 4;

/** A heap as one worker has it. */
interface Side extends AlignedAllocator, ReallocatingAllocator, Trimmer {
  readonly id: number;
  recover(id: number): boolean;
  close(): void;
}

/** What is special to a strategy. */
export interface SideStrategy<S extends Side> {
  readonly create: (memory: LinearMemory) => S;
  readonly attach: (memory: LinearMemory) => S;
  readonly check: (side: S) => readonly HeapFault[];
  /** Blocks that are live when all sides have taken back what others freed. The sides are not used afterwards. */
  readonly liveBlocks: (sides: readonly S[], memory: LinearMemory) => number;
}

interface Block {
  readonly address: number;
  readonly size: number;
  readonly seed: number;
}

const commands = (largest: number, maxLength: number) =>
  fc.array(
    fc.record({
      side: fc.nat(SIDES - 1),
      op: fc.constantFrom(
        ...(["allocate", "allocate", "allocate", "deallocate", "deallocate"] as const),
        ...(["reallocate", "trim", "replace", "burst"] as const),
      ),
      size: fc.oneof(fc.nat(300), fc.nat(3000), fc.nat(100_000), fc.nat(largest)),
      pick: fc.nat(100_000),
    }),
    { maxLength },
  );

/** The live blocks, each full of a byte of its own. */
class Blocks {
  readonly live: Block[] = [];
  readonly #memory: LinearMemory;
  #seed = 0;

  constructor(memory: LinearMemory) {
    this.#memory = memory;
  }

  add(address: number, size: number): void {
    if (address === NULL) return;
    this.#seed = (this.#seed + 37) & 255;
    this.#memory.fill(address, size, this.#seed);
    this.live.push({ address, size, seed: this.#seed });
  }

  take(pick: number): Block {
    return this.live.splice(pick % this.live.length, 1)[0]!;
  }

  verify({ address, size, seed }: Block, length: number = size): void {
    const bytes = this.#memory.bytes.subarray(address, address + length);
    if (bytes.some((byte) => byte !== seed)) throw new Error(`block ${address} of ${size} changed`);
  }
}

/** Holds random operations of four sides against a model; after each, every invariant is checked. */
export const checkSides = <S extends Side>(
  strategy: SideStrategy<S>,
  make: () => LinearMemory,
  { runs, length, largest }: { readonly runs: number; readonly length: number; readonly largest: number },
): void => {
  const run = fc.property(commands(largest, length), (steps) => {
    const memory = make();
    const sides = [strategy.create(memory)];
    while (sides.length < SIDES) sides.push(strategy.attach(memory));
    const blocks = new Blocks(memory);
    for (const { side, op, size, pick } of steps) {
      const heap = sides[side]!;
      if (op === "allocate")
        blocks.add(pick % 5 === 0 ? heap.allocateAligned(256, size) : heap.allocate(size), size);
      else if (op === "burst")
        for (let i = 0; i < pick % 300; i++) blocks.add(heap.allocate(size % 200), size % 200);
      else if (op === "deallocate" && blocks.live.length > 0) {
        const block = blocks.take(pick);
        blocks.verify(block);
        heap.deallocate(block.address);
      } else if (op === "reallocate" && blocks.live.length > 0) {
        const block = blocks.take(pick);
        const address = heap.reallocate(block.address, size);
        if (address === NULL) blocks.live.push(block);
        else {
          blocks.verify({ ...block, address }, Math.min(size, block.size));
          blocks.add(address, size);
        }
      } else if (op === "trim") heap.trim(0);
      else if (op === "replace") {
        if (pick % 2 === 0) heap.close();
        else expect(sides[(side + 1) % SIDES]!.recover(heap.id)).toBe(true);
        sides[side] = strategy.attach(memory);
      }
      const faults = strategy.check(sides[0]!);
      if (faults.length > 0) throw new Error(`after ${op} ${size}: ${JSON.stringify(faults.slice(0, 3))}`);
    }
    for (const block of blocks.live) blocks.verify(block);
    for (const [index, block] of blocks.live.entries()) sides[index % SIDES]!.deallocate(block.address);
    expect(strategy.check(sides[0]!)).toEqual([]);
    expect(strategy.liveBlocks(sides, memory)).toBe(0);
  });
  fc.assert(run, { numRuns: runs });
};
