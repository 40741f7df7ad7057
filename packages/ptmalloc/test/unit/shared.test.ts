import { AttachError, LockError } from "@heapwright/allocator";
import { conformanceCases } from "@heapwright/allocator/conformance";
import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { describe, expect, it, test } from "vitest";
import { checkSides, type SideStrategy } from "../../../heap-memory/test/stress/sides.ts";
import { type ProfileName, Ptmalloc, SharedPtmalloc } from "../../src/index.ts";
import { LOCK_BYTES, locksAt } from "../../src/shared/layout.ts";

const growing = (maximum = 2 ** 25): LinearMemory => LinearMemory.growing({ maximum, shared: true });

describe("SharedPtmalloc keeps the contract for one worker", () => {
  const make = (): SharedPtmalloc => SharedPtmalloc.create(LinearMemory.shared(2 ** 22));
  for (const c of conformanceCases(make, { maxSize: 100_000, runs: 20 })) test(c.name, c.run);
});

describe("several sides of one shared heap", () => {
  for (const profile of ["glibc-2.36", "glibc-2.31", "glibc-2.41", "ptmalloc-2.12"] as ProfileName[]) {
    it(`never lose or overlap a block, ${profile}`, () => {
      const strategy: SideStrategy<SharedPtmalloc> = {
        create: (memory) => SharedPtmalloc.create(memory, { profile }),
        attach: (memory) => SharedPtmalloc.attach(memory),
        check: (side) => side.checkArenas(),
        liveBlocks: ([side]) => side!.totals().liveBlocks,
      };
      checkSides(strategy, growing, { runs: 12, length: 100, largest: 1_500_000 });
    });
  }

  it("give zeroed blocks from memory that was used before", () => {
    const memory = growing();
    const a = SharedPtmalloc.create(memory);
    const b = SharedPtmalloc.attach(memory);
    for (const size of [24, 1000, 50_000, 300_000, 1_500_000]) {
      for (let round = 0; round < 3; round++) {
        const block = a.calloc(1, size);
        expect(memory.read(block, size).every((byte) => byte === 0)).toBe(true);
        memory.fill(block, size, 255);
        b.free(block);
        b.trim(0);
      }
    }
  });
});

describe("above 2 GiB", () => {
  it("several sides share a heap", () => {
    const memory = LinearMemory.growing({ shared: true });
    const start = 2 ** 31 + 2 ** 20;
    const a = SharedPtmalloc.create(memory, { start });
    const b = SharedPtmalloc.attach(memory, { start });
    const sizes = [1, 100, 1000, 10_000, 200_000, 2_000_000];
    for (let round = 0; round < 20; round++) {
      const blocks = sizes.map((size) => a.malloc(size));
      for (const [index, block] of blocks.entries()) memory.fill(block, sizes[index]!, index + 1);
      for (const [index, block] of blocks.entries()) {
        expect(block).toBeGreaterThan(start);
        const size = sizes[index]!;
        expect(memory.load8(block) + memory.load8(block + size - 1)).toBe(2 * index + 2);
        b.free(round % 2 === 0 ? b.realloc(block, size * 2) : block);
      }
    }
    expect(a.checkArenas()).toEqual([]);
    expect(a.totals().liveBlocks).toBe(0);
  });
});

/** Makes it look as if a worker of this id had died while it held the arena of `heap`. */
const dieIn = (memory: LinearMemory, heap: SharedPtmalloc, id: number): void => {
  const shared = LinearPages.attach(memory).root;
  const number = memory.load32(heap.arena);
  memory.store32(shared + locksAt(64) + (number - 1) * LOCK_BYTES, id);
};

