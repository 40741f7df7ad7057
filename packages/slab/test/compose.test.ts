/*
 * The whole stack together: slab over buddy over linear memory, below a kernel model that takes its page frames from the
 * same buddy and keeps its own objects in the caches; and slab over buddy inside one of its processes, where every page
 * arrives by a fault.
 */
import { NULL } from "@heapwright/allocator";
import { Buddy } from "@heapwright/buddy";
import { LinearMemory } from "@heapwright/heap-memory";
import { Machine, Process, Prot } from "@heapwright/kernel";
import { Kmalloc, Slabs, struct } from "@heapwright/slab";
import { expect, test } from "vitest";

const PAGES = 1024;
const RW = Prot.READ | Prot.WRITE;

const boot = (swapPages = 0): { memory: LinearMemory; machine: Machine; slabs: Slabs } => {
  const memory = LinearMemory.fixed(PAGES * 4096);
  const buddy = Buddy.create(memory);
  const totalFrames = buddy.areas.freeFrames;
  const slabs = Slabs.create(buddy, memory);
  const machine = new Machine({ memory, frames: buddy, totalFrames, objects: slabs, swapPages });
  return { memory, machine, slabs };
};

test("the kernel's areas and page descriptors live in slab caches of its own physical memory", () => {
  const { memory, machine, slabs } = boot();
  const areas = slabs.kmemCacheFind("vm_area_struct")!;
  const pages = slabs.kmemCacheFind("page")!;
  const process = Process.create(machine);
  for (let i = 0; i < 20; i++) {
    const at = process.mmap(8192, i % 2 === 0 ? RW : Prot.READ);
    if (i % 2 === 0) process.memory.store32(at, i);
  }
  const { get } = struct({ start: "f64", end: "f64" }).over(memory);
  for (const area of process.mm.areas) {
    expect(areas.isLive(area.object)).toBe(true);
    expect([get.start(area.object), get.end(area.object)]).toEqual([area.start, area.end]);
    // A slab is no page of a process.
    expect(machine.frames.isUsed(Math.floor(area.object / 4096))).toBe(false);
  }
  expect(areas.stats().live).toBe(process.mm.areas.size);
  expect(pages.stats().live).toBe(machine.frames.used);
  expect(slabs.check()).toEqual([]);
  process.exit();
  expect(areas.stats().live).toBe(0);
  expect(pages.stats().live).toBe(1); // the page of zeros
});

test("memory pressure in the kernel shrinks the caches", () => {
  const { machine, slabs } = boot();
  const cache = slabs.kmemCacheCreate("dentry", 200);
  const objects = Array.from({ length: 10_000 }, () => cache.alloc());
  for (const object of objects) cache.free(object);
  // Ask twice, so that the cache has learnt to keep its slabs.
  for (let i = 0; i < 10_000; i++) objects[i] = cache.alloc();
  for (const object of objects) cache.free(object);
  const before = slabs.pagesHeld;
  expect(before).toBeGreaterThan(400);

  const process = Process.create(machine);
  const pages = PAGES - 150;
  const at = process.mmap(pages * 4096, RW);
  for (let page = 0; page < pages; page++) process.memory.store32(at + page * 4096, page);
  for (let page = 0; page < pages; page++) expect(process.memory.load32(at + page * 4096)).toBe(page);
  expect(slabs.pagesHeld).toBeLessThan(before - 300);
  expect(slabs.check()).toEqual([]);
});

test("and a cache under pressure makes the kernel swap pages out", () => {
  const { machine, slabs } = boot(PAGES);
  const process = Process.create(machine);
  const at = process.mmap(800 * 4096, RW);
  for (let page = 0; page < 800; page++) process.memory.store32(at + page * 4096, page);
  const cache = slabs.kmemCacheCreate("big", 4096);
  const objects = Array.from({ length: 600 }, () => cache.alloc());
  expect(objects).not.toContain(NULL);
  expect(machine.events.pswpout).toBeGreaterThan(300);
  for (const object of objects) cache.free(object);
  for (let page = 0; page < 800; page++) expect(process.memory.load32(at + page * 4096)).toBe(page);
});

test("kmalloc runs in a process's own memory, page by page as it faults", () => {
  const process = Process.create(new Machine({ memory: LinearMemory.fixed(2 ** 23) }));
  const heap = new Kmalloc(Buddy.over(process), process.memory);
  const blocks = new Map<number, number>();
  for (let i = 0; i < 600; i++) {
    const size = (i * 37) % 3000;
    const block = heap.kmalloc(size);
    expect(block).not.toBe(NULL);
    heap.memory.fill(block, size, i);
    blocks.set(block, size);
    if (i % 3 === 0) {
      const [[old]] = blocks as unknown as [[number]];
      heap.kfree(old);
      blocks.delete(old);
    }
  }
  expect(heap.check()).toEqual([]);
  expect(heap.stats().liveBlocks).toBe(blocks.size);
  for (const block of blocks.keys()) heap.kfree(block);
  expect(heap.stats().liveBlocks).toBe(0);
});
