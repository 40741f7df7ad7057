import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PageAllocator } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BusError,
  FileStore,
  I386_TABLES,
  Machine,
  Madvise,
  MapFlag,
  MemoryStore,
  MremapFlag,
  MsyncFlag,
  Process,
  Prot,
  Pte,
  SegmentationFault,
  SystemError,
  writeObject,
  X86_64_TABLES,
} from "../src/index.ts";
import { checkMachine } from "./invariants.ts";

const PAGE = 4096;
const RW = Prot.READ | Prot.WRITE;
const ANONYMOUS = MapFlag.PRIVATE | MapFlag.ANONYMOUS;
const machineOf = (frames = 2000, swapPages = 0): Machine =>
  new Machine({ memory: LinearMemory.fixed((frames + 1) * PAGE), swapPages });

describe("errors", () => {
  const { sys, memory } = Process.create(machineOf());

  test("system calls fail in the shape of Node's own errors", () => {
    const thrown = (call: () => unknown): unknown => {
      try {
        call();
      } catch (error) {
        return error;
      }
      return undefined;
    };
    const error = thrown(() => sys.munmap(0x40000001, PAGE));
    expect(error).toBeInstanceOf(SystemError);
    expect(error).toMatchObject({
      code: "EINVAL",
      errno: -22,
      syscall: "munmap",
      message: "EINVAL: invalid argument, munmap",
    });
    expect(() => sys.mmap({ length: 2 ** 40, prot: RW, flags: ANONYMOUS })).toThrow(
      "ENOMEM: not enough memory, mmap",
    );
    expect(() => sys.mmap({ length: PAGE, prot: RW, flags: MapFlag.PRIVATE })).toThrow("EBADF");
    expect(() => sys.mmap({ length: PAGE, prot: RW, flags: MapFlag.ANONYMOUS })).toThrow("EINVAL");
    expect(() => sys.mprotect(0x50000000, PAGE, RW)).toThrow("ENOMEM: not enough memory, mprotect");
    expect(() => sys.mremap(0x50000000, PAGE, 2 * PAGE, MremapFlag.MAYMOVE)).toThrow("EFAULT");
    expect(() => sys.madvise(0x50000000, PAGE, 99)).toThrow("EINVAL: invalid argument, madvise");
    expect(() => sys.msync(0x50000001, PAGE, MsyncFlag.SYNC)).toThrow("EINVAL");
    expect(() => sys.mlock(0x50000000, PAGE)).toThrow("ENOMEM");
    expect(() => sys.munlock(0x50000000, PAGE)).toThrow("ENOMEM");
    expect(() => sys.mincore(0x50000001, PAGE)).toThrow("EINVAL");
    expect(() => sys.setrlimit("memlock", 2 ** 40)).toThrow("EPERM");
  });

  test("a touch that is not allowed throws the signal, with code and address", () => {
    const at = sys.mmap({ length: PAGE, prot: Prot.READ, flags: ANONYMOUS });
    expect(memory.load8(at)).toBe(0);
    expect(() => memory.store32(at + 8, 1)).toThrow(SegmentationFault);
    expect(() => memory.store32(at + 8, 1)).toThrow(
      expect.objectContaining({ code: "SEGV_ACCERR", signal: "SIGSEGV", address: at + 8 }),
    );
    expect(() => memory.load8(0)).toThrow(expect.objectContaining({ code: "SEGV_MAPERR", address: 0 }));
    expect(() => memory.load32(0xfffffffc)).toThrow(expect.objectContaining({ code: "SEGV_MAPERR" }));
    const machine = machineOf();
    const object = machine.createFile(PAGE, new MemoryStore(), "/f");
    const process = Process.create(machine);
    const file = { object, readable: true, writable: true };
    const shown = process.sys.mmap({ length: 3 * PAGE, prot: RW, flags: MapFlag.SHARED, file });
    expect(() => process.memory.load8(shown + PAGE)).toThrow(BusError);
    expect(() => process.memory.load8(shown + PAGE)).toThrow(
      expect.objectContaining({ code: "BUS_ADRERR", signal: "SIGBUS", address: shown + PAGE }),
    );
  });
});

