import {
  AttachError,
  DoubleFreeError,
  InvalidArgumentError,
  InvalidPointerError,
  NULL,
} from "@heapwright/allocator";
import { conformanceCases } from "@heapwright/allocator/conformance";
import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Buddy, BuddyHeap, check } from "../src/index.ts";

/** A break that somebody else moves too, between this heap's own moves. */
const shared = (bytes: number): { source: LinearPages; memory: LinearMemory; moved: () => number } => {
  const memory = LinearMemory.fixed(bytes);
  const source = LinearPages.create(memory);
  let calls = 0;
  let moved = 0;
  const sbrk = source.sbrk.bind(source);
  source.sbrk = (increment) => {
    if (increment === 0 && ++calls % 3 === 0 && sbrk(1000) !== NULL) moved += 1000;
    return sbrk(increment);
  };
  return { source, memory, moved: () => moved };
};

describe("BuddyHeap where somebody else moves the break too", () => {
  const factory = (): BuddyHeap => new BuddyHeap(shared(2 ** 18).source);
  for (const c of conformanceCases(factory, { detectsDoubleFree: true, exhausts: false }))
    test(c.name, c.run);
});

describe("growth", () => {
  test("the tables move to larger places, and their old pages are used again", () => {
    const memory = LinearMemory.growing();
    const heap = new BuddyHeap(LinearPages.create(memory), { pageSize: 32 });
    const blocks: number[] = [];
    let payload = 0;
    for (let i = 0; i < 3000; i++) {
      const size = 32 << (i % 6);
      const block = heap.allocate(size);
      memory.fill(block, size, i & 0xff);
      blocks.push(block);
      payload += size;
    }
    expect(heap.check()).toEqual([]);
    blocks.forEach((block, i) => {
      expect(memory.load8(block + (32 << (i % 6)) - 1)).toBe(i & 0xff);
    });
    // One byte of table a page, twice that while there is room to grow, and the largest run left over at the end.
    expect(heap.footprint()).toBeLessThan(payload * 1.2 + 2 ** 17);
    for (const block of blocks) heap.deallocate(block);
    expect(heap.stats()).toMatchObject({ liveBlocks: 0, allocatedBytes: 0 });
    expect(heap.trim(0)).toBeGreaterThan(payload / 3);
    expect(heap.check()).toEqual([]);
  });

  test("a source that fails at any step leaves the heap sound", () => {
    for (let allowed = 1; allowed < 12; allowed++) {
      const source = LinearPages.create(LinearMemory.fixed(2 ** 20));
      let grown = 0;
      const heap = new BuddyHeap({
        memory: source.memory,
        pageSize: source.pageSize,
        sbrk: (increment) => (increment > 0 && ++grown > allowed ? NULL : source.sbrk(increment)),
      });
      const blocks: number[] = [];
      for (let i = 0; i < 60; i++) {
        const block = heap.allocate(i * 300);
        expect(heap.check()).toEqual([]);
        if (block === NULL) heap.deallocate(blocks.shift() ?? NULL);
        else blocks.push(block);
      }
      for (const block of blocks) heap.deallocate(block);
      expect(heap.check()).toEqual([]);
      expect(heap.stats().liveBlocks).toBe(0);
    }
  });

  test("random sizes on a break of any state, grown, trimmed and attached to", () => {
    const command = fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 20_000 }));
    fc.assert(
      fc.property(fc.array(command, { maxLength: 80, size: "max" }), (commands) => {
        const { source, memory } = shared(2 ** 20);
        const heap = new BuddyHeap(source, { pageSize: 64 });
        let attached = heap;
        const live: { block: number; size: number; seed: number }[] = [];
        for (const [what, value] of commands) {
          if (what < 5) {
            const block = attached.allocate(value);
            if (block === NULL) continue;
            const seed = (value * 31 + live.length) & 0xff;
            memory.fill(block, value, seed);
            live.push({ block, size: value, seed });
          } else if (what < 8 && live.length > 0) {
            const [{ block, size, seed }] = live.splice(value % live.length, 1) as [(typeof live)[number]];
            if (size > 0) expect([memory.load8(block), memory.load8(block + size - 1)]).toEqual([seed, seed]);
            attached.deallocate(block);
          } else if (what === 8) attached.trim(value);
          else attached = new BuddyHeap(Buddy.attachOver(source, heap.buddy.at));
          expect(attached.check()).toEqual([]);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("the heap", () => {
  const heapOf = (): BuddyHeap => new BuddyHeap(LinearPages.create(LinearMemory.fixed(2 ** 20)));

  test("blocks grow in place into their free buddies, and shrink by halves", () => {
    const heap = heapOf();
    const block = heap.allocateAligned(1024, 64);
    heap.expand(block, 64);
    expect(heap.usableSize(block)).toBe(64);
    expect(heap.expand(block, 1000)).toBe(true);
    expect(heap.usableSize(block)).toBe(1024);
    expect(heap.expand(block, 2 ** 20)).toBe(false);
    expect(heap.check()).toEqual([]);
  });

  test("misuse is named", () => {
    const heap = heapOf();
    const block = heap.allocate(1000);
    expect(() => heap.deallocate(block + 64)).toThrow(InvalidPointerError);
    expect(() => heap.deallocateSized(block, 5000)).toThrow(InvalidArgumentError);
    heap.deallocate(block);
    expect(() => heap.deallocate(block)).toThrow(DoubleFreeError);
    expect(() => heap.usableSize(block)).toThrow(DoubleFreeError);
    expect(() => Buddy.attachOver(LinearPages.create(LinearMemory.fixed(4096)), 64)).toThrow(AttachError);
    expect(() => Buddy.create(LinearMemory.fixed(4096))).toThrow(/room for the metadata and a page/);
    expect(() => Buddy.create(LinearMemory.fixed(65536), { pageSize: 1000 })).toThrow(InvalidArgumentError);
    expect(() => new BuddyHeap(LinearPages.create(LinearMemory.fixed(512)))).toThrow(InvalidArgumentError);
  });

  test("a stray store into a free run is found by check, and before it does harm", () => {
    const heap = heapOf();
    const blocks = Array.from({ length: 8 }, () => heap.allocate(4096));
    for (const block of blocks.filter((_, i) => i % 2 === 0)) heap.deallocate(block);
    heap.memory.fill(blocks[2]!, 8, 0xff);
    heap.memory.store32(blocks[4]!, 0x1234);
    expect(heap.check().length).toBeGreaterThan(0);
    expect(() => {
      for (let i = 0; i < 8; i++) heap.allocate(4096);
    }).toThrow(/link is corrupted/);
  });

  test("pages of any CPU go back to any CPU", () => {
    const buddy = Buddy.create(LinearMemory.fixed(2 ** 22), { cpus: 3, batch: 2, high: 8 });
    const pages = Array.from({ length: 90 }, (_, i) => buddy.allocateOn(i % 3, 0, 0));
    expect(new Set(pages).size).toBe(90);
    for (const [i, page] of pages.entries()) buddy.freeOn((i * 7) % 3, page, 0);
    expect(check(buddy)).toEqual([]);
    for (let cpu = 0; cpu < 3; cpu++) expect(buddy.lists.count(cpu, 0, 0)).toBeLessThanOrEqual(8);
    buddy.drain();
    expect(buddy.areas.freeFrames).toBe(buddy.areas.frames);
  });
});
