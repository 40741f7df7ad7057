import { AttachError, InvalidArgumentError, InvalidPointerError, NULL } from "@heapwright/allocator";
import { Buddy } from "@heapwright/buddy";
import { CountingMemory, LinearMemory, restore, snapshot } from "@heapwright/heap-memory";
import { Kmalloc, type KmemCache, SlabFlags, Slabs } from "@heapwright/slab";
import { describe, expect, test } from "vitest";
import { slabsOver } from "./heap.ts";

const take = (cache: KmemCache, count: number): number[] =>
  Array.from({ length: count }, () => cache.alloc());
const give = (cache: KmemCache, objects: readonly number[]): void => {
  for (const object of objects) cache.free(object);
};

describe("the hierarchy", () => {
  test("every descriptor is an object of cache_cache, in the memory", () => {
    const slabs = slabsOver(2 ** 20);
    const [root, ...rest] = slabs.caches();
    expect(root!.name).toBe("cache_cache");
    const mine = slabs.kmemCacheCreate("mine", 100);
    for (const cache of [...rest, mine]) expect(root!.isLive(cache.address), cache.name).toBe(true);
    expect(root!.stats().live).toBe(slabs.caches().length - 1);
    slabs.kmemCacheDestroy(mine);
    expect(root!.isLive(mine.address)).toBe(false);
    expect(slabs.check()).toEqual([]);
  });

  test("general caches: powers of two to 128 KiB, or the kernel's", () => {
    expect(
      slabsOver(2 ** 20)
        .generalCaches()
        .map(({ name }) => name),
    ).toEqual(Array.from({ length: 13 }, (_, n) => `size-${32 * 2 ** n}`));
    const names = slabsOver(2 ** 20, { classes: "kernel" })
      .generalCaches()
      .map(({ name }) => name);
    expect(names.join(" ").replaceAll("kmalloc-", "")).toBe("8 16 32 64 96 128 192 256 512 1k 2k 4k 8k");
  });

  test("SLUB's geometry in use: kmalloc's caches hold what the kernel's do", () => {
    const slabs = slabsOver(4 * 2 ** 20, { classes: "kernel", geometry: "slub", geometryCpus: 2 });
    const expected = [512, 256, 128, 64, 42, 32, 21, 16, 16, 16, 16, 8, 4];
    expect(slabs.generalCaches().map(({ objectsPerSlab }) => objectsPerSlab)).toEqual(expected);
  });

  test("attach finds everything from the memory and the root's address, also in a restored image", () => {
    const memory = LinearMemory.fixed(2 ** 20);
    const heap = new Kmalloc(Buddy.create(memory), memory);
    const cache = heap.slabs.kmemCacheCreate("mine", 48, 16);
    const object = cache.alloc();
    memory.store32(object, 4711);
    const copy = LinearMemory.fixed(2 ** 20);
    restore(copy, snapshot(memory));
    const other = Kmalloc.attach(Buddy.attach(copy), copy, heap.slabs.root);
    const found = other.slabs.kmemCacheFind("mine")!;
    expect([found.size, found.align, found.isLive(object), copy.load32(object)]).toEqual([
      48,
      16,
      true,
      4711,
    ]);
    found.free(object);
    expect(other.check()).toEqual([]);
    expect(cache.isLive(object)).toBe(true);
  });

  test("attach refuses what is no root, and other pages", () => {
    const memory = LinearMemory.fixed(2 ** 20);
    const buddy = Buddy.create(memory);
    const slabs = Slabs.create(buddy, memory, { cpus: 2 });
    expect(() => Slabs.attach(buddy, memory, slabs.root + 4096)).toThrow(AttachError);
    expect(() => Slabs.attach(buddy, memory, slabs.root + 4)).toThrow(AttachError);
    memory.store32(slabs.root + 4, 99);
    expect(() => Slabs.attach(buddy, memory, slabs.root)).toThrow("version 99");
  });

  test("what cannot be made leaves no page behind", () => {
    const memory = LinearMemory.fixed(2 ** 20);
    const buddy = Buddy.create(memory);
    const free = buddy.areas.freeFrames;
    expect(() => Slabs.create(buddy, memory, { limit: 4096 })).toThrow("able to hold the cache descriptors");
    expect(() => Slabs.create(buddy, memory, { limit: 1 })).toThrow(InvalidArgumentError);
    expect(() => Slabs.create(buddy, memory, { cpus: 33 })).toThrow("an integer from 1 to 32");
    buddy.drain();
    expect(buddy.areas.freeFrames).toBe(free);
  });

  test("a memory without views works as well", () => {
    const memory = new CountingMemory(LinearMemory.fixed(2 ** 20));
    const slabs = Slabs.create(Buddy.create(memory), memory);
    const cache = slabs.kmemCacheCreate("mine", 64);
    const objects = take(cache, 500);
    expect(new Set(objects).size).toBe(500);
    give(cache, objects);
    expect(slabs.check()).toEqual([]);
  });
});

