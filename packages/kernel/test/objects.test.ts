// The kernel's own objects, an area's and a page's, in slab caches in the machine's physical memory.
import {
  type Address,
  InvalidArgumentError,
  type Memory,
  NULL,
  type ObjectCache,
  type ObjectCaches,
} from "@heapwright/allocator";
import { Buddy, check as checkBuddy } from "@heapwright/buddy";
import { LinearMemory } from "@heapwright/heap-memory";
import { SlabFlags, Slabs, struct } from "@heapwright/slab";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  Machine,
  Madvise,
  MapFlag,
  MremapFlag,
  OutOfMemoryError,
  Process,
  Prot,
  type VmArea,
} from "../src/index.ts";
import { checkMachine } from "./invariants.ts";

const PAGE = 4096;
const RW = Prot.READ | Prot.WRITE;
const ANONYMOUS = MapFlag.PRIVATE | MapFlag.ANONYMOUS;

/** Slab caches that poison what is freed, and that refuse requests at will. */
class Refusing implements ObjectCaches {
  readonly slabs: Slabs;
  /** Requests that are served until some are refused. */
  served = Number.POSITIVE_INFINITY;
  /** Requests that are refused then. */
  refusals = Number.POSITIVE_INFINITY;
  refused = 0;

  constructor(slabs: Slabs) {
    this.slabs = slabs;
  }
  get memory(): Memory {
    return this.slabs.memory;
  }
  get pagesHeld(): number {
    return this.slabs.pagesHeld;
  }
  kmemCacheCreate(name: string, size: number, align: number): ObjectCache {
    const cache = this.slabs.kmemCacheCreate(name, size, align, SlabFlags.POISON | SlabFlags.RED_ZONE);
    return {
      alloc: () => (this.#refuses() ? NULL : cache.alloc()),
      free: (object) => cache.free(object),
    };
  }
  reclaim(pages: number): number {
    return this.slabs.reclaim(pages);
  }
  onPressure(hook: () => boolean): void {
    this.slabs.onPressure(hook);
  }
  #refuses(): boolean {
    if (this.served > 0) {
      this.served -= 1;
      return false;
    }
    if (this.refused >= this.refusals) return false;
    this.refused += 1;
    return true;
  }
}

const boot = (pages: number, swapPages = 0, limit = 0) => {
  const memory = LinearMemory.fixed(pages * PAGE);
  const buddy = Buddy.create(memory);
  const totalFrames = buddy.areas.freeFrames;
  const slabs = Slabs.create(buddy, memory, { limit });
  const objects = new Refusing(slabs);
  const machine = new Machine({ memory, frames: buddy, totalFrames, objects, swapPages });
  const live = (name: string): number => slabs.kmemCacheFind(name)!.stats().live;
  /** What must hold between processes, machine, caches and page allocator; the faults as words. */
  const check = (processes: readonly Process[]): unknown[] => {
    buddy.drain();
    const faults: unknown[] = [...checkMachine(machine, processes), ...slabs.check(), ...checkBuddy(buddy)];
    const areas = processes.reduce((sum, { mm }) => sum + mm.areas.size, 0);
    if (live("vm_area_struct") !== areas) faults.push(`${live("vm_area_struct")} objects, ${areas} areas`);
    if (live("page") !== machine.frames.used)
      faults.push(`${live("page")} pages, not ${machine.frames.used}`);
    if (buddy.areas.freeFrames !== machine.frames.free) faults.push(`${machine.frames.free} frames not free`);
    return faults;
  };
  return { memory, slabs, objects, machine, live, check };
};

test("an area's fields are bytes of the physical memory, and these are all there is", () => {
  const { memory, machine, live, check } = boot(512);
  const process = Process.create(machine);
  const before = live("vm_area_struct");
  const address = process.mmap(3 * PAGE, RW);
  expect(live("vm_area_struct")).toBe(before + 1);
  const area = process.mm.areas.at(address)!;
  const fields = struct({ start: "f64", end: "f64", pgoff: "f64", flags: "u32" }).over(memory);
  const seen = ({ object }: VmArea) => [
    fields.get.start(object),
    fields.get.end(object),
    fields.get.pgoff(object),
    fields.get.flags(object),
  ];
  expect(seen(area)).toEqual([address, address + 3 * PAGE, address / PAGE, area.flags]);
  process.munmap(address + 2 * PAGE, PAGE);
  expect(fields.get.end(area.object)).toBe(address + 2 * PAGE);
  fields.set.end(area.object, address + PAGE);
  expect(process.maps()).toContain(`${address.toString(16)}-${(address + PAGE).toString(16)} rw-p`);
  fields.set.end(area.object, address + 2 * PAGE);
  expect(check([process])).toEqual([]);
  process.exit();
  expect(live("vm_area_struct")).toBe(0);
});

