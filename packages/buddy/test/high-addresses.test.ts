import { NULL } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import { describe, expect, test } from "vitest";
import { allocateContiguousRange, Buddy, BuddyHeap, check, freePagesExact, stats } from "../src/index.ts";

const GIB = 2 ** 30;
/** Committed lazily: only what is touched costs memory. */
const memory = LinearMemory.fixed(4 * GIB);

describe("addresses above 2^31", () => {
  test("runs, exact runs, misuse and ranges up to the last page", () => {
    const buddy = Buddy.create(memory, { start: 3 * GIB, metadata: LinearMemory.growing(), maxOrder: 18 });
    expect(buddy.areas.frames).toBe(2 ** 18);
    const whole = buddy.allocatePages(18);
    expect(whole).toBe(3 * GIB);
    expect(buddy.allocatePages(0)).toBe(NULL);
    buddy.freePages(whole, 18);
    const pages = Array.from({ length: 100 }, () => buddy.allocatePages(0));
    for (const page of pages) expect(page).toBeGreaterThanOrEqual(3 * GIB);
    expect(() => buddy.freePages(pages[0]! + 4096 * 2000, 0)).toThrow(/already free/);
    for (const page of pages) buddy.freePages(page, 0);
    const last = 4 * GIB - 3 * 4096;
    expect(allocateContiguousRange(buddy, last, 3)).toBe(true);
    freePagesExact(buddy, last, 3);
    expect(check(buddy)).toEqual([]);
    expect(stats(buddy).largestFreeBytes).toBe(GIB);
  });

  test("orders that cover 4 GiB", () => {
    const buddy = Buddy.create(memory, { metadata: LinearMemory.growing(), maxOrder: 20 });
    expect(buddy.allocatePages(19)).toBe(2 * GIB);
    expect(buddy.allocatePages(18)).toBe(GIB);
    expect(buddy.allocatePages(20)).toBe(NULL);
    buddy.freePages(2 * GIB, 19);
    buddy.freePages(GIB, 18);
    expect(buddy.areas.freeFrames).toBe(2 ** 20 - 1);
  });

  test("metadata and links in the memory itself", () => {
    const buddy = Buddy.create(memory, { start: 4 * GIB - 2 ** 22 });
    const runs = [0, 3, 5, 0, 1].map((order) => ({ order, address: buddy.allocatePages(order) }));
    for (const { order, address } of runs) {
      expect(address).toBeGreaterThan(4 * GIB - 2 ** 22);
      memory.fill(address, 4096 << order, 0xff);
    }
    for (const { order, address } of runs) buddy.freePages(address, order);
    expect(check(buddy)).toEqual([]);
    const heap = new BuddyHeap(buddy);
    const block = heap.allocate(10_000);
    expect(heap.resolve(block + 9_999)).toBe(block);
    expect(heap.reallocate(block, 100)).toBe(block);
    heap.deallocate(block);
    buddy.drain();
    expect(buddy.areas.freeFrames).toBe(buddy.areas.frames);
  });
});