describe("a worker that dies inside an arena", () => {
  it("stops the others for no longer than the timeout, and not at all after recover", () => {
    const memory = growing();
    const heap = SharedPtmalloc.create(memory, { timeout: 30 });
    const large = heap.malloc(5000);
    dieIn(memory, heap, 77);
    expect(() => heap.free(large)).toThrow(/held by owner 77, not free within 30 ms/);
    expect(() => heap.malloc(5000)).toThrow(LockError);
    heap.recover(77);
    expect(heap.arenasLost).toBe(0);
    heap.free(large);
    expect(heap.checkArenas()).toEqual([]);
    expect(heap.totals().liveBlocks).toBe(0);
  });

  it("takes the arena out of service when it left it half changed", () => {
    const memory = growing();
    const heap = SharedPtmalloc.create(memory, { timeout: 30 });
    const other = SharedPtmalloc.attach(memory, { id: 5, timeout: 30 });
    const block = heap.malloc(5000);
    memory.fill(block, 5000, 1);
    const arena = heap.arena;
    memory.store32(heap.core.top(arena) + 4, 8);
    dieIn(memory, heap, 77);
    other.recover(77);
    expect(heap.arenasLost).toBe(1);
    const elsewhere = heap.malloc(5000);
    expect(heap.arena).not.toBe(arena);
    const moved = heap.realloc(block, 9000);
    expect(memory.read(moved, 5000).every((byte) => byte === 1)).toBe(true);
    for (const live of [elsewhere, moved]) other.free(live);
    expect(heap.checkArenas()).toEqual([]);
  });

  it("leaves what it cached to the others", () => {
    const memory = growing();
    const heap = SharedPtmalloc.create(memory);
    const dead = SharedPtmalloc.attach(memory, { id: 9 });
    for (const block of Array.from({ length: 100 }, (_, i) => dead.malloc(i * 8))) dead.free(block);
    expect(heap.totals().freeBlocks).toBeGreaterThan(50);
    expect(heap.recover(9)).toBe(true);
    expect(heap.recover(9)).toBe(false);
    expect(heap.checkArenas()).toEqual([]);
    const next = SharedPtmalloc.attach(memory, { id: 9 });
    expect(next.arena).toBe(dead.arena === 0 ? next.arena : dead.arena);
    expect(heap.checkArenas()).toEqual([]);
  });
});

describe("misuse of a shared heap", () => {
  it("of a closed side is a LockError", () => {
    const heap = SharedPtmalloc.create(growing());
    const block = heap.malloc(10);
    heap.close();
    heap.close();
    expect(() => heap.malloc(10)).toThrow(LockError);
    expect(() => heap.free(block)).toThrow(LockError);
    expect(() => heap.checkArenas()).toThrow(LockError);
  });

  it("gives typed errors when attaching", () => {
    expect(() => SharedPtmalloc.attach(LinearMemory.shared(65536))).toThrow(AttachError);
    expect(() => SharedPtmalloc.attach(LinearMemory.fixed(65536))).toThrow(AttachError);
    const alone = LinearMemory.shared(2 ** 20);
    new Ptmalloc(LinearPages.create(alone));
    expect(() => SharedPtmalloc.attach(alone)).toThrow(AttachError);
    const shared = LinearMemory.shared(2 ** 22);
    const heap = SharedPtmalloc.create(shared, { id: 3, workers: 2 });
    expect(() => Ptmalloc.attach(LinearPages.attach(shared))).toThrow(AttachError);
    expect(() => SharedPtmalloc.attach(shared, { id: 3 })).toThrow(/that no attached worker has/);
    expect(() => SharedPtmalloc.attach(shared, { id: 0 })).toThrow(/from 1 to/);
    const second = SharedPtmalloc.attach(shared);
    expect(() => SharedPtmalloc.attach(shared)).toThrow(/all 2 places/);
    second.close();
    SharedPtmalloc.attach(shared).close();
    const newer = LinearMemory.shared(2 ** 20);
    LinearPages.create(newer).claim("ptms", 99);
    expect(() => SharedPtmalloc.attach(newer)).toThrow(/99/);
    expect(() => SharedPtmalloc.create(LinearMemory.fixed(2 ** 20))).toThrow(/share/);
    expect(() => SharedPtmalloc.create(LinearMemory.shared(8192))).toThrow(/room/);
    expect(heap.checkArenas()).toEqual([]);
  });

  it("that glibc detects has glibc's words, and frees the lock", () => {
    const heap = SharedPtmalloc.create(growing());
    const block = heap.malloc(24);
    heap.free(block);
    expect(() => heap.free(block)).toThrow("free(): double free detected in tcache 2");
    expect(() => heap.free(0x1234560)).toThrow();
    const large = heap.malloc(5000);
    heap.malloc(100);
    heap.free(large);
    expect(() => heap.free(large)).toThrow("free(): invalid pointer");
    expect(heap.malloc(5000)).toBe(large);
    expect(heap.checkArenas()).toEqual([]);
  });
});