test("a page has a descriptor as long as it is in use, and the caches' pages are no free ones", () => {
  const { slabs, machine, live, check } = boot(512);
  const process = Process.create(machine);
  const before = live("page");
  const address = process.mmap(64 * PAGE, RW);
  for (let page = 0; page < 64; page++) process.memory.store8(address + page * PAGE, 1);
  expect(live("page")).toBe(before + 65); // and one for the page table
  expect(machine.meminfo()).toContain(`Slab:           ${String(slabs.pagesHeld * 4).padStart(8)} kB\n`);
  expect(slabs.slabinfo()).toMatch(/^page .*\n/m);
  process.munmap(address, 64 * PAGE);
  expect(live("page")).toBe(before);
  expect(check([process])).toEqual([]);
});

test("objects stay where they are when the memory grows under them", () => {
  const memory = LinearMemory.growing({ initial: 16 * PAGE, maximum: 1024 * PAGE });
  const buddy = Buddy.create(memory);
  const objects = Slabs.create(buddy, memory);
  const machine = new Machine({ memory, frames: buddy, totalFrames: 900, objects });
  const process = Process.create(machine);
  const blocks = Array.from({ length: 60 }, (_, i) => process.mmap(10 * PAGE, i % 2 === 0 ? RW : Prot.READ));
  const before = process.maps();
  for (let i = 0; i < 60; i += 2) {
    for (let page = 0; page < 10; page++) process.memory.store32(blocks[i]! + page * PAGE, 10 * i + page);
  }
  expect(memory.byteLength).toBeGreaterThan(300 * PAGE);
  expect(process.maps()).toBe(before);
  for (let i = 0; i < 60; i += 2) {
    for (let page = 0; page < 10; page++)
      expect(process.memory.load32(blocks[i]! + page * PAGE)).toBe(10 * i + page);
  }
  expect(checkMachine(machine, [process])).toEqual([]);
  expect(objects.check()).toEqual([]);
});

test("caches in another memory are refused", () => {
  const elsewhere = LinearMemory.fixed(512 * PAGE);
  const objects = Slabs.create(Buddy.create(elsewhere), elsewhere);
  expect(() => new Machine({ memory: LinearMemory.fixed(512 * PAGE), objects })).toThrow(
    InvalidArgumentError,
  );
});

/** Every mapped page with its protection: what a call that fails must leave as it was, but for cuts. */
const pagesOf = (process: Process): string => {
  const pages: string[] = [];
  for (const area of process.mm.areas) {
    for (let at = area.start; at < area.end; at += PAGE)
      pages.push(`${at} ${area.flags} ${area.pgoffAt(at)}`);
  }
  return pages.join("\n");
};

const isExhaustion = (error: unknown): boolean =>
  error instanceof OutOfMemoryError || ["ENOMEM", "EAGAIN"].includes((error as { code: string }).code);

