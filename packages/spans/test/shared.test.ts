import { AttachError, DoubleFreeError, InvalidPointerError, LockError, NULL } from "@heapwright/allocator";
import { conformanceCases } from "@heapwright/allocator/conformance";
import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { SharedSpans, Spans } from "../src/index.ts";

const growing = (maximum = 1 << 24): LinearMemory => LinearMemory.growing({ maximum, shared: true });

describe("SharedSpans keeps the contract for one worker", () => {
  describe("in a fixed memory", () => {
    const make = () => SharedSpans.create(LinearMemory.shared(1 << 20));
    for (const c of conformanceCases(make, { detectsDoubleFree: true })) test(c.name, c.run);
  });
  describe("in a memory that grows", () => {
    for (const c of conformanceCases(() => SharedSpans.create(growing(1 << 21)))) test(c.name, c.run);
  });
});

/** Commands of several sides in one thread: every interleaving of whole operations. */
const command = fc.record({
  side: fc.nat(3),
  op: fc.constantFrom(
    "allocate",
    "allocate",
    "allocate",
    "deallocate",
    "deallocate",
    "reallocate",
    "trim",
    "replace",
    "burst",
  ),
  size: fc.oneof(fc.nat(300), fc.nat(3000), fc.nat(100_000)),
  pick: fc.nat(100_000),
});

describe("several sides of one shared heap", () => {
  for (const [name, make] of [
    ["fixed", () => LinearMemory.shared(1 << 22)],
    ["growing", () => growing(1 << 22)],
  ] as const) {
    it(`never lose or overlap a block, in a ${name} memory`, () => {
      fc.assert(
        fc.property(fc.array(command, { maxLength: 150 }), (steps) => {
          const memory = make();
          const sides = [SharedSpans.create(memory)];
          while (sides.length < 4) sides.push(SharedSpans.attach(memory));
          const blocks: { address: number; size: number; seed: number }[] = [];
          let seed = 0;
          const add = (address: number, size: number): void => {
            if (address === NULL) return;
            seed = (seed + 37) & 255;
            memory.fill(address, size, seed);
            blocks.push({ address, size, seed });
          };
          const take = (pick: number) => {
            const [block] = blocks.splice(pick % blocks.length, 1);
            return block!;
          };
          const verify = ({ address, size, seed }: (typeof blocks)[0], length = size): void => {
            const bytes = memory.bytes.subarray(address, address + length);
            if (bytes.some((byte) => byte !== seed)) throw new Error(`block ${address} of ${size} changed`);
          };
          for (const { side, op, size, pick } of steps) {
            const heap = sides[side]!;
            if (op === "allocate") add(heap.allocate(size), size);
            else if (op === "burst")
              for (let i = 0; i < pick % 300; i++) add(heap.allocate(size % 200), size % 200);
            else if (op === "deallocate" && blocks.length > 0) {
              const block = take(pick);
              verify(block);
              heap.deallocate(block.address);
            } else if (op === "reallocate" && blocks.length > 0) {
              const block = take(pick);
              const address = heap.reallocate(block.address, size);
              if (address === NULL) blocks.push(block);
              else {
                verify({ ...block, address }, Math.min(size, block.size));
                add(address, size);
              }
            } else if (op === "trim") heap.trim(0);
            else if (op === "replace") {
              if (pick % 2 === 0) heap.close();
              else expect(sides[(side + 1) % 4]!.recover(heap.id)).toBe(true);
              sides[side] = SharedSpans.attach(memory);
            }
            const faults = sides[0]!.check();
            if (faults.length > 0)
              throw new Error(`after ${op} ${size}: ${JSON.stringify(faults.slice(0, 3))}`);
          }
          for (const block of blocks) verify(block);
          for (const [index, block] of blocks.entries()) sides[index % 4]!.deallocate(block.address);
          for (const side of sides) side.close();
          const last = SharedSpans.attach(memory);
          for (let i = 0; i < 4; i++) SharedSpans.attach(memory).trim(0);
          expect(last.check()).toEqual([]);
          expect(last.stats().liveBlocks).toBe(0);
        }),
        { numRuns: 40 },
      );
    });
  }
});

describe("misuse of a shared heap", () => {
  it("is recognised whichever side commits it", () => {
    const memory = LinearMemory.shared(1 << 20);
    const a = SharedSpans.create(memory);
    const b = SharedSpans.attach(memory);
    for (const size of [40, 5000]) {
      const block = a.allocate(size);
      b.deallocate(block);
      expect(() => b.deallocate(block)).toThrow(DoubleFreeError);
      expect(() => a.deallocate(block)).toThrow(DoubleFreeError);
      a.trim(0);
      expect(() => a.deallocate(block)).toThrow(/0x/);
      expect(() => b.deallocate(block)).toThrow(/0x/);
      const inner = a.allocate(size);
      expect(() => b.deallocate(inner + 16)).toThrow(InvalidPointerError);
      expect(() => b.deallocate(inner + 1)).toThrow(InvalidPointerError);
      a.deallocate(inner);
    }
    expect(a.check()).toEqual([]);
  });

  it("of a closed side is a LockError", () => {
    const heap = SharedSpans.create(LinearMemory.shared(1 << 20));
    const block = heap.allocate(10);
    heap.close();
    heap.close();
    expect(() => heap.allocate(10)).toThrow(LockError);
    expect(() => heap.allocate(10_000)).toThrow(LockError);
    expect(() => heap.deallocate(block)).toThrow(LockError);
  });

  it("gives typed errors when attaching", () => {
    expect(() => SharedSpans.attach(LinearMemory.shared(65536))).toThrow(AttachError);
    expect(() => SharedSpans.attach(LinearMemory.fixed(65536))).toThrow(AttachError);
    const alone = LinearMemory.shared(1 << 20);
    new Spans(alone);
    expect(() => SharedSpans.attach(alone)).toThrow(AttachError);
    const shared = LinearMemory.shared(1 << 20);
    SharedSpans.create(shared);
    expect(() => Spans.attach(shared)).toThrow(AttachError);
    const other = LinearMemory.shared(1 << 20);
    LinearPages.create(other).claim("othr", 1);
    expect(() => SharedSpans.attach(other)).toThrow(AttachError);
    const newer = LinearMemory.shared(1 << 20);
    LinearPages.create(newer).claim("SPSH", 99);
    expect(() => SharedSpans.attach(newer)).toThrow(/99/);
    expect(() => SharedSpans.create(LinearMemory.fixed(1 << 20))).toThrow(/share/);
  });

  it("has places for 29 workers, again when they have left", () => {
    const memory = growing();
    const sides = [SharedSpans.create(memory)];
    while (sides.length < 29) sides.push(SharedSpans.attach(memory));
    expect(() => SharedSpans.attach(memory)).toThrow(AttachError);
    sides[3]!.close();
    const again = SharedSpans.attach(memory);
    expect(again.allocate(100)).not.toBe(NULL);
    expect(again.check()).toEqual([]);
  });
});
