import { LinearMemory } from "@heapwright/heap-memory";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  Machine,
  Madvise,
  MapFlag,
  MemoryStore,
  MsyncFlag,
  OutOfMemoryError,
  Overcommit,
  Process,
  Prot,
  writeObject,
} from "../src/index.ts";
import { checkMachine } from "./invariants.ts";

const PAGE = 4096;
const RW = Prot.READ | Prot.WRITE;
const machineOf = (frames: number, swapPages: number): Machine =>
  new Machine({ memory: LinearMemory.fixed((frames + 1) * PAGE), swapPages });

test("a heap four times as large as memory keeps every byte", () => {
  const machine = machineOf(64, 512);
  const process = Process.create(machine);
  const heap = process.sbrk(256 * PAGE);
  for (let page = 0; page < 256; page++) process.memory.store32(heap + page * PAGE, page * 7 + 1);
  expect(machine.events.pswpout).toBeGreaterThan(150);
  for (const page of [0, 255, 128, 3, 77]) {
    expect(process.memory.load32(heap + page * PAGE)).toBe(page * 7 + 1);
  }
  for (let page = 0; page < 256; page++) expect(process.memory.load32(heap + page * PAGE)).toBe(page * 7 + 1);
  expect(process.space!.majorFaults).toBeGreaterThan(100);
  expect(checkMachine(machine, [process])).toEqual([]);
  process.exit();
  expect(machine.swap.used).toBe(0);
  expect(machine.frames.used).toBe(1);
});

test("without swap, memory runs out with an error; nothing that was stored is lost", () => {
  const machine = machineOf(64, 0);
  const process = Process.create(machine);
  // By default a single request larger than all memory is refused.
  expect(process.sbrk(256 * PAGE)).toBe(0);
  machine.commit.policy = Overcommit.ALWAYS;
  const heap = process.sbrk(256 * PAGE);
  let stored = 0;
  expect(() => {
    for (; stored < 256; stored++) process.memory.store32(heap + stored * PAGE, stored + 1);
  }).toThrow(OutOfMemoryError);
  expect(stored).toBeGreaterThan(40);
  for (let page = 0; page < stored; page++) {
    expect(process.memory.load32(heap + page * PAGE)).toBe(page + 1);
  }
  expect(process.madvise(heap, 8 * PAGE, Madvise.DONTNEED)).toBe(true);
  process.memory.store32(heap + stored * PAGE, 5);
  expect(checkMachine(machine, [process])).toEqual([]);
});

test("locked memory is never swapped out", () => {
  const machine = machineOf(64, 512);
  const process = Process.create(machine);
  const locked = process.mmap(8 * PAGE, RW);
  process.sys.mlock(locked, 8 * PAGE);
  const heap = process.sbrk(300 * PAGE);
  for (let page = 0; page < 300; page++) process.memory.store8(heap + page * PAGE, 1);
  const faults = process.space!.majorFaults;
  for (let page = 0; page < 8; page++) process.memory.store8(locked + page * PAGE, 1);
  expect(process.space!.majorFaults).toBe(faults);
});

test.each([0, MapFlag.NORESERVE])(
  "shared memory that was never written takes no swap: it comes back as zeros (flag %i)",
  (reserve) => {
    const machine = machineOf(64, 512);
    const process = Process.create(machine);
    const shared = process.sys.mmap({
      length: 16 * PAGE,
      prot: RW,
      flags: MapFlag.SHARED | MapFlag.ANONYMOUS | reserve,
    });
    for (let page = 0; page < 16; page++) process.memory.load8(shared + page * PAGE);
    for (let page = 0; page < 4; page++) process.memory.store8(shared + page * PAGE, page + 1);
    process.sys.madvise(shared, 16 * PAGE, Madvise.PAGEOUT);
    expect(machine.swap.used).toBe(4);
    for (let page = 0; page < 16; page++) {
      expect(process.memory.load8(shared + page * PAGE)).toBe(page < 4 ? page + 1 : 0);
    }
    // The same under pressure.
    const heap = process.sbrk(100 * PAGE);
    for (let page = 0; page < 100; page++) process.memory.store8(heap + page * PAGE, 1);
    expect(machine.swap.used).toBeLessThanOrEqual(4 + 100);
    for (let page = 0; page < 16; page++) {
      expect(process.memory.load8(shared + page * PAGE)).toBe(page < 4 ? page + 1 : 0);
    }
    expect(checkMachine(machine, [process])).toEqual([]);
  },
);