/** A life that asks for objects in every way there is. */
const live = (first: Process, processes: Process[], values: Map<Address, number>): number => {
  const { sys, memory } = first;
  let failures = 0;
  const attempt = <T>(call: () => T, failed: (result: T) => boolean = () => false): T | undefined => {
    const before = pagesOf(first);
    let result: T | undefined;
    try {
      result = call();
      if (!failed(result)) return result;
    } catch (error) {
      if (!isExhaustion(error)) throw error;
    }
    failures += 1;
    expect(pagesOf(first)).toBe(before);
    return undefined;
  };
  const store = (at: Address, value: number): void => {
    attempt(() => {
      memory.store8(at, value);
      values.set(at, value);
    });
  };
  const forget = (from: Address, bytes: number): void => {
    for (const at of values.keys()) if (at >= from && at < from + bytes) values.delete(at);
  };
  const heap = attempt(
    () => first.sbrk(4 * PAGE),
    (old) => old === NULL,
  );
  if (heap !== undefined) for (let page = 0; page < 4; page++) store(heap + page * PAGE, page + 1);
  const at = attempt(() => sys.mmap({ length: 12 * PAGE, prot: RW, flags: ANONYMOUS }));
  if (at !== undefined) {
    for (let page = 0; page < 12; page++) store(at + page * PAGE, page + 10);
    if (attempt(() => sys.munmap(at + 2 * PAGE, PAGE) ?? true)) forget(at + 2 * PAGE, PAGE);
    attempt(() => sys.mprotect(at + 4 * PAGE, PAGE, Prot.READ));
    attempt(() => sys.madvise(at + 6 * PAGE, PAGE, Madvise.DONTFORK));
    attempt(() => sys.mlock(at + 8 * PAGE, PAGE));
    const fixed = { address: at + 9 * PAGE, length: PAGE, prot: Prot.READ, flags: ANONYMOUS | MapFlag.FIXED };
    if (attempt(() => sys.mmap(fixed))) forget(at + 9 * PAGE, PAGE);
    const from = at + 10 * PAGE;
    const flags = MremapFlag.MAYMOVE;
    attempt(() => {
      const to = sys.mremap(from, PAGE, 3 * PAGE, flags, 0);
      if (to === from || !values.has(from)) return;
      values.set(to, values.get(from)!);
      values.delete(from);
    });
  }
  const plain = attempt(() => sys.mmap({ length: 3 * PAGE, prot: Prot.READ, flags: ANONYMOUS }));
  if (plain !== undefined) attempt(() => sys.mprotect(plain + PAGE, PAGE, RW));
  const shared = attempt(() =>
    sys.mmap({ length: 2 * PAGE, prot: RW, flags: MapFlag.SHARED | MapFlag.ANONYMOUS }),
  );
  if (shared !== undefined) store(shared, 77);
  const child = attempt(
    () => first.fork(),
    (made) => made === null,
  );
  if (child) processes.push(child);
  if (heap !== undefined) store(heap, 99);
  return failures;
};

test.each([1, Number.POSITIVE_INFINITY])(
  "wherever objects run out, for %s requests, nothing is half done",
  (refusals) => {
    let failures = 0;
    let complete = false;
    for (let served = 0; !complete; served++) {
      const { objects, machine, live: liveObjects, check } = boot(512);
      const first = Process.create(machine);
      const processes = [first];
      const values = new Map<Address, number>();
      objects.served = served;
      objects.refusals = refusals;
      failures += live(first, processes, values);
      complete = objects.refused === 0;
      objects.served = Number.POSITIVE_INFINITY;
      expect(check(processes)).toEqual([]);
      for (const [at, value] of values) expect(first.memory.load8(at)).toBe(value);
      for (const process of processes) process.exit();
      expect(liveObjects("vm_area_struct")).toBe(0);
      expect(liveObjects("page")).toBe(1);
      expect(check([])).toEqual([]);
    }
    expect(failures).toBeGreaterThan(40);
  },
);

test("without memory for its first objects there is no machine and no process", () => {
  for (let served = 0; served < 4; served++) {
    const { objects, machine, check } = boot(512);
    objects.served = served;
    expect(() => Process.create(machine)).toThrow(RangeError);
    expect(check([])).toEqual([]);
  }
  const memory = LinearMemory.fixed(512 * PAGE);
  const buddy = Buddy.create(memory);
  const objects = new Refusing(Slabs.create(buddy, memory));
  objects.served = 0;
  expect(() => new Machine({ memory, frames: buddy, objects })).toThrow(RangeError);
});

const step = fc.record({
  op: fc.constantFrom(
    "map",
    "map",
    "fix",
    "unmap",
    "protect",
    "advise",
    "move",
    "break",
    "store",
    "fork",
    "exit",
  ),
  page: fc.nat(60),
  pages: fc.integer({ min: 1, max: 20 }),
  choice: fc.nat(3),
});

