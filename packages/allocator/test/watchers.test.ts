/* What each combinator does beside keeping the contract. */
import {
  Affix,
  type Allocator,
  AllocatorList,
  Bucketizer,
  DoubleFreeError,
  FailAfter,
  Fallback,
  FreeList,
  HeapCorruptionError,
  hasUsableSize,
  InvalidArgumentError,
  InvalidPointerError,
  isExpanding,
  isInspectable,
  isOwner,
  isReallocating,
  Limit,
  LockError,
  Locked,
  PoisonedAccessError,
  Quantizer,
  Quarantine,
  Region,
  Segregator,
  ShadowChecked,
  StatsCollector,
  TraceRecorder,
} from "@heapwright/allocator";
import { CheckedMemory, FutexLock, LinearMemory } from "@heapwright/heap-memory";
import { readTrace } from "@heapwright/trace";
import { describe, expect, test } from "vitest";
import { ReferenceHeap } from "./support/reference-heap.ts";

const heap = (): ReferenceHeap => new ReferenceHeap(LinearMemory.fixed(16384));
const bare = (parent: Allocator): Allocator => ({
  memory: parent.memory,
  alignment: parent.alignment,
  allocate: (size) => parent.allocate(size),
  deallocate: (address) => parent.deallocate(address),
});
const halves = (): [ReferenceHeap, ReferenceHeap] => {
  const memory = LinearMemory.fixed(16384);
  return [new ReferenceHeap(memory, 8, 8192), new ReferenceHeap(memory, 8192, 16384)];
};

describe("capabilities", () => {
  test("are there exactly when the parent has them", () => {
    const guards = [isReallocating, isExpanding, isInspectable, isOwner, hasUsableSize];
    const rich = new StatsCollector(new FailAfter(heap(), Infinity));
    const poor = new StatsCollector(new FailAfter(bare(heap()), Infinity));
    for (const guard of guards) {
      expect(guard(rich)).toBe(true);
      expect(guard(poor)).toBe(false);
    }
  });

  test("of several children are those that all have", () => {
    const [low, high] = halves();
    const poor = Object.assign(bare(high), { allocateZeroed: (size: number) => high.allocateZeroed(size) });
    const both = new Fallback(low, poor);
    expect(both.allocateZeroed?.(8)).not.toBe(0);
    expect(both.reallocate).toBeUndefined();
    expect(both.trim?.(0)).toBe(0);
    expect(new Fallback(low, bare(high)).allocateZeroed).toBeUndefined();
  });

  test("that a combinator cannot do without are asked for", () => {
    const [low, high] = halves();
    expect(() => new Segregator(8, bare(low), high)).toThrow("know what they own");
    expect(() => new Segregator(-1, low, high)).toThrow(InvalidArgumentError);
    expect(() => new Fallback(low, heap())).toThrow("over the same memory");
    expect(() => new Bucketizer(16, [])).toThrow("one allocator or more");
    expect(() => new Bucketizer(0, [low])).toThrow("step");
    expect(() => new AllocatorList(() => undefined)).toThrow(InvalidArgumentError);
    expect(() => new Quarantine(bare(low), 10)).toThrow("usableSize");
    expect(() => new FreeList(bare(low), { maximum: 16 })).toThrow("usableSize");
    expect(() => new FreeList(low, { maximum: 4 })).toThrow("maximum");
    expect(() => new FreeList(low, { maximum: 16, minimum: 17 })).toThrow("minimum");
    expect(() => new Limit(bare(low), 10)).toThrow("usableSize");
    expect(() => new Quantizer(low, 48)).toThrow("quantum must be a power of two");
    expect(() => new FailAfter(low, Number.NaN)).toThrow("requests");
  });
});

test("StatsCollector counts", () => {
  const stats = new StatsCollector(heap());
  const a = stats.allocate(100);
  const b = stats.allocateZeroed!(50);
  stats.allocate(20_000);
  const c = stats.reallocate!(b, 60);
  stats.deallocate(a);
  const d = stats.reallocate!(0, 10);
  expect(stats.reallocate!(d, 100_000)).toBe(0);
  stats.allocateAligned!(64, 30);
  stats.deallocateSized!(d, 10);
  expect(stats).toMatchObject({
    allocations: 4,
    deallocations: 2,
    reallocations: 1,
    failures: 2,
    requestedBytes: 250,
    liveBytes: 90,
    peakBytes: 160,
    liveBlocks: 2,
  });
  expect(c).not.toBe(0);
  stats.deallocateAll!();
  expect(stats).toMatchObject({ liveBytes: 0, liveBlocks: 0, deallocations: 4 });
});

