import type { Address } from "@heapwright/allocator";
import { NULL } from "@heapwright/allocator";
import { replay, TraceBuilder } from "@heapwright/trace";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { arbitraryTrace } from "./arbitrary-trace.ts";
import { ToyHeap } from "./toy-heap.ts";

const build = (steps: (builder: TraceBuilder) => void) => {
  const builder = new TraceBuilder();
  steps(builder);
  return builder.finish("test");
};

describe("replay", () => {
  test("any trace runs on the plainest allocator, and every byte is kept", () => {
    fc.assert(
      fc.property(arbitraryTrace, (trace) => {
        const addresses: Address[] = [];
        const result = replay(trace, new ToyHeap(), {
          shadow: true,
          afterOp: (_, address) => addresses.push(address),
        });
        expect(result).toMatchObject({ ops: trace.length, failed: 0, skipped: 0, fault: undefined });
        expect(addresses.length).toBe(trace.length);
      }),
      { numRuns: 50 },
    );
  });

  test("counts what it had to do itself", () => {
    const trace = build((b) => {
      b.zeroed(0, 3, 10);
      b.aligned(1, 4096, 10);
      b.reallocate(1, 5000);
      b.reallocate(0, 5);
      b.free(1);
      b.free(0);
    });
    const heap = new ToyHeap();
    expect(replay(trace, heap, { shadow: true })).toMatchObject({
      fallbacks: { zeroed: 1, aligned: 1, reallocated: 2 },
      fault: undefined,
    });
    expect(heap.freed).toBe(4);
  });

  test("goes on after exhaustion: the slot stays empty, a failed realloc keeps the block", () => {
    const trace = build((b) => {
      b.allocate(0, 100);
      b.allocate(1, 1000);
      b.reallocate(0, 1000);
      b.reallocate(1, 50);
      b.free(1);
      b.free(0);
    });
    const heap = new ToyHeap(512);
    const result = replay(trace, heap, { shadow: true });
    expect(result).toMatchObject({ ops: 6, failed: 2, firstFailed: 1, skipped: 2, fault: undefined });
    expect(heap.freed).toBe(1);
  });

  test("gives each thread its own view", () => {
    const trace = build((b) => {
      b.allocate(0, 8);
      b.switchThread(2);
      b.allocate(1, 8);
      b.free(0);
    });
    const seen: number[] = [];
    const heap = new ToyHeap();
    const result = replay(trace, heap, {
      forThread: (thread) => {
        seen.push(thread);
        return heap;
      },
    });
    expect([seen, result.fault]).toEqual([[0, 2], undefined]);
  });
});

describe("the shadow check finds", () => {
  const twoBlocks = build((b) => {
    b.allocate(0, 32);
    b.allocate(1, 32);
    b.free(0);
    b.free(1);
  });
  const faultOf = (heap: ToyHeap, trace = twoBlocks) => replay(trace, heap, { shadow: true }).fault;

  test("blocks that overlap", () => {
    class Overlapping extends ToyHeap {
      override allocate(size: number): Address {
        const address = super.allocate(size);
        this.next -= 8;
        return address;
      }
    }
    expect(faultOf(new Overlapping())).toEqual({
      op: 1,
      slot: 1,
      fault: "0x58 + 32 bytes overlaps the block of operation 0 (slot 0: 0x40 + 32 bytes)",
    });
  });

  test("two empty blocks at one address", () => {
    class Same extends ToyHeap {
      override allocate(): Address {
        return 64;
      }
    }
    const trace = build((b) => {
      b.allocate(0, 0);
      b.allocate(1, 0);
    });
    expect(faultOf(new Same(), trace)?.fault).toMatch(/overlaps the block of operation 0/);
  });

  test("bytes that were lost while the block was live", () => {
    class Scribbling extends ToyHeap {
      override allocate(size: number): Address {
        const address = super.allocate(size);
        if (address > 64) this.memory.store8(64 + 13, 0x55);
        return address;
      }
    }
    expect(faultOf(new Scribbling())).toEqual({
      op: 2,
      slot: 0,
      fault: "byte 13 of the block at 0x40 (operation 0, 32 bytes) was lost",
    });
  });

  test("bytes that a reallocation did not carry over", () => {
    class Forgetful extends ToyHeap {
      reallocate(_: Address, size: number): Address {
        return this.allocate(size);
      }
    }
    const trace = build((b) => {
      b.allocate(0, 32);
      b.reallocate(0, 40);
    });
    expect(faultOf(new Forgetful(), trace)).toMatchObject({
      op: 1,
      fault: expect.stringMatching(/^byte 0 of the block/),
    });
  });

  test("a calloc that is not zero", () => {
    class Dirty extends ToyHeap {
      allocateZeroed(size: number): Address {
        const address = this.allocate(size);
        this.memory.store8(address + 5, 1);
        return address;
      }
    }
    const trace = build((b) => b.zeroed(0, 1, 7));
    expect(faultOf(new Dirty(), trace)?.fault).toBe("calloc gave a block whose byte 5 is not zero");
  });

  test("a block that is misaligned, or outside the memory", () => {
    class Elsewhere extends ToyHeap {
      override allocate(size: number): Address {
        return size === 1 ? 68 : this.memory.byteLength - 8;
      }
    }
    const one = (size: number) => build((b) => b.allocate(0, size));
    expect(faultOf(new Elsewhere(), one(1))?.fault).toBe("0x44 is not 8-byte aligned");
    expect(faultOf(new Elsewhere(), one(16))?.fault).toMatch(/ends outside the memory/);
  });

  test("an allocator's own typed error", () => {
    class Suspicious extends ToyHeap {
      override allocate(): Address {
        return 640;
      }
    }
    const trace = build((b) => {
      b.allocate(0, 8);
      b.free(0);
    });
    expect(replay(trace, new Suspicious()).fault).toEqual({
      op: 1,
      slot: 0,
      fault: "InvalidPointerError: 0x280 is not live",
    });
  });

  test("what the allocator's own check() reports", () => {
    class SelfAware extends ToyHeap {
      walk(): [] {
        return [];
      }
      check(): { address: Address; fault: string }[] {
        return this.freed > 0 ? [{ address: 64, fault: "is odd" }] : [];
      }
    }
    expect(replay(twoBlocks, new SelfAware(), { checkEvery: 1 }).fault).toEqual({
      op: 2,
      slot: 0,
      fault: "check: 0x40: is odd",
    });
    expect(replay(twoBlocks, new ToyHeap(), { checkEvery: 1 }).fault).toBeUndefined();
    expect(NULL).toBe(0);
  });
});
