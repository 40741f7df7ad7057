import { DoubleFreeError, HeapCorruptionError } from "@heapwright/allocator";
import { SlabFlags } from "@heapwright/slab";
import { expect, test } from "vitest";
import { kmallocOver, slabsOver } from "./heap.ts";

const { RED_ZONE, POISON, STORE_USER } = SlabFlags;
const ALL = RED_ZONE | POISON | STORE_USER;

test("the patterns are the kernel's", () => {
  const slabs = slabsOver(2 ** 20);
  const { memory } = slabs;
  const cache = slabs.kmemCacheCreate("debugged", 20, 8, ALL);
  const object = cache.alloc();
  const bytes = (): string => Buffer.from(memory.read(object - 8, 36)).toString("hex");
  expect(bytes()).toBe(`${"cc".repeat(8)}${"5a".repeat(20)}${"cc".repeat(8)}`);
  cache.free(object);
  expect(bytes()).toBe(`${"bb".repeat(8)}${"6b".repeat(19)}a5${"bb".repeat(8)}`);
  expect(slabs.check()).toEqual([]);
});

test("an overrun is found when the object is freed, and by check()", () => {
  const slabs = slabsOver(2 ** 20);
  const cache = slabs.kmemCacheCreate("overrun", 20, 0, ALL);
  slabs.owner = "physics";
  const object = cache.alloc();
  slabs.memory.store8(object + 20, 0x41);
  const message = `overrun: Right Redzone overwritten at 0x${(object + 20).toString(16)}: 0x41 instead of 0xcc, object 0x${object.toString(16)} (allocated by physics on cpu 0 (1))`;
  expect(slabs.check()).toEqual([{ address: object + 20, fault: message }]);
  expect(() => cache.free(object)).toThrow(new HeapCorruptionError(object + 20, message));
  slabs.memory.store8(object + 20, 0xcc);
  slabs.memory.store8(object - 1, 0);
  expect(() => cache.free(object)).toThrow("Left Redzone overwritten");
});

test("a write after free is found when the object is handed out again, and by check()", () => {
  const slabs = slabsOver(2 ** 20);
  const cache = slabs.kmemCacheCreate("stale", 64, 0, ALL);
  slabs.owner = "physics";
  const object = cache.alloc();
  slabs.owner = "render";
  cache.free(object);
  slabs.memory.store32(object + 8, 1);
  expect(slabs.check()[0]?.fault).toContain("Poison overwritten");
  expect(() => cache.alloc()).toThrow("allocated by physics on cpu 0 (1), freed by render on cpu 0 (2)");
});

test("a double free tells the object's history", () => {
  const slabs = slabsOver(2 ** 20);
  const cache = slabs.kmemCacheCreate("twice", 64, 0, STORE_USER);
  slabs.owner = "a name of more than 16";
  const object = cache.alloc();
  cache.free(object);
  expect(() => cache.free(object)).toThrow(DoubleFreeError);
  expect(() => cache.free(object)).toThrow(
    "is already free (allocated by a name of more t on cpu 0 (1), freed by",
  );
});

test("constructed objects are not poisoned, and keep their state under red zones", () => {
  const slabs = slabsOver(2 ** 20);
  const { memory } = slabs;
  const cache = slabs.kmemCacheCreate("made", 32, 0, ALL, (object) => memory.fill(object, 32, 7));
  const object = cache.alloc();
  expect(memory.read(object, 32)).toEqual(new Uint8Array(32).fill(7));
  cache.free(object);
  expect(memory.read(object, 32)).toEqual(new Uint8Array(32).fill(7));
  expect(cache.flags & POISON).toBe(0);
});

test.each([0, 1, 8, 33, 100, 1000, 4096])(
  "kmalloc(%i) keeps its alignment and its bytes under debugging",
  (size) => {
    const heap = kmallocOver(2 ** 20, { flags: ALL });
    const block = heap.kmalloc(size);
    expect(block % heap.ksize(block)).toBe(0);
    heap.memory.fill(block, heap.ksize(block), 0xee);
    heap.kfree(block);
    expect(heap.check()).toEqual([]);
    expect(() => heap.kfree(block)).toThrow(DoubleFreeError);
  },
);
