/*
 * The whole stack together: slab over buddy over linear memory, below a kernel model that takes its page frames from the same
 * buddy; and slab over buddy inside one of its processes, where every page arrives by a fault.
 */
import { NULL } from "@heapwright/allocator";
import { Buddy } from "@heapwright/buddy";
import { LinearMemory } from "@heapwright/heap-memory";
import { Machine, Process, Prot } from "@heapwright/kernel";
import { Kmalloc, Slabs, struct, structCache } from "@heapwright/slab";
import { expect, test } from "vitest";

const PAGES = 1024;

const boot = (): { memory: LinearMemory; buddy: Buddy; machine: Machine; slabs: Slabs } => {
  const memory = LinearMemory.fixed(PAGES * 4096);
  const buddy = Buddy.create(memory);
  const slabs = Slabs.create(buddy, memory);
  const machine = new Machine({ memory, frames: buddy, totalFrames: PAGES });
  return { memory, buddy, machine, slabs };
};

test("the kernel's areas and page descriptors live in slab caches of its own physical memory", () => {
  const { memory, machine, slabs } = boot();
  const areaStruct = struct({
    ...{ start: "f64", end: "f64", flags: "u32", pgoff: "u32", next: "ptr" },
  });
  const areas = structCache(slabs, "vm_area_struct", areaStruct);
  const pages = structCache(
    slabs,
    "page",
    struct({ frame: "u32", flags: "u32", mapCount: "i32", next: "ptr" }),
  );
  const process = Process.create(machine);
  for (let i = 0; i < 20; i++) {
    const protection = i % 2 === 0 ? Prot.READ | Prot.WRITE : Prot.READ;
    const at = process.mmap(8192, protection);
    if (i % 2 === 0) process.memory.store32(at, i);
  }
  let head = NULL;
  for (const area of process.mm.areas) {
    const object = areas.alloc();
    areas.set.start(object, area.start);
    areas.set.end(object, area.end);
    areas.set.next(object, head);
    head = object;
  }
  const { frames } = machine;
  for (let frame = 1; frame < PAGES; frame++) {
    if (frames.flags[frame] === 0) continue;
    const object = pages.alloc();
    pages.set.frame(object, frame);
    pages.set.mapCount(object, frames.mapCount[frame]!);
  }
  const seen: [number, number][] = [];
  for (let object = head; object !== NULL; object = areas.get.next(object)) {
    seen.unshift([areas.get.start(object), areas.get.end(object)]);
  }
  expect(seen).toEqual([...process.mm.areas].map(({ start, end }) => [start, end]));
  expect(seen.length).toBeGreaterThan(20);
  expect(pages.cache.stats().live).toBeGreaterThan(10);
  // The descriptors do not lie in the frames that they describe: slabs and the process share the buddy's pages.
  for (const object of [head]) expect(frames.flags[Math.floor(object / 4096)]).toBe(0);
  expect(slabs.check()).toEqual([]);
  expect(memory.byteLength).toBe(PAGES * 4096);
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

  const { frames } = machine;
  const others = frames.pressure!;
  frames.pressure = (which, desperate) => (desperate && slabs.reclaim() > 0) || others(which, desperate);
  const process = Process.create(machine);
  const pages = PAGES - 150;
  const at = process.mmap(pages * 4096, Prot.READ | Prot.WRITE);
  for (let page = 0; page < pages; page++) process.memory.store32(at + page * 4096, page);
  for (let page = 0; page < pages; page++) expect(process.memory.load32(at + page * 4096)).toBe(page);
  expect(slabs.pagesHeld).toBeLessThan(before - 300);
  expect(slabs.check()).toEqual([]);
});

test("and a cache under pressure makes the process give its pages back", () => {
  const { machine, slabs } = boot();
  const process = Process.create(machine);
  const bytes = 800 * 4096;
  const at = process.mmap(bytes, Prot.READ | Prot.WRITE);
  for (let page = 0; page < 800; page++) process.memory.store32(at + page * 4096, 1);
  let dropped = false;
  slabs.onPressure(() => {
    if (dropped) return false;
    process.sys.munmap(at, bytes);
    dropped = true;
    return true;
  });
  const cache = slabs.kmemCacheCreate("big", 4096);
  const objects = Array.from({ length: 600 }, () => cache.alloc());
  expect(objects).not.toContain(NULL);
  expect(dropped).toBe(true);
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