test("a stack grows down when it is touched, within its limit", () => {
  const process = Process.create(machineOf());
  process.memory.store32(0xbffd0000, 1);
  expect(process.maps()).toContain("bffd0000-c0000000 rw-p");
  process.sys.setrlimit("stack", 0x40000);
  expect(() => process.memory.store32(0xbff00000, 1)).toThrow(SegmentationFault);
});

test.each([
  ["i386", I386_TABLES, 1 + 1, 1 + 2],
  ["x86-64", X86_64_TABLES, 3 + 1, 4 + 2],
] as const)("page tables of %s are made on demand, held in frames, and freed", (_name, tables, one, two) => {
  const machine = machineOf();
  const process = Process.create(machine, { tables });
  const { space, memory } = process;
  const { table } = space!;
  expect(table.tables).toBe(1);
  const at = process.mmap(PAGE, RW);
  expect(table.tables).toBe(1);
  memory.store8(at, 1);
  expect(table.tables).toBe(one);
  memory.store8(process.sbrk(PAGE), 1);
  expect(table.tables).toBe(two);
  const entry = table.read(at);
  expect(entry & Pte.PRESENT && entry & Pte.DIRTY && entry & Pte.ACCESSED).toBeTruthy();
  expect(entry >>> 12).toBeGreaterThan(0);
  expect(machine.frames.used).toBe(1 + two + 2);
  process.munmap(at, PAGE);
  expect(table.tables).toBeLessThan(two);
  process.exit();
  expect(table.tables).toBe(0);
  expect(machine.frames.used).toBe(1);
});

test("fork copies nothing until somebody writes", () => {
  const machine = machineOf();
  const parent = Process.create(machine);
  const at = parent.mmap(8 * PAGE, RW);
  for (let page = 0; page < 8; page++) parent.memory.store32(at + page * PAGE, page);
  const before = machine.frames.used;
  const child = parent.fork()!;
  // Nothing but page tables: a root, and one for the mapping.
  expect(machine.frames.used).toBe(before + 2);
  child.memory.store32(at, 100);
  expect(machine.frames.used).toBe(before + 3);
  expect([parent.memory.load32(at), child.memory.load32(at)]).toEqual([0, 100]);
  // The child's page was a copy; what is left belongs to the parent alone.
  parent.memory.store32(at, 50);
  expect(machine.frames.used).toBe(before + 3);
  expect([parent.memory.load32(at), child.memory.load32(at)]).toEqual([50, 100]);
  parent.memory.store32(at + PAGE, 51);
  expect([parent.memory.load32(at + PAGE), child.memory.load32(at + PAGE)]).toEqual([51, 1]);
  expect(checkMachine(machine, [parent, child])).toEqual([]);
  parent.exit();
  expect(child.memory.load32(at + 3 * PAGE)).toBe(3);
  expect(checkMachine(machine, [child])).toEqual([]);
  child.exit();
  expect(machine.frames.used).toBe(1);
});

test("fork heeds MADV_DONTFORK and MADV_WIPEONFORK, and unlocks", () => {
  const parent = Process.create(machineOf());
  const [gone, wiped, locked] = [1, 2, 3].map((n) =>
    parent.sys.mmap({ address: 0x50000000 + n * 0x10000, length: PAGE, prot: RW, flags: ANONYMOUS }),
  ) as [number, number, number];
  for (const at of [gone, wiped, locked]) parent.memory.store8(at, 9);
  parent.sys.madvise(gone, PAGE, Madvise.DONTFORK);
  parent.sys.madvise(wiped, PAGE, Madvise.WIPEONFORK);
  parent.sys.mlock(locked, PAGE);
  const child = parent.fork()!;
  expect(() => child.memory.load8(gone)).toThrow("SEGV_MAPERR");
  expect(child.memory.load8(wiped)).toBe(0);
  expect(child.memory.load8(locked)).toBe(9);
  expect(child.mm.lockedVm).toBe(0);
});