test("TraceRecorder writes what the trace reader reads", async () => {
  const lines: string[] = [];
  const recorder = new TraceRecorder(heap(), (line) => lines.push(line));
  const a = recorder.allocate(100);
  const b = recorder.allocateZeroed!(20);
  recorder.thread(3);
  recorder.thread(3);
  const c = recorder.allocateAligned!(64, 0);
  recorder.deallocate(a);
  const d = recorder.reallocate!(0, 7);
  recorder.reallocate!(d, 0);
  recorder.expand!(b, 24);
  recorder.allocate(1e9);
  recorder.deallocate(0);
  recorder.thread(0);
  recorder.deallocateAll!();
  expect(lines).toEqual([
    ...["a 0 100", "c 1 1 20", "t 3", "m 2 64 0", "f 0", "a 0 7", "r 0 1", "r 1 24", "t 0"],
    ...["f 0", "f 1", "f 2"],
  ]);
  expect(c).not.toBe(0);
  expect(recorder.summary()).toEqual({ ops: 10, slots: 3, peakLiveBytes: 120, threads: 2 });
  const text = [...recorder.header("a\ntest"), ...lines, ""].join("\n");
  const trace = await readTrace([new TextEncoder().encode(text)]);
  expect(trace).toMatchObject({ length: 10 });
  expect(text).toContain("# program: a test\n");
  expect(() => recorder.thread(-1)).toThrow(InvalidArgumentError);
});

test("FailAfter fails each request in turn, and nothing else changes", () => {
  for (let n = 0; n < 6; n++) {
    const parent = heap();
    const failing = new FailAfter(parent, n);
    const blocks = [failing.allocate(8), failing.allocateZeroed!(8), failing.allocateAligned!(64, 8)];
    const grown = failing.reallocate!(blocks[0]!, 80);
    const expanded = blocks[0] !== 0 && failing.expand!(grown || blocks[0]!, 81);
    const results = [...blocks, grown].map((address) => address !== 0);
    expect([...results, expanded].filter(Boolean).length).toBe(Math.min(n, 5));
    expect(parent.check()).toEqual([]);
    expect(() => failing.allocate(-1)).toThrow(InvalidArgumentError);
  }
});

describe("ShadowChecked", () => {
  test("finds an allocator that hands out overlapping, misaligned and outlying blocks", () => {
    const parent = heap();
    const answers = [64, 72, 1000, 16384 - 8, 1002];
    const lying = { ...bare(parent), allocate: () => answers.shift() ?? 0 };
    const shadow = new ShadowChecked(lying);
    expect(shadow.allocate(16)).toBe(64);
    expect(() => shadow.allocate(8)).toThrow("the block 0x48 of 8 bytes overlaps the live block at 0x48");
    expect(shadow.allocate(8)).toBe(1000);
    expect(() => shadow.allocate(16)).toThrow("does not lie in the memory");
    expect(() => shadow.allocate(1)).toThrow("is not 8-byte aligned");
    expect(() => shadow.allocate(1)).not.toThrow();
  });

  test("tells a double free from a pointer into a block and from one to nowhere", () => {
    const shadow = new ShadowChecked(heap());
    const block = shadow.allocate(100);
    expect(() => shadow.deallocate(block + 8)).toThrow("lies inside a live block");
    expect(() => shadow.deallocate(8192)).toThrow(InvalidPointerError);
    expect(() => shadow.deallocateSized!(block, 99)).toThrow("size must be 100");
    shadow.deallocate(block);
    expect(() => shadow.deallocate(block)).toThrow(DoubleFreeError);
    expect(() => shadow.reallocate!(block, 8)).toThrow(DoubleFreeError);
    expect(shadow.allocate(10)).toBe(block);
    shadow.deallocate(block);
  });

  test("with a poisonable memory forbids everything but live blocks", () => {
    const parent = heap();
    const shadow = new ShadowChecked(parent, new CheckedMemory(parent.memory));
    const block = shadow.allocate(10);
    const { memory } = shadow;
    memory.store8(block + 9, 1);
    expect(() => memory.store8(block + 10, 1)).toThrow(PoisonedAccessError);
    expect(() => memory.load8(block - 1)).toThrow(PoisonedAccessError);
    const grown = shadow.reallocate!(block, 20);
    memory.store8(grown + 19, 1);
    shadow.deallocate(grown);
    expect(() => memory.load8(grown)).toThrow(PoisonedAccessError);
    const zeroed = shadow.allocateZeroed!(12);
    expect(memory.load32(zeroed)).toBe(0);
    shadow.deallocateAll!();
    expect(() => memory.load8(zeroed)).toThrow(PoisonedAccessError);
  });

  test("follows a memory that grows", () => {
    const memory = LinearMemory.growing({ maximum: 4 * 65536 });
    let next = 65536 - 8;
    const growing = {
      ...bare(new ReferenceHeap(memory)),
      allocate: (size: number) => {
        next += 8;
        memory.grow(next + size);
        return next;
      },
    };
    const checked = new CheckedMemory(memory);
    const shadow = new ShadowChecked(growing, checked);
    const block = shadow.allocate(8);
    expect(block).toBe(65536);
    checked.store32(block, 1);
    expect(() => checked.load8(block + 8)).toThrow(PoisonedAccessError);
  });
});