describe("constructed state", () => {
  test("the constructor runs once per object and slab, the destructor when the slab goes", () => {
    const slabs = slabsOver(2 ** 20);
    const made: number[] = [];
    const ended: number[] = [];
    const { memory } = slabs;
    const cache = slabs.kmemCacheCreate(
      ...(["mutex", 40, 0, 0] as const),
      (object) => {
        made.push(object);
        memory.store32(object, 0xc0de);
      },
      (object) => {
        ended.push(object);
        expect(memory.load32(object)).toBe(0xc0de);
      },
    );
    for (let round = 0; round < 20; round++) {
      const objects = take(cache, 300);
      for (const object of objects) expect(memory.load32(object)).toBe(0xc0de);
      give(cache, objects);
    }
    const { grown, reaped } = cache.stats();
    expect(made.length).toBe(grown * cache.objectsPerSlab);
    expect(ended.length).toBe(reaped * cache.objectsPerSlab);
    slabs.kmemCacheDestroy(cache);
    expect(ended.length).toBe(made.length);
    expect(ended.toSorted((a, b) => a - b)).toEqual(made.toSorted((a, b) => a - b));
  });

  test("a constructor may allocate from other caches; one that throws leaves nothing behind", () => {
    const slabs = slabsOver(2 ** 20);
    const parts = slabs.kmemCacheCreate("part", 24);
    let fails = 0;
    const live = new Set<number>();
    const cache = slabs.kmemCacheCreate(
      ...(["whole", 64, 0, 0] as const),
      (object) => {
        if (--fails === 0) throw new Error("no");
        const part = parts.alloc();
        slabs.memory.store32(object, part);
        live.add(part);
      },
      (object) => {
        const part = slabs.memory.load32(object);
        live.delete(part);
        parts.free(part);
      },
    );
    fails = 5;
    expect(() => cache.alloc()).toThrow("no");
    expect(live.size).toBe(0);
    expect(parts.stats().live).toBe(0);
    expect(slabs.check()).toEqual([]);
    const object = cache.alloc();
    expect(live.has(slabs.memory.load32(object))).toBe(true);
    cache.free(object);
    slabs.kmemCacheDestroy(cache);
    expect(live.size).toBe(0);
  });

  test("a worker that has not registered the functions is told so", () => {
    const memory = LinearMemory.fixed(2 ** 20);
    const buddy = Buddy.create(memory);
    const slabs = Slabs.create(buddy, memory, { cpus: 2 });
    slabs.kmemCacheCreate("mutex", 40, 0, 0, () => {});
    const other = Slabs.attach(buddy, memory, slabs.root);
    expect(() => other.kmemCacheFind("mutex")!.alloc()).toThrow(AttachError);
    expect(other.kmemCacheFind("mutex", () => {})!.alloc()).not.toBe(NULL);
  });
});