test("a file mapped from a real file is read, written back and kept", () => {
  const path = join(fs.mkdtempSync(join(tmpdir(), "kernel-")), "data");
  fs.writeFileSync(path, "hello, world");
  const machine = machineOf();
  const store = FileStore.open(fs, path);
  const object = machine.createFile(12, store, path);
  const process = Process.create(machine);
  const file = { object, readable: true, writable: true };
  const at = process.sys.mmap({ length: 12, prot: RW, flags: MapFlag.SHARED, file });
  expect(process.space!.majorFaults).toBe(0);
  expect(new TextDecoder().decode(process.memory.read(at, 12))).toBe("hello, world");
  // The file is read at the first touch, not by mmap.
  expect(process.space!.majorFaults).toBe(1);
  process.memory.write(at, new TextEncoder().encode("HELLO"));
  expect(fs.readFileSync(path, "latin1")).toBe("hello, world");
  process.sys.msync(at, 12, MsyncFlag.SYNC);
  store.resize(12);
  expect(fs.readFileSync(path, "latin1")).toBe("HELLO, world");
  store.close();
});

test("the texts of /proc tell the same story", () => {
  const machine = machineOf(500, 100);
  const process = Process.create(machine);
  const heap = process.sbrk(16 * PAGE);
  process.memory.fill(heap, 4 * PAGE, 1);
  process.memory.load8(heap + 5 * PAGE);
  process.sys.mlock(heap, PAGE);
  const status = process.status();
  expect(status).toContain("RssAnon:\t      16 kB\n");
  expect(status).toContain("VmLck:\t       4 kB\n");
  expect(status).toContain("VmData:\t      68 kB\n");
  const smaps = process.smaps();
  expect(smaps).toContain(
    "0804b000-0805a000 rw-p 00000000 00:00 0                                  [heap]\nSize:                 60 kB\n",
  );
  expect(smaps).toContain("\nRss:                  12 kB\n");
  expect(smaps).toContain("\nVmFlags: rd wr mr mw me lo ac \n");
  const meminfo = machine.meminfo();
  expect(meminfo).toContain("MemTotal:           2000 kB\n");
  expect(meminfo).toContain("AnonPages:            16 kB\n");
  expect(meminfo).toContain("SwapTotal:           400 kB\n");
  expect(meminfo).toContain("Committed_AS:        200 kB\n");
  expect(machine.vmstat()).toContain("pgfault 5\n");
  expect(machine.buddyinfo()).toBe(`Node 0, zone   Normal ${String(machine.frames.free).padStart(6)} \n`);
});

test("an x86-64 process shows its mappings through the window", () => {
  const process = Process.create(machineOf(), { abi: "x86_64" });
  const at = process.mmap(PAGE, RW);
  expect(process.toReal(at)).toBe(0x2aaaaaaab000);
  process.memory.store32(at, 7);
  expect(process.memory.load32(at)).toBe(7);
  process.memory.store32(process.sbrk(PAGE), 8);
  expect(process.space!.rss.anon).toBe(2);
});

// Loads, stores, fills and copies of all widths, at low addresses and above 2 GiB, against flat memory.
const bases = [0x5000_0000, 0xa000_0000];
const access = fc.record({
  op: fc.constantFrom("8", "16", "32", "64", "fill", "copy", "write", "drop"),
  base: fc.constantFrom(...bases),
  at: fc.nat(6 * PAGE - 1),
  to: fc.nat(6 * PAGE - 1),
  length: fc.nat(3 * PAGE),
  value: fc.nat(),
});