describe("Affix", () => {
  test.each([
    ["one byte after", 10],
    ["eight bytes after", 17],
    ["one byte before", -1],
    ["its mark", -6],
    ["its size", -12],
    ["its prefix", -16],
  ])("finds an overwritten byte: %s", (_, offset) => {
    const affix = new Affix(heap());
    const block = affix.allocate(10);
    expect(affix.check!()).toEqual([]);
    affix.memory.store8(block + offset, affix.memory.load8(block + offset) ^ 0xff);
    expect(affix.check!().length).toBe(1);
    expect(() => affix.deallocate(block)).toThrow(HeapCorruptionError);
    expect(() => affix.reallocate!(block, 20)).toThrow(HeapCorruptionError);
  });

  test("names the byte, and knows exact sizes", () => {
    const affix = new Affix(heap());
    const block = affix.allocate(10);
    expect([affix.usableSize!(block), affix.goodSize!(10)]).toEqual([10, 10]);
    affix.memory.store8(block + 13, 0);
    const where = `0x${block.toString(16)}`;
    expect(() => affix.deallocate(block)).toThrow(`byte 3 after the 10 bytes at ${where} was overwritten`);
  });

  test("keeps a strong alignment's block apart from its header through walk, resolve and reallocate", () => {
    const affix = new Affix(heap());
    const block = affix.allocateAligned!(256, 40);
    expect(block % 256).toBe(0);
    expect([...affix.walk!()].find(({ state }) => state === "live")?.payload).toBe(block);
    expect(affix.resolve!(block + 39)).toBe(block);
    expect(affix.resolve!(block - 1)).toBe(0);
    expect(affix.resolve!(block + 40)).toBe(0);
    affix.memory.store32(block, 1234);
    const moved = affix.reallocate!(block, 80);
    expect(affix.memory.load32(moved)).toBe(1234);
    affix.deallocate(moved);
    expect(() => affix.deallocate(moved)).toThrow(DoubleFreeError);
    expect(affix.stats!().liveBlocks).toBe(0);
  });
});