describe("slabs", () => {
  test("move between the lists, and successive ones have other colours", () => {
    const slabs = slabsOver(2 ** 20);
    const cache = slabs.kmemCacheCreate("coloured", 200, 8);
    cache.tune(1, 1);
    const objects = take(cache, cache.objectsPerSlab * 3);
    const first = objects.map((object) => object % 4096).filter((_, i) => i % cache.objectsPerSlab === 0);
    expect(new Set(first).size).toBeGreaterThan(1);
    expect(cache.stats()).toMatchObject({ fullSlabs: 3, partialSlabs: 0, freeSlabs: 0 });
    cache.free(objects[0]!);
    cache.free(objects[1]!);
    expect(cache.stats()).toMatchObject({ fullSlabs: 2, partialSlabs: 1 });
    give(cache, objects.slice(2));
    expect(slabs.check()).toEqual([]);
    // One went back at once: the cache had more free objects than its limit.
    expect(cache.stats().reaped).toBe(1);
    expect(cache.shrink()).toBe(2);
    expect(cache.stats()).toMatchObject({ fullSlabs: 0, partialSlabs: 0, freeSlabs: 0, live: 0, cached: 0 });
  });

  test("large objects have their descriptors elsewhere", () => {
    const slabs = slabsOver(2 ** 20);
    const cache = slabs.kmemCacheCreate("large", 2048);
    const [object] = take(cache, 1);
    expect(object! % 2048).toBe(0);
    expect(slabs.caches().some(({ name }) => name.startsWith("slab-meta-"))).toBe(true);
    expect(slabs.check()).toEqual([]);
  });

  test.each([1, 2, 3, 4, 5, 7, 12, 100, 1000, 5000, 131072])("objects of %i bytes lie apart", (size) => {
    const slabs = slabsOver(4 * 2 ** 20);
    const cache = slabs.kmemCacheCreate("any", size);
    const objects = take(cache, 20).sort((a, b) => a - b);
    for (let i = 1; i < objects.length; i++)
      expect(objects[i]! - objects[i - 1]!).toBeGreaterThanOrEqual(size);
    expect(objects.every((object) => object % cache.align === 0 && cache.align === 8)).toBe(true);
    give(cache, objects);
    expect(slabs.check()).toEqual([]);
  });

  test("HWCACHE_ALIGN packs small objects into shares of a line", () => {
    const slabs = slabsOver(2 ** 20);
    const align = (size: number): number =>
      slabs.kmemCacheCreate(`a${size}`, size, 0, SlabFlags.HWCACHE_ALIGN).align;
    expect([8, 16, 17, 32, 33, 100].map(align)).toEqual([8, 16, 32, 32, 64, 64]);
  });

  test("reap trims what is idle, a fifth at a time; RECLAIM_ACCOUNT gives all", () => {
    const slabs = slabsOver(2 ** 20);
    const cache = slabs.kmemCacheCreate("idle", 64);
    give(cache, take(cache, 400));
    const { cached } = cache.stats();
    cache.reap();
    expect(cache.stats().cached).toBe(cached);
    cache.reap();
    expect(cache.stats().cached).toBe(cached - 24);
    for (let i = 0; i < 10; i++) slabs.reap();
    expect(cache.stats()).toMatchObject({ cached: 0, freeSlabs: 0 });
    expect(slabs.check()).toEqual([]);
  });

  test("slabinfo", () => {
    const slabs = slabsOver(2 ** 20);
    const cache = slabs.kmemCacheCreate("thing", 64, 64);
    take(cache, 100);
    const lines = slabs.slabinfo().split("\n");
    expect(lines[0]).toBe("slabinfo - version: 2.1");
    expect(lines.find((line) => line.startsWith("thing"))).toBe(
      `thing                100    ${2 * cache.objectsPerSlab}     64   ${cache.objectsPerSlab}    1 : tunables  120   60    0 : slabdata      2      2      0`,
    );
  });
});