test("clean pages of a file are dropped and read again, dirty ones written back first", () => {
  const machine = machineOf(64, 0);
  const store = new MemoryStore();
  const object = machine.createFile(0, store, "/data");
  const image = new Uint8Array(200 * PAGE).map((_, i) => i * 31 + (i >> 12));
  writeObject(machine, object, 0, image);
  const process = Process.create(machine);
  const file = { object, readable: true, writable: true };
  const at = process.sys.mmap({ length: image.length, prot: RW, flags: MapFlag.SHARED, file });
  expect(Buffer.compare(process.memory.read(at, image.length), image)).toBe(0);
  for (let page = 0; page < 200; page++) process.memory.store8(at + page * PAGE, 0xee);
  for (let page = 0; page < 200; page++) {
    expect(process.memory.load8(at + page * PAGE)).toBe(0xee);
    expect(process.memory.load8(at + page * PAGE + 1)).toBe(image[page * PAGE + 1]);
  }
  process.sys.msync(at, image.length, MsyncFlag.SYNC);
  const page = new Uint8Array(PAGE);
  store.readPage(7, page);
  expect(page[0]).toBe(0xee);
  expect(checkMachine(machine, [process])).toEqual([]);
});

test("memory given up with MADV_FREE is dropped under pressure, unless written to again", () => {
  const machine = machineOf(64, 64);
  const process = Process.create(machine);
  const lazy = process.mmap(4 * PAGE, RW);
  process.memory.fill(lazy, 4 * PAGE, 7);
  process.sys.madvise(lazy, 4 * PAGE, Madvise.FREE);
  expect(process.memory.load8(lazy)).toBe(7);
  process.memory.store8(lazy + PAGE, 8);
  const heap = process.sbrk(100 * PAGE);
  for (let page = 0; page < 100; page++) process.memory.store8(heap + page * PAGE, 1);
  expect(process.memory.load8(lazy + 2 * PAGE)).toBe(0);
  expect(process.memory.load8(lazy + PAGE)).toBe(8);
  expect(process.memory.load8(lazy + PAGE + 1)).toBe(7);
});

test("MADV_PAGEOUT sends pages out at once, and they come back", () => {
  const machine = machineOf(200, 64);
  const process = Process.create(machine);
  const at = process.mmap(8 * PAGE, RW);
  for (let page = 0; page < 8; page++) process.memory.store8(at + page * PAGE, page + 1);
  process.sys.madvise(at, 8 * PAGE, Madvise.PAGEOUT);
  expect(process.space!.rss.anon).toBe(0);
  expect(process.space!.rss.swap).toBe(8);
  for (let page = 0; page < 8; page++) expect(process.memory.load8(at + page * PAGE)).toBe(page + 1);
  expect(process.space!.majorFaults).toBe(8);
  expect(checkMachine(machine, [process])).toEqual([]);
});

// Any sequence of stores, forks, unmappings and swapping, in up to four processes that share memory, against plain arrays.
const PAGES = 40;
type Area = "heap" | "shared" | "file" | "copy";
const areas: readonly Area[] = ["heap", "shared", "file", "copy"];
const weights = {
  store: 12,
  load: 6,
  fork: 1,
  exit: 1,
  drop: 1,
  sync: 1,
  pageout: 1,
  protect: 1,
  move: 1,
} as const;
const operation = fc.record({
  op: fc.oneof(
    ...Object.entries(weights).map(([op, weight]) => ({
      weight,
      arbitrary: fc.constant(op as keyof typeof weights),
    })),
  ),
  at: fc.nat(),
  value: fc.nat(255),
});

interface Modelled {
  readonly process: Process;
  readonly at: Record<Area, number>;
  readonly heap: Uint8Array;
  /** Private copies of file pages; undefined where the file still shows. */
  readonly copies: (Uint8Array | undefined)[];
}