test("paged memory does what flat memory does", () => {
  fc.assert(
    fc.property(fc.array(access, { maxLength: 60 }), fc.boolean(), (accesses, crowded) => {
      const machine = crowded ? machineOf(24, 200) : machineOf(200);
      const process = Process.create(machine);
      const paged = process.memory;
      const flats = new Map(bases.map((base) => [base, LinearMemory.fixed(6 * PAGE)]));
      for (const base of bases) {
        process.sys.mmap({ address: base, length: 6 * PAGE, prot: RW, flags: ANONYMOUS | MapFlag.FIXED });
      }
      for (const { op, base, at, to, length, value } of accesses) {
        const flat = flats.get(base)!;
        const count = Math.min(length, 6 * PAGE - Math.max(at, to));
        switch (op) {
          case "8":
            paged.store8(base + at, value);
            flat.store8(at, value);
            expect(paged.load8(base + to)).toBe(flat.load8(to));
            break;
          case "16":
            paged.store16(base + (at & ~1), value);
            flat.store16(at & ~1, value);
            expect(paged.load16(base + (to & ~1))).toBe(flat.load16(to & ~1));
            break;
          case "32":
            paged.store32(base + (at & ~3), value);
            flat.store32(at & ~3, value);
            expect(paged.load32(base + (to & ~3))).toBe(flat.load32(to & ~3));
            break;
          case "64":
            paged.store64(base + (at & ~7), BigInt(value) << 20n);
            flat.store64(at & ~7, BigInt(value) << 20n);
            expect(paged.load64(base + (to & ~7))).toBe(flat.load64(to & ~7));
            break;
          case "fill":
            paged.fill(base + at, count, value & 255);
            flat.fill(at, count, value & 255);
            break;
          case "copy":
            paged.copy(base + to, base + at, count);
            flat.copy(to, at, count);
            break;
          case "write": {
            const bytes = new Uint8Array(count).map((_, i) => i * value);
            paged.write(base + at, bytes);
            flat.write(at, bytes);
            break;
          }
          case "drop": {
            const page = Math.floor(at / PAGE) * PAGE;
            process.madvise(base + page, PAGE, Madvise.DONTNEED);
            flat.fill(page, PAGE, 0);
            break;
          }
        }
      }
      for (const base of bases) {
        const flat = flats.get(base)!;
        expect(Buffer.compare(paged.read(base, 6 * PAGE), flat.read(0, 6 * PAGE))).toBe(0);
      }
      expect(checkMachine(machine, [process])).toEqual([]);
    }),
    { numRuns: 120 },
  );
});

/** Hands out the frames from `first` on, and grows the memory when it has no more of them. */
class FramesFrom implements PageAllocator {
  readonly pageSize = PAGE;
  readonly maxOrder = 0;
  readonly #memory: LinearMemory;
  #next: number;

  constructor(memory: LinearMemory, first: number) {
    this.#memory = memory;
    this.#next = first * PAGE;
  }
  allocatePages(order: number): number {
    const at = this.#next;
    if (order > 0 || !this.#memory.grow(at + PAGE)) return 0;
    this.#next += PAGE;
    return at;
  }
  freePages(): void {}
}

describe.each([
  ["grows while a fault is served", () => LinearMemory.growing({ maximum: 4 << 20 }), 1],
  ["begins below 2 GiB and goes on above", () => LinearMemory.fixed(2 ** 32), 2 ** 19 - 40],
] as const)("physical memory that %s", (_name, make, first) => {
  const sizes = [8, 16, 32] as const;
  test.each(sizes)("accesses of %i bits", (bits) => {
    const memory = make();
    const machine = new Machine({ memory, frames: new FramesFrom(memory, first), totalFrames: 1000 });
    const { sys, memory: paged } = Process.create(machine);
    const start = sys.mmap({ length: 200 * PAGE, prot: RW, flags: ANONYMOUS });
    const load = (at: number): number =>
      bits === 8 ? paged.load8(at) : bits === 16 ? paged.load16(at) : paged.load32(at);
    const store = (at: number, value: number): void =>
      bits === 8
        ? paged.store8(at, value)
        : bits === 16
          ? paged.store16(at, value)
          : paged.store32(at, value);
    const value = (page: number): number => (0xfedcba98 + page) % 2 ** bits;
    for (let round = 0; round < 2; round++) {
      for (let page = 0; page < 200; page++) store(start + page * PAGE + 8 * round, value(page + round));
    }
    for (let page = 0; page < 200; page++) {
      expect(load(start + page * PAGE)).toBe(value(page));
      expect(load(start + page * PAGE + 8)).toBe(value(page + 1));
      paged.write(start + page * PAGE + 16, Uint8Array.of(page, 1));
      paged.copy(start + page * PAGE + 24, start + page * PAGE + 16, 2);
      expect([...paged.read(start + page * PAGE + 24, 2)]).toEqual([page, 1]);
    }
  });
});

test("file pages reach their store only by write-back", () => {
  const machine = machineOf();
  const store = new MemoryStore();
  const object = machine.createFile(0, store, "/f");
  writeObject(machine, object, 0, new Uint8Array(PAGE).fill(3));
  const page = new Uint8Array(PAGE);
  store.readPage(0, page);
  expect(page[0]).toBe(0);
});