describe("limits", () => {
  test("a limit holds, NULL is the answer, and the hook is asked for more", () => {
    const slabs = slabsOver(2 ** 20, { limit: 64 * 4096 });
    const cache = slabs.kmemCacheCreate("big", 4096);
    const objects: number[] = [];
    for (let object = cache.alloc(); object !== NULL; object = cache.alloc()) objects.push(object);
    expect(slabs.pagesHeld).toBeLessThanOrEqual(64);
    expect(objects.length).toBeGreaterThan(40);
    expect(cache.stats().failed).toBe(1);
    let asked = 0;
    slabs.onPressure(() => {
      asked++;
      if (objects.length === 0) return false;
      cache.free(objects.pop()!);
      return true;
    });
    expect(cache.alloc()).not.toBe(NULL);
    expect(asked).toBe(1);
    slabs.limit = 0;
    expect(slabs.limit).toBe(0);
    expect(cache.alloc()).not.toBe(NULL);
    expect(slabs.check()).toEqual([]);
  });

  test("what other caches hold free is reclaimed before NULL", () => {
    const slabs = slabsOver(512 * 1024);
    const first = slabs.kmemCacheCreate("first", 1024);
    const second = slabs.kmemCacheCreate("second", 3000);
    const fill = (cache: KmemCache): number[] => {
      const objects: number[] = [];
      for (let object = cache.alloc(); object !== NULL; object = cache.alloc()) objects.push(object);
      return objects;
    };
    const most = fill(first);
    give(first, most);
    const others = fill(second);
    give(second, others);
    expect(others.length * 3000).toBeGreaterThan(300_000);
    expect(fill(first).length).toBe(most.length);
    expect(slabs.check()).toEqual([]);
  });
});

describe("misuse", () => {
  test("is told with the names of caches", () => {
    const slabs = slabsOver(4 * 2 ** 20);
    const a = slabs.kmemCacheCreate("a", 64);
    const b = slabs.kmemCacheCreate("b", 64);
    const heap = new Kmalloc(slabs.pages, slabs.memory, slabs);
    const [one, two] = take(a, 2);
    expect(() => b.free(one!)).toThrow("is of cache a, not of b");
    expect(() => a.free(one! + 8)).toThrow("is not the start of an object of cache a");
    expect(() => a.free(one! + 0.5)).toThrow(InvalidPointerError);
    expect(() => a.free(one! - 2 ** 32)).toThrow(InvalidPointerError);
    expect(() => a.free(Number.NaN)).toThrow(InvalidPointerError);
    expect(() => a.free(heap.allocate(200_000))).toThrow("lies in a run of pages");
    expect(() => a.free(slabs.root)).toThrow("lies in no slab");
    expect(() => heap.deallocate(one!)).toThrow("not kmalloc's");
    a.free(one!);
    expect(() => a.free(one!)).toThrow("is already free");
    a.free(NULL);
    expect(() => slabs.kmemCacheDestroy(a)).toThrow("without live objects (it has 1)");
    a.free(two!);
    slabs.kmemCacheDestroy(a);
    expect(() => a.alloc()).toThrow("destroyed");
    expect(() => a.free(two!)).toThrow("destroyed");
    expect(slabs.check()).toEqual([]);
  });

  test.each([
    ["", 8, 0, 0],
    ["with space", 8, 0, 0],
    ["x".repeat(32), 8, 0, 0],
    ["size-32", 8, 0, 0],
    ["slab-meta-mine", 8, 0, 0],
    ["zero", 0, 0, 0],
    ["half", 1.5, 0, 0],
    ["huge", 2 ** 30, 0, 0],
    ["odd", 8, 3, 0],
    ["flags", 8, 0, 1],
  ])("kmemCacheCreate(%j, %d, %d, %d) is refused", (name, size, align, flags) => {
    const slabs = slabsOver(2 ** 20);
    expect(() => slabs.kmemCacheCreate(name, size, align, flags)).toThrow(InvalidArgumentError);
    expect(slabs.check()).toEqual([]);
  });

  test("caches of the hierarchy itself are not destroyed", () => {
    const slabs = slabsOver(2 ** 20);
    for (const cache of slabs.caches())
      expect(() => slabs.kmemCacheDestroy(cache)).toThrow(InvalidArgumentError);
  });

  test.each([
    [0, 1, 0],
    [10, 11, 0],
    [10, 0, 0],
    [8001, 1, 0],
    [10, 5, 65],
  ])("tune(%d, %d, %d) is refused", (limit, batch, shared) => {
    expect(() =>
      slabsOver(2 ** 20)
        .kmemCacheCreate("t", 8)
        .tune(limit, batch, shared),
    ).toThrow(InvalidArgumentError);
  });
});
