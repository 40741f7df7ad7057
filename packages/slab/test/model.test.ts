/*
 * Random operations against a simple model: sets of live objects, each filled with bytes of its own, and caches that come and
 * go. check() after every step.
 */
import { NULL, type PageAllocator } from "@heapwright/allocator";
import { Buddy } from "@heapwright/buddy";
import { LinearMemory } from "@heapwright/heap-memory";
import { type KmemCache, SlabFlags, type SlabOptions, Slabs } from "@heapwright/slab";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

type Step =
  | { readonly op: "create"; readonly size: number; readonly align: number; readonly ctor: boolean }
  | { readonly op: "alloc"; readonly cache: number; readonly count: number }
  | { readonly op: "free"; readonly cache: number; readonly count: number; readonly at: number }
  | { readonly op: "shrink" | "reap" | "destroy"; readonly cache: number }
  | { readonly op: "tune"; readonly cache: number; readonly limit: number }
  | { readonly op: "reclaim" };

const cacheIndex = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("create" as const),
      size: fc.integer({ min: 1, max: 3000 }),
      align: fc.constantFrom(0, 4, 16, 64),
      ctor: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant("alloc" as const),
      cache: cacheIndex,
      count: fc.integer({ min: 1, max: 200 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("free" as const),
      cache: cacheIndex,
      count: fc.integer({ min: 1, max: 200 }),
      at: fc.nat(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constantFrom("shrink" as const, "reap" as const, "destroy" as const),
      cache: cacheIndex,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("tune" as const),
      cache: cacheIndex,
      limit: fc.integer({ min: 1, max: 40 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("reclaim" as const) }) },
);

/** The two workers' sides of one cache, and what is live in it. */
interface Modelled {
  readonly sides: readonly KmemCache[];
  readonly live: number[];
  readonly ctor: boolean;
}

class Model {
  readonly #sides: readonly Slabs[];
  readonly #caches: Modelled[] = [];
  #names = 0;

  constructor(sides: readonly Slabs[]) {
    this.#sides = sides;
  }

  run(step: Step): void {
    if (step.op === "create") this.#create(step.size, step.align, step.ctor);
    else if (step.op === "reclaim") for (const side of this.#sides) side.reclaim();
    else {
      const cache = this.#caches[step.cache % Math.max(this.#caches.length, 1)];
      if (cache !== undefined) this.#on(cache, step);
    }
    this.#verify();
  }

  #create(size: number, align: number, ctor: boolean): void {
    if (this.#caches.length >= 6) return;
    const name = `c${this.#names++}`;
    const { memory } = this.#sides[0]!;
    const construct = ctor ? (object: number): void => memory.fill(object, size, 0xc7) : undefined;
    const first = this.#sides[0]!.kmemCacheCreate(name, size, align, 0, construct);
    const sides = [first, ...this.#sides.slice(1).map((side) => side.kmemCacheFind(name, construct)!)];
    this.#caches.push({ sides, live: [], ctor });
  }

  #on(cache: Modelled, step: Exclude<Step, { op: "create" | "reclaim" }>): void {
    const { memory } = this.#sides[0]!;
    const { sides, live } = cache;
    const { objectSize, align } = sides[0]!;
    if (step.op === "alloc") {
      for (let i = 0; i < step.count; i++) {
        const object = sides[i % sides.length]!.alloc();
        if (object === NULL) return;
        expect(object % align).toBe(0);
        if (cache.ctor) expect(memory.read(object, objectSize).every((byte) => byte === 0xc7)).toBe(true);
        memory.fill(object, objectSize, object >>> 3);
        live.push(object);
      }
    } else if (step.op === "free") {
      for (let i = 0; i < step.count && live.length > 0; i++) {
        const [object] = live.splice((step.at + i * 7) % live.length, 1);
        this.#expectBytes(object!, objectSize);
        if (cache.ctor) memory.fill(object!, objectSize, 0xc7);
        sides[(i >> 1) % sides.length]!.free(object!);
      }
    } else if (step.op === "destroy") {
      if (live.length > 0) return;
      this.#sides[0]!.kmemCacheDestroy(sides[0]!);
      this.#caches.splice(this.#caches.indexOf(cache), 1);
    } else if (step.op === "tune") sides[0]!.tune(step.limit, Math.ceil(step.limit / 2), 1);
    else for (const side of sides) side[step.op]();
  }

  #expectBytes(object: number, size: number): void {
    const bytes = this.#sides[0]!.memory.read(object, size);
    expect(bytes.every((byte) => byte === ((object >>> 3) & 0xff))).toBe(true);
  }

  #verify(): void {
    expect(this.#sides[0]!.check()).toEqual([]);
    const all = this.#caches.flatMap(({ sides, live }) =>
      live.map((at) => [at, sides[0]!.objectSize] as const),
    );
    const sorted = all.sort(([a], [b]) => a - b);
    for (let i = 1; i < sorted.length; i++) {
      expect(sorted[i]![0]).toBeGreaterThanOrEqual(sorted[i - 1]![0] + sorted[i - 1]![1]);
    }
    for (const { sides, live } of this.#caches) expect(sides[0]!.stats().live).toBe(live.length);
  }

  /** Everything freed and given back: only the hierarchy itself is left. */
  end(): void {
    for (const cache of [...this.#caches]) {
      this.#on(cache, { op: "free", cache: 0, count: Number.POSITIVE_INFINITY, at: 0 });
      this.#on(cache, { op: "destroy", cache: 0 });
    }
    this.#verify();
    expect(this.#caches.length).toBe(0);
  }
}

const { RED_ZONE, POISON, STORE_USER } = SlabFlags;
describe.each<[string, SlabOptions]>([
  ["classic", {}],
  ["slub", { geometry: "slub", classes: "kernel" }],
  ["limited", { limit: 60 * 4096 }],
  ["debugged", { flags: RED_ZONE | POISON | STORE_USER }],
])("%s", (_, options) => {
  test("two CPUs keep to the model", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const memory = LinearMemory.fixed(1024 * 1024);
        const buddy = Buddy.create(memory);
        const first = Slabs.create(buddy, memory, { ...options, cpus: 2 });
        const model = new Model([first, Slabs.attach(buddy, memory, first.root)]);
        for (const step of steps) model.run(step);
        model.end();
      }),
      { numRuns: 25 },
    );
  });
});