describe("Quarantine", () => {
  test("holds blocks back in order, up to its limit", () => {
    const parent = heap();
    const quarantine = new Quarantine(parent, 100);
    const blocks = [40, 40, 40].map((size) => quarantine.allocate(size));
    for (const block of blocks) quarantine.deallocate(block);
    expect(quarantine.heldBytes).toBe(80);
    expect(parent.stats().liveBlocks).toBe(2);
    expect(quarantine.stats!().liveBlocks).toBe(0);
    expect(quarantine.allocate(40)).toBe(blocks[0]);
    expect(() => quarantine.deallocate(blocks[1]!)).toThrow(DoubleFreeError);
    expect(() => quarantine.deallocate(blocks[1]! + 4)).toThrow(InvalidPointerError);
    expect([...quarantine.walk!()].filter(({ state }) => state === "cached").length).toBe(2);
    expect(quarantine.flush()).toBe(true);
    expect(quarantine.flush()).toBe(false);
    expect(parent.stats().liveBlocks).toBe(1);
  });

  test("gives up what it holds when the parent is exhausted", () => {
    const quarantine = new Quarantine(heap(), Infinity);
    const kept = quarantine.allocate(8);
    for (let i = 0; i < 100; i++) quarantine.deallocate(quarantine.allocate(1000));
    expect(quarantine.allocateZeroed!(15_000)).not.toBe(0);
    expect(quarantine.heldBytes).toBe(0);
    expect(quarantine.reallocate!(kept, 20_000)).toBe(0);
    quarantine.deallocate(kept);
    expect(quarantine.heldBytes).toBe(8);
  });

  test("finds a write through a stale pointer", () => {
    const quarantine = new Quarantine(heap(), 1000);
    const block = quarantine.allocate(40);
    quarantine.deallocate(block);
    quarantine.memory.store8(block + 7, 1);
    expect(quarantine.check!()[0]?.fault).toMatch(/byte 7 of .* was written to after the block was freed/);
    expect(() => quarantine.flush()).toThrow(HeapCorruptionError);
    expect(quarantine.check!()).toEqual([]);
  });
});

describe("FreeList", () => {
  test("hands the last freed block out first, for any size of its range", () => {
    const list = new FreeList(heap(), { maximum: 64, minimum: 16, limit: 2 });
    const blocks = [64, 16, 30].map((size) => list.allocate(size));
    const small = list.allocate(8);
    for (const block of [...blocks, small]) list.deallocate(block);
    expect(list.length).toBe(2);
    expect([list.allocate(20), list.allocate(64)]).toEqual([blocks[1], blocks[0]]);
    expect(list.length).toBe(0);
  });

  test("gives its blocks back when the parent is exhausted, whatever the request", () => {
    const requests: ((list: FreeList, block: number) => number)[] = [
      (list) => list.allocate(15_000),
      (list) => list.allocateZeroed!(15_000),
      (list) => list.allocateAligned!(8, 15_000),
      (list, block) => list.reallocate!(block, 15_000),
    ];
    for (const request of requests) {
      const list = new FreeList(heap(), { maximum: 64 });
      const kept = list.allocate(8);
      const blocks = Array.from({ length: 100 }, () => list.allocate(64));
      for (const block of blocks) list.deallocate(block);
      expect(list.length).toBe(100);
      expect(request(list, kept)).not.toBe(0);
      expect(list.length).toBe(0);
      expect(list.flush()).toBe(false);
    }
  });

  test("finds a double free, and a write to a free block", () => {
    const list = new FreeList(heap(), { maximum: 64 });
    const [a, b] = [list.allocate(64), list.allocate(64)];
    list.deallocate(a);
    list.deallocate(b);
    expect(() => list.deallocate(a)).toThrow(DoubleFreeError);
    expect(list.check!()).toEqual([]);
    list.memory.store32(b + 4, 0);
    expect(list.check!().length).toBe(1);
    expect(() => list.allocate(64)).toThrow(HeapCorruptionError);
  });
});

test("Limit counts down and up", () => {
  const limit = new Limit(heap(), 100);
  const a = limit.allocate(60);
  expect(limit.used).toBe(64);
  expect(limit.allocate(40)).toBe(0);
  const b = limit.allocate(36 - 4);
  expect(limit.used).toBe(96);
  expect(limit.reallocate!(a, 80)).toBe(0);
  expect(limit.expand!(b, 60)).toBe(false);
  limit.deallocate(a);
  expect(limit.reallocate!(b, 98)).toBe(b);
  limit.deallocateAll!();
  expect(limit.used).toBe(0);
});