test("no sequence of calls loses an object", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { machine, live: liveObjects, check } = boot(400, 400);
      const processes = [Process.create(machine)];
      const base = 0x5000_0000;
      for (const { op, page, pages, choice } of steps) {
        const process = processes[choice % processes.length]!;
        const at = base + page * PAGE;
        const length = pages * PAGE;
        const prot = [RW, Prot.READ, RW, Prot.NONE][choice]!;
        const attempt = (call: () => unknown): void => {
          try {
            call();
          } catch (error) {
            if (!("code" in (error as object))) throw error;
          }
        };
        if (op === "map") attempt(() => process.mmap(length, prot));
        else if (op === "fix") {
          const shared = choice === 2 ? MapFlag.SHARED | MapFlag.ANONYMOUS : ANONYMOUS;
          attempt(() => process.sys.mmap({ address: at, length, prot, flags: shared | MapFlag.FIXED }));
        } else if (op === "unmap") process.munmap(at, length);
        else if (op === "protect") process.mprotect(at, length, prot);
        else if (op === "advise") process.madvise(at, length, choice % 2 ? Madvise.DONTFORK : Madvise.DOFORK);
        else if (op === "move")
          attempt(() => process.sys.mremap(at, length, length, 3, base + 0x40_0000 + page * PAGE));
        else if (op === "break") process.sbrk((pages - 8) * PAGE);
        else if (op === "store") {
          for (let i = 0; i < pages; i++) attempt(() => process.memory.store8(at + i * PAGE, i));
        } else if (op === "fork" && processes.length < 4) {
          const child = process.fork();
          if (child !== null) processes.push(child);
        } else if (op === "exit" && processes.length > 1) {
          process.exit();
          processes.splice(processes.indexOf(process), 1);
        }
        const areas = processes.reduce((sum, { mm }) => sum + mm.areas.size, 0);
        expect(liveObjects("vm_area_struct")).toBe(areas);
        expect(liveObjects("page")).toBe(machine.frames.used);
      }
      expect(check(processes)).toEqual([]);
      for (const process of processes) process.exit();
      expect(liveObjects("vm_area_struct")).toBe(0);
      expect(liveObjects("page")).toBe(1);
    }),
    { numRuns: 60 },
  );
});

test("when frames run out, caches shrink before any page is swapped out", () => {
  const { slabs, machine, check } = boot(1024, 1024);
  const cache = slabs.kmemCacheCreate("dentry", 200);
  const objects = Array.from({ length: 8000 }, () => cache.alloc());
  for (let round = 0; round < 2; round++) {
    for (const object of objects) cache.free(object);
    // Asked again, it has learnt to keep its slabs.
    if (round === 0) for (let i = 0; i < objects.length; i++) objects[i] = cache.alloc();
  }
  const before = slabs.pagesHeld;
  expect(before).toBeGreaterThan(400);
  const process = Process.create(machine);
  const pages = machine.frames.free + 200;
  const at = process.mmap(pages * PAGE, RW);
  for (let page = 0; page < pages; page++) process.memory.store32(at + page * PAGE, page);
  expect(slabs.pagesHeld).toBeLessThan(before - 180);
  expect(machine.events.pswpout).toBe(0);
  expect(check([process])).toEqual([]);
});

test("when caches find no page, the kernel sends pages of processes out", () => {
  const { slabs, machine, check } = boot(1024, 1024);
  const process = Process.create(machine);
  const pages = 700;
  const at = process.mmap(pages * PAGE, RW);
  for (let page = 0; page < pages; page++) process.memory.store32(at + page * PAGE, page);
  const cache = slabs.kmemCacheCreate("inode", 1000);
  const objects = Array.from({ length: 2000 }, () => cache.alloc());
  expect(objects).not.toContain(NULL);
  expect(machine.events.pswpout).toBeGreaterThan(100);
  expect(check([process])).toEqual([]);
  for (const object of objects) cache.free(object);
  for (let page = 0; page < pages; page++) expect(process.memory.load32(at + page * PAGE)).toBe(page);
  expect(check([process])).toEqual([]);
});

test("under a limit on the caches, pages go out until the descriptors fit", () => {
  const { slabs, machine, check } = boot(2048, 2048, 16 * PAGE);
  const process = Process.create(machine);
  const pages = 1500;
  const at = process.mmap(pages * PAGE, RW);
  for (let page = 0; page < pages; page++) process.memory.store32(at + page * PAGE, page);
  expect(slabs.pagesHeld).toBeLessThanOrEqual(16);
  expect(machine.frames.free).toBeGreaterThan(200);
  expect(machine.events.pswpout).toBeGreaterThan(200);
  for (let page = 0; page < pages; page++) expect(process.memory.load32(at + page * PAGE)).toBe(page);
  expect(check([process])).toEqual([]);
});