test("no sequence of operations loses a byte, whatever is swapped", () => {
  fc.assert(
    fc.property(
      fc.array(operation, { minLength: 60, maxLength: 400 }),
      fc.integer({ min: 56, max: 90 }),
      fc.constantFrom(0, MapFlag.NORESERVE),
      (operations, size, reserve) => {
        const machine = machineOf(size, 2000);
        const object = machine.createFile(PAGES * PAGE, new MemoryStore(), "/f");
        const file = { object, readable: true, writable: true };
        const sharedModel = new Uint8Array(PAGES * PAGE);
        const fileModel = new Uint8Array(PAGES * PAGE);
        const first = Process.create(machine);
        const map = (flags: number, backing?: typeof file) =>
          first.sys.mmap(
            backing === undefined
              ? { length: PAGES * PAGE, prot: RW, flags }
              : { length: PAGES * PAGE, prot: RW, flags, file: backing },
          );
        const processes: Modelled[] = [
          {
            process: first,
            at: {
              heap: map(MapFlag.PRIVATE | MapFlag.ANONYMOUS),
              shared: map(MapFlag.SHARED | MapFlag.ANONYMOUS | reserve),
              file: map(MapFlag.SHARED, file),
              copy: map(MapFlag.PRIVATE, file),
            },
            heap: new Uint8Array(PAGES * PAGE),
            copies: new Array(PAGES).fill(undefined),
          },
        ];
        const expected = ({ heap, copies }: Modelled, area: Area, offset: number): number => {
          if (area === "heap") return heap[offset]!;
          if (area === "shared") return sharedModel[offset]!;
          const page = Math.floor(offset / PAGE);
          if (area === "copy" && copies[page] !== undefined) return copies[page]![offset % PAGE]!;
          return fileModel[offset]!;
        };
        for (const { op, at, value } of operations) {
          const model = processes[at % processes.length]!;
          const { process } = model;
          const area = areas[(at >>> 4) % 4]!;
          const offset = (((at >>> 6) % PAGES) * PAGE + ((at >>> 12) % 3) * 2000) % (PAGES * PAGE);
          const page = Math.floor(offset / PAGE);
          const address = model.at[area] + offset;
          switch (op) {
            case "store":
              process.memory.store8(address, value);
              if (area === "heap") model.heap[offset] = value;
              else if (area === "shared") sharedModel[offset] = value;
              else if (area === "file") fileModel[offset] = value;
              else {
                model.copies[page] ??= fileModel.slice(page * PAGE, (page + 1) * PAGE);
                model.copies[page]![offset % PAGE] = value;
              }
              break;
            case "load":
              expect(process.memory.load8(address)).toBe(expected(model, area, offset));
              break;
            case "fork": {
              if (processes.length === 4) break;
              const child = process.fork();
              if (child === null) break;
              processes.push({
                process: child,
                at: { ...model.at },
                heap: model.heap.slice(),
                copies: model.copies.map((copy) => copy?.slice()),
              });
              break;
            }
            case "exit":
              if (processes.length === 1) break;
              process.exit();
              processes.splice(processes.indexOf(model), 1);
              break;
            case "drop": {
              const start = model.at[area] + page * PAGE;
              const count = Math.min(1 + (value % 3), PAGES - page);
              expect(process.madvise(start, count * PAGE, Madvise.DONTNEED)).toBe(true);
              if (area === "heap") model.heap.fill(0, page * PAGE, (page + count) * PAGE);
              if (area === "copy") model.copies.fill(undefined, page, page + count);
              break;
            }
            case "pageout":
              process.sys.madvise(model.at[area], PAGES * PAGE, Madvise.PAGEOUT);
              break;
            case "sync":
              process.sys.msync(model.at.file, PAGES * PAGE, MsyncFlag.SYNC);
              break;
            case "protect":
              process.sys.mprotect(model.at[area], PAGES * PAGE, Prot.READ);
              expect(() => process.memory.store8(address, 1)).toThrow("SEGV_ACCERR");
              process.sys.mprotect(model.at[area], PAGES * PAGE, RW);
              break;
            case "move": {
              const target = 0x6000_0000 + (value % 8) * 0x40_0000 + (value >>> 3) * PAGE;
              if (Object.values(model.at).some((other) => Math.abs(other - target) < PAGES * PAGE)) break;
              model.at[area] = process.sys.mremap(model.at[area], PAGES * PAGE, PAGES * PAGE, 3, target);
              break;
            }
          }
        }
        for (const model of processes) {
          for (const area of areas) {
            const seen = model.process.memory.read(model.at[area], PAGES * PAGE);
            for (let i = 0; i < seen.length; i += 500) expect(seen[i]).toBe(expected(model, area, i));
          }
        }
        expect(
          checkMachine(
            machine,
            processes.map(({ process }) => process),
          ),
        ).toEqual([]);
        for (const { process } of processes) process.exit();
        for (const at of [...object.pages.keys()])
          expect(machine.frames.mapCountOf(object.pages.get(at)!)).toBe(0);
        expect(machine.swap.used).toBe(0);
      },
    ),
    { numRuns: 40 },
  );
});
