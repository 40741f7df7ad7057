import type { PageAllocator } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Machine, MapFlag, Process, Prot, SegmentationFault } from "../src/index.ts";
import { checkMachine } from "./invariants.ts";

const PAGE = 4096;
const AT = 0x50000000;

/** A process with `pages` pages mapped at AT, over frames handed out in order from the physical address `first` on. */
const processOver = (memory: LinearMemory, first: number, pages: number): Process => {
  let next = first;
  const frames: PageAllocator = {
    pageSize: PAGE,
    maxOrder: 0,
    allocatePages: () => {
      if (next + PAGE > memory.maxByteLength || !memory.grow(next + PAGE)) return 0;
      next += PAGE;
      return next - PAGE;
    },
    freePages: () => {},
  };
  const machine = new Machine({ memory, frames, totalFrames: 1000 });
  const process = Process.create(machine);
  process.sys.mmap({
    address: AT,
    length: pages * PAGE,
    prot: Prot.READ | Prot.WRITE,
    flags: MapFlag.PRIVATE | MapFlag.ANONYMOUS | MapFlag.FIXED,
  });
  return process;
};

const accesses = {
  load8: (process: Process, address: number) => process.memory.load8(address),
  load16: (process: Process, address: number) => process.memory.load16(address),
  load32: (process: Process, address: number) => process.memory.load32(address),
  load64: (process: Process, address: number) => process.memory.load64(address),
  store8: (process: Process, address: number) => process.memory.store8(address, 1),
  store16: (process: Process, address: number) => process.memory.store16(address, 1),
  store32: (process: Process, address: number) => process.memory.store32(address, 1),
  store64: (process: Process, address: number) => process.memory.store64(address, 1n),
  fill: (process: Process, address: number) => process.memory.fill(address, 4, 1),
  read: (process: Process, address: number) => process.memory.read(address, 4),
  write: (process: Process, address: number) => process.memory.write(address, Uint8Array.of(1)),
  "copy from": (process: Process, address: number) => process.memory.copy(AT, address, 4),
  "copy to": (process: Process, address: number) => process.memory.copy(address, AT, 4),
};

const BAD = [Number.NaN, -1, -4, -PAGE, 0, 0.5, 2 ** 32, 2 ** 32 - 4, 2 ** 53, Infinity, -Infinity];

test.each(Object.entries(accesses))("%s at a bad address faults and changes nothing", (_, access) => {
  const process = processOver(LinearMemory.fixed(1 << 20), PAGE, 4);
  process.memory.fill(AT, 4 * PAGE, 0xaa);
  const before = process.memory.read(AT, 4 * PAGE);
  for (const address of [...BAD, ...BAD]) {
    expect(() => access(process, address)).toThrow(SegmentationFault);
    expect(Buffer.compare(process.memory.read(AT, 4 * PAGE), before)).toBe(0);
  }
});

test("addresses count modulo 2^32, whether the page was touched before or not; fractions are cut off", () => {
  const turns = fc.constantFrom(-(2 ** 33), -(2 ** 32), 0, 2 ** 32, 2 ** 40);
  const places = fc.integer({ min: 0, max: 4 * PAGE - 1 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(turns, places, fc.constantFrom(1, 2, 4), fc.constantFrom(0, 0.25)), {
        maxLength: 30,
      }),
      (steps) => {
        const process = processOver(LinearMemory.fixed(1 << 22), PAGE, 4);
        const model = LinearMemory.fixed(4 * PAGE);
        let value = 0x01020304;
        for (const [turn, place, size, fraction] of steps) {
          const at = place - (place % size);
          const address = AT + at + turn + (turn < 0 ? 0 : fraction);
          value = Math.imul(value, 1664525) + 1;
          if (size === 4) {
            process.memory.store32(address, value);
            model.store32(at, value);
          } else if (size === 2) {
            process.memory.store16(address, value);
            model.store16(at, value);
          } else {
            process.memory.store8(address, value);
            model.store8(at, value);
          }
          expect(process.memory.load8(address - turn)).toBe(model.load8(at));
          expect(process.memory.load32(address - (at % 4))).toBe(model.load32(at));
        }
        expect(Buffer.compare(process.memory.read(AT + 2 ** 32, 4 * PAGE), model.bytes)).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});

/** Stores to every page in all sizes, twice, and reads all of it back. */
const exercise = ({ memory }: Process, pages: number): void => {
  for (let round = 1; round <= 2; round++) {
    for (let page = 0; page < pages; page++) {
      memory.store32(AT + page * PAGE, page * 7 + round);
      memory.store16(AT + page * PAGE + PAGE - 2, page + round);
      memory.store8(AT + page * PAGE + 100, page * 3 + round);
    }
    for (let page = 0; page < pages; page++) {
      expect(memory.load32(AT + page * PAGE)).toBe(page * 7 + round);
      expect(memory.load16(AT + page * PAGE + PAGE - 2)).toBe(page + round);
      expect(memory.load8(AT + page * PAGE + 100)).toBe((page * 3 + round) & 255);
      expect(memory.load32(AT + page * PAGE + 4)).toBe(0);
    }
  }
};

test("a fault that grows the physical memory loses no store", () => {
  const memory = LinearMemory.growing({ initial: 65536, maximum: 1 << 22 });
  const process = processOver(memory, PAGE, 200);
  exercise(process, 200);
  expect(memory.byteLength).toBeGreaterThan(200 * PAGE);
});

test("pages whose physical address is their address, and pages above 2 GiB of physical memory", () => {
  const memory = LinearMemory.fixed(2 ** 32);
  let same = 0;
  for (let before = 0; before < 16; before++) {
    const process = processOver(memory, AT - before * PAGE, 4);
    memory.fill(AT - 16 * PAGE, 64 * PAGE, 0);
    exercise(process, 4);
    same += Number(process.space!.table.read(AT) >>> 12 === AT / PAGE);
  }
  expect(same).toBeGreaterThan(0);
  exercise(processOver(memory, 2 ** 31 - 16 * PAGE, 32), 32);
  exercise(processOver(memory, 2 ** 32 - 64 * PAGE, 32), 32);
});

test("a page that the kernel takes away or protects is not found any more, by any access", () => {
  const process = processOver(LinearMemory.fixed(1 << 22), PAGE, 8);
  exercise(process, 8);
  process.mprotect(AT, PAGE, Prot.READ);
  process.munmap(AT + PAGE, PAGE);
  for (const [name, access] of Object.entries(accesses)) {
    const stores = /store|fill|write|to$/.test(name);
    if (stores) expect(() => access(process, AT)).toThrow("SEGV_ACCERR");
    else if (name !== "copy from") access(process, AT);
    expect(() => access(process, AT + PAGE)).toThrow("SEGV_MAPERR");
  }
  expect(checkMachine(process.space!.machine as Machine, [process])).toEqual([]);
});