/** A page allocator that has nothing at its `n`-th call. */
class FailingPages implements PageAllocator {
  readonly pageSize: number;
  readonly maxOrder: number;
  calls = 0;
  readonly #pages: PageAllocator;
  readonly #failAt: number;

  constructor(pages: PageAllocator, failAt: number) {
    this.#pages = pages;
    this.#failAt = failAt;
    this.pageSize = pages.pageSize;
    this.maxOrder = pages.maxOrder;
  }
  allocatePages(order: number): number {
    return ++this.calls === this.#failAt ? NULL : this.#pages.allocatePages(order);
  }
  freePages(address: number, order: number): void {
    this.#pages.freePages(address, order);
  }
}

test("no failure of the page allocator does harm, whichever call it is", () => {
  const steps: Step[] = [
    { op: "create", size: 100, align: 0, ctor: true },
    { op: "create", size: 2000, align: 0, ctor: false },
    { op: "alloc", cache: 0, count: 100 },
    { op: "alloc", cache: 1, count: 30 },
    { op: "create", size: 700, align: 64, ctor: false },
    { op: "alloc", cache: 2, count: 50 },
    { op: "free", cache: 0, count: 60, at: 3 },
    { op: "tune", cache: 0, limit: 30 },
    { op: "alloc", cache: 0, count: 100 },
    { op: "free", cache: 1, count: 30, at: 0 },
    { op: "shrink", cache: 1 },
    { op: "alloc", cache: 1, count: 40 },
  ];
  let refused = 0;
  let failed = true;
  for (let failAt = 1; failed; failAt++) {
    const memory = LinearMemory.fixed(1024 * 1024);
    const pages = new FailingPages(Buddy.create(memory), failAt);
    try {
      const model = new Model([Slabs.create(pages, memory)]);
      for (const step of steps) model.run(step);
      model.end();
    } catch (error) {
      // Only what cannot say NULL may throw: making the hierarchy, or a cache.
      expect(String(error)).toContain("pages must be able to");
      refused++;
    }
    failed = pages.calls >= failAt;
  }
  expect(refused).toBeLessThan(8);
});

test("addresses above 2^31 work", () => {
  const memory = LinearMemory.growing({ initial: 2 ** 31 + 2 ** 22, maximum: 2 ** 31 + 2 ** 22 });
  const buddy = Buddy.create(memory, { start: 2 ** 31 });
  const slabs = Slabs.create(buddy, memory, { cpus: 2 });
  const model = new Model([slabs, Slabs.attach(buddy, memory, slabs.root)]);
  for (const size of [40, 3000]) model.run({ op: "create", size, align: 0, ctor: false });
  for (let i = 0; i < 10; i++) {
    model.run({ op: "alloc", cache: i & 1, count: 300 - 20 * i });
    model.run({ op: "free", cache: i & 1, count: 250, at: i });
  }
  model.end();
  expect(slabs.root).toBeGreaterThan(2 ** 31);
});
