import { NULL } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  allocateContiguousRange,
  allocatePagesExact,
  Buddy,
  type BuddyOptions,
  check,
  freePagesExact,
  Mobility,
} from "../src/index.ts";

const PAGE = 64;

/** What the user of a buddy system believes: which pages are whose. */
class Model {
  readonly memory = LinearMemory.fixed(2 ** 16);
  readonly buddy: Buddy;
  readonly live: { address: number; pages: number; order: number; mobility: Mobility; seed: number }[] = [];
  #seed = 1;

  constructor(options: BuddyOptions) {
    this.buddy = Buddy.create(this.memory, options);
  }

  add(address: number, pages: number, order: number, mobility: Mobility): void {
    const end = address + pages * PAGE;
    for (const run of this.live) {
      const apart = end <= run.address || run.address + run.pages * PAGE <= address;
      if (!apart) throw new Error(`${address} + ${pages} pages overlaps ${run.address} + ${run.pages} pages`);
    }
    expect(address).toBeGreaterThanOrEqual(this.buddy.areas.first * PAGE);
    expect(end).toBeLessThanOrEqual(2 ** 16);
    const seed = this.#seed++ & 0xff;
    this.memory.fill(address, pages * PAGE, seed);
    this.live.push({ address, pages, order, mobility, seed });
  }

  verify(): void {
    for (const { address, pages, seed } of this.live) {
      for (let i = 0; i < pages * PAGE; i++) {
        if (this.memory.load8(address + i) !== seed) throw new Error(`${address + i} was overwritten`);
      }
    }
    const faults = check(this.buddy);
    expect(faults).toEqual([]);
    // Nothing stays isolated when a range was taken or could not be.
    expect(this.buddy.areas.blocks(3)).toBe(0);
  }

  /** Whether no live run of the model has a page in the range. */
  isFree(address: number, pages: number): boolean {
    return this.live.every(
      (run) => run.address + run.pages * PAGE <= address || address + pages * PAGE <= run.address,
    );
  }
}

type Command = (model: Model) => void;

const allocate = fc.tuple(fc.nat({ max: 5 }), fc.constantFrom<Mobility>(0, 1, 2), fc.nat({ max: 1 })).map(
  ([order, mobility, cpu]): Command =>
    (model) => {
      const address = model.buddy.allocateOn(cpu, mobility, order);
      if (address === NULL) return;
      expect(address % (PAGE << order)).toBe(0);
      model.add(address, 2 ** order, order, mobility);
    },
);
const free = fc.tuple(fc.nat(), fc.nat({ max: 1 })).map(
  ([which, cpu]): Command =>
    (model) => {
      const [run] = model.live.splice(which % Math.max(model.live.length, 1), 1);
      if (run === undefined) return;
      if (run.order < 0) freePagesExact(model.buddy, run.address, run.pages);
      else model.buddy.freeOn(cpu, run.address, run.order);
      expect(() => model.buddy.freeOn(cpu, run.address, Math.max(run.order, 0))).toThrow(/already free/);
    },
);
const exact = fc.integer({ min: 1, max: 40 }).map(
  (pages): Command =>
    (model) => {
      const address = allocatePagesExact(model.buddy, pages);
      if (address !== NULL) model.add(address, pages, -1, Mobility.UNMOVABLE);
    },
);
const contiguous = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 80 })).map(
  ([where, pages]): Command =>
    (model) => {
      const { areas } = model.buddy;
      const address = (areas.first + (where % (areas.frames - 80))) * PAGE;
      const wasFree = model.isFree(address, pages);
      const pinned = !model.live
        .filter((run) => run.mobility !== Mobility.MOVABLE)
        .every((run) => run.address + run.pages * PAGE <= address || address + pages * PAGE <= run.address);
      const done = allocateContiguousRange(model.buddy, address, pages, (from, to, order) => {
        const run = model.live.find((candidate) => candidate.address === from)!;
        expect(run.mobility).toBe(Mobility.MOVABLE);
        expect(order).toBe(run.order);
        model.memory.copy(to, from, run.pages * PAGE);
        run.address = to;
        return true;
      });
      if (wasFree) expect(done).toBe(true);
      if (pinned) expect(done).toBe(false);
      if (done) model.add(address, pages, -1, Mobility.UNMOVABLE);
    },
);
const drain = fc.constant<Command>((model) => model.buddy.drain());
const attach = fc.constant<Command>((model) => {
  const { buddy, memory } = model;
  expect(check(Buddy.attach(memory, buddy.at, buddy.areas.meta))).toEqual([]);
});

const commands = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: allocate },
    { weight: 5, arbitrary: free },
    { weight: 2, arbitrary: exact },
    { weight: 2, arbitrary: contiguous },
    { weight: 1, arbitrary: drain },
    { weight: 1, arbitrary: attach },
  ),
  { maxLength: 120, size: "max" },
);

const geometries: [string, () => BuddyOptions][] = [
  ["a few large orders", () => ({ pageSize: PAGE, maxOrder: 10, cpus: 2, batch: 4 })],
  [
    "pageblocks smaller than the largest runs",
    () => ({ pageSize: PAGE, maxOrder: 9, cpus: 2, pageblockOrder: 4 }),
  ],
  ["no per-CPU lists, pageblocks of 8 pages", () => ({ pageSize: PAGE, maxOrder: 3, cpus: 2, high: 0 })],
  [
    "metadata outside",
    () => ({
      pageSize: PAGE,
      maxOrder: 7,
      pageblockOrder: 2,
      cpus: 2,
      metadata: LinearMemory.growing(),
      metadataAt: 64,
    }),
  ],
];

describe.each(geometries)("%s", (_name, options) => {
  test("random runs, exact runs and ranges keep to the model and every invariant", () => {
    fc.assert(
      fc.property(commands, (list) => {
        const model = new Model(options());
        model.verify();
        for (const command of list) {
          command(model);
          model.verify();
        }
        for (const run of model.live) {
          if (run.order < 0) freePagesExact(model.buddy, run.address, run.pages);
          else model.buddy.freePages(run.address, run.order);
        }
        model.buddy.drain();
        expect(model.buddy.areas.freeFrames).toBe(model.buddy.areas.frames);
      }),
      { numRuns: 60 },
    );
  });
});
