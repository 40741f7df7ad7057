import { AttachError, DoubleFreeError, InvalidPointerError, LockError, NULL } from "@heapwright/allocator";
import { conformanceCases } from "@heapwright/allocator/conformance";
import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { describe, expect, it, test } from "vitest";
import { checkSides, type SideStrategy } from "../../heap-memory/test/stress/sides.ts";
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

describe("several sides of one shared heap", () => {
  const strategy: SideStrategy<SharedSpans> = {
    create: (memory) => SharedSpans.create(memory),
    attach: (memory) => SharedSpans.attach(memory),
    check: (side) => side.check(),
    // Heirs take back what was freed to the sides that closed.
    liveBlocks: (sides, memory) => {
      for (const side of sides) side.close();
      const last = SharedSpans.attach(memory);
      for (let i = 0; i < sides.length; i++) SharedSpans.attach(memory).trim(0);
      expect(last.check()).toEqual([]);
      return last.stats().liveBlocks;
    },
  };
  for (const [name, make] of [
    ["fixed", () => LinearMemory.shared(1 << 22)],
    ["growing", () => growing(1 << 22)],
  ] as const) {
    it(`never lose or overlap a block, in a ${name} memory`, () => {
      checkSides(strategy, make, { runs: 40, length: 150, largest: 300_000 });
    });
  }
});

describe("a block freed by another side", () => {
  it.each([1009, 2000, 50_000])(
    "comes back to the side that has not looked since it grew: %d bytes",
    (size) => {
      const memory = LinearMemory.shared(1 << 22);
      const a = SharedSpans.create(memory);
      const b = SharedSpans.attach(memory);
      const block = b.allocate(size);
      a.deallocate(block);
      expect(b.allocate(size)).not.toBe(NULL);
      expect(a.check()).toEqual([]);
      expect(a.stats().liveBlocks).toBe(1);
    },
  );
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