describe("Segregator", () => {
  test("sends sizes to their sides and moves blocks across", () => {
    const [low, high] = halves();
    const both = new Segregator(64, low, high);
    const small = both.allocate(64);
    const large = both.allocate(65);
    expect([low.owns(small), high.owns(large)]).toEqual([true, true]);
    both.memory.store32(small, 77);
    const grown = both.reallocate!(small, 100);
    expect(high.owns(grown)).toBe(true);
    expect(both.memory.load32(grown)).toBe(77);
    const shrunk = both.reallocate!(grown, 10);
    expect([low.owns(shrunk), both.memory.load32(shrunk)]).toEqual([true, 77]);
    expect(both.stats!().liveBlocks).toBe(2);
    expect(() => both.reallocate!(shrunk + 8, 100)).toThrow(InvalidPointerError);
    expect(both.stats!().liveBlocks).toBe(2);
  });
});

test("Fallback turns to the second when the first is full, and back", () => {
  const [low, high] = halves();
  const both = new Fallback(low, high);
  const first = both.allocate(8000);
  const second = both.allocate(8000);
  expect([low.owns(first), high.owns(second), both.allocate(8000)]).toEqual([true, true, 0]);
  both.deallocate(first);
  expect(both.allocate(4000)).toBe(first);
});

test("Bucketizer serves each range from its bucket and nothing beyond the last", () => {
  const [low, high] = halves();
  const buckets = new Bucketizer(32, [low, high]);
  expect([0, 1, 32].every((size) => low.owns(buckets.allocate(size)))).toBe(true);
  expect([33, 64].every((size) => high.owns(buckets.allocate(size)))).toBe(true);
  expect(buckets.allocate(65)).toBe(0);
  const block = buckets.allocate(10);
  expect(high.owns(buckets.reallocate!(block, 40))).toBe(true);
});

test("AllocatorList grows one by one, and not for sizes that none serves", () => {
  const parent = heap();
  const list = new AllocatorList(() => Region.create(parent, 1024));
  for (let i = 0; i < 8; i++) expect(list.allocate(500)).not.toBe(0);
  expect(list.length).toBe(4);
  for (let i = 0; i < 5; i++) expect(list.allocate(2000)).toBe(0);
  expect(list.length).toBe(5);
  expect(list.allocate(1000)).not.toBe(0);
  expect(list.length).toBe(5);
  list.deallocateAll!();
  expect(list.allocate(500)).not.toBe(0);
  expect(list.length).toBe(5);
});

test("Region gives back its last block, expands it, and knows its bounds", () => {
  const parent = heap();
  const region = Region.create(parent, 100)!;
  const a = region.allocate(10);
  const b = region.allocate(10);
  expect(b).toBe(a + 16);
  expect(region.expand(a, 5)).toBe(false);
  expect(region.expand(b, 40)).toBe(true);
  expect(region.expand(b, 85)).toBe(false);
  region.deallocate(b);
  expect(region.allocateAligned(32, 4) % 32).toBe(0);
  expect(() => region.deallocate(a + 1024)).toThrow(InvalidPointerError);
  expect(region.footprint()).toBe(100);
  expect(Region.create(parent, 1e6)).toBeUndefined();
  expect(() => Region.create(parent, 0)).toThrow(InvalidArgumentError);
  region.destroy();
  expect(parent.stats().liveBlocks).toBe(0);
});

test("Locked holds its lock during each operation, gives it back when one throws, and refuses a heap that was left half changed", () => {
  const memory = LinearMemory.shared(16384);
  const lock = new FutexLock(memory, 0, 1, 20);
  const parent = new ReferenceHeap(memory, 64);
  const seen: number[] = [];
  const watched = Object.assign(Object.create(parent), {
    allocate: (size: number) => {
      seen.push(lock.owner);
      return parent.allocate(size);
    },
  });
  const locked = new Locked(watched, lock);
  locked.allocate(8);
  expect([seen, lock.owner]).toEqual([[1], 0]);
  expect(() => locked.deallocate(-1)).toThrow(InvalidPointerError);
  expect(lock.owner).toBe(0);
  new FutexLock(memory, 0, 9).acquire();
  expect(() => locked.allocate(8)).toThrow("held by owner 9, not free within 20 ms");
  lock.recover(9);
  expect(() => locked.allocate(8)).toThrow(LockError);
  expect(lock.owner).toBe(0);
  lock.acquire();
  lock.repaired();
  lock.release();
  expect(locked.allocate(8)).not.toBe(0);
});
