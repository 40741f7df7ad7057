import fc from "fast-check";
import { expect, test } from "vitest";
import {
  AreaTree,
  Machine,
  Madvise,
  MapFlag,
  MemoryStore,
  MremapFlag,
  newAreaObjects,
  Overcommit,
  Process,
  Prot,
  Vm,
  VmArea,
} from "../src/index.ts";

const PAGE = 4096;
const GUARD = 256 * PAGE;

/** The lowest hole by looking at every area: what the tree must find. */
const lowestByHand = (areas: readonly VmArea[], low: number, high: number, length: number): number => {
  let start = low;
  for (const area of areas) {
    if (area.end <= start) continue;
    const guarded = area.flags & Vm.GROWSDOWN ? Math.max(0, area.start - GUARD) : area.start;
    if (area.start >= start && guarded - start >= length) break;
    start = area.end;
  }
  return start + length <= high ? start : -1;
};

const step = fc.record({
  op: fc.constantFrom("insert", "insert", "insert", "remove", "resize", "search"),
  page: fc.nat(4000),
  pages: fc.integer({ min: 1, max: 40 }),
  grows: fc.integer({ min: 0, max: 9 }),
});

test("areas stay ordered and balanced, and the lowest hole is found, whatever is done", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const tree = new AreaTree();
      const objects = newAreaObjects();
      const sorted = (): VmArea[] => [...tree];
      for (const { op, page, pages, grows } of steps) {
        const start = page * PAGE;
        const end = start + pages * PAGE;
        const hit = tree.find(start);
        expect(hit).toBe(sorted().find((area) => area.end > start) ?? null);
        if (op === "insert" && tree.intersecting(start, end) === null) {
          tree.insert(VmArea.create(objects, start, end, grows === 0 ? Vm.GROWSDOWN : 0, 0, null)!);
        } else if (op === "remove" && hit !== null) {
          tree.remove(hit);
          hit.free();
        } else if (op === "resize" && hit !== null) {
          const to = hit.next === null ? hit.end + pages * PAGE : hit.next.start;
          tree.resize(hit, hit.start, grows < 5 ? hit.start + PAGE : to);
        }
        expect(tree.check()).toEqual([]);
        expect(objects.live).toBe(tree.size);
        for (const length of [PAGE, pages * PAGE, 300 * PAGE]) {
          const low = start;
          expect(tree.lowestGap(low, 5000 * PAGE, length)).toBe(
            lowestByHand(sorted(), low, 5000 * PAGE, length),
          );
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("as many areas as Linux allows, and no more; a path in the tree stays short", () => {
  const machine = new Machine();
  machine.commit.policy = Overcommit.ALWAYS;
  const { mm, sys } = Process.create(machine);
  const flags = MapFlag.PRIVATE | MapFlag.ANONYMOUS | MapFlag.FIXED;
  const base = 0x5000_0000;
  let count = 0;
  expect(() => {
    for (; ; count++) sys.mmap({ address: base + count * 2 * PAGE, length: PAGE, prot: Prot.READ, flags });
  }).toThrow("ENOMEM");
  expect(mm.areas.size).toBe(65531);
  expect(mm.areas.root!.height).toBeLessThan(20);
  // Cutting a hole into an area needs one more; freeing a whole one does not.
  sys.munmap(base, PAGE);
  sys.munmap(base + 2 * PAGE, PAGE);
  expect(mm.areas.size).toBe(65529);
  expect(mm.check()).toEqual([]);
  expect(sys.mmap({ length: 2 * PAGE, prot: Prot.READ, flags: MapFlag.PRIVATE | MapFlag.ANONYMOUS })).toBe(
    0x4000_0000,
  );
});

test("shared memory is charged in whole when it is made or, without reserve, page by page; the old areas go first", () => {
  const machine = new Machine();
  const { sys, mm, memory } = Process.create(machine);
  const before = machine.commit.committed;
  const charged = (): number => machine.commit.committed - before;
  const shared = MapFlag.SHARED | MapFlag.ANONYMOUS;
  const at = sys.mmap({ length: 100 * PAGE, prot: Prot.READ, flags: shared });
  expect(charged()).toBe(100);
  sys.mremap(at, 0, 50 * PAGE, MremapFlag.MAYMOVE);
  sys.munmap(at, 60 * PAGE);
  expect(charged()).toBe(100);
  sys.munmap(at, 150 * PAGE);
  expect(charged()).toBe(0);

  const flags = shared | MapFlag.NORESERVE;
  const unreserved = sys.mmap({ length: 100 * PAGE, prot: Prot.READ | Prot.WRITE, flags });
  memory.store8(unreserved, 1);
  memory.load8(unreserved + 7 * PAGE);
  expect(charged()).toBe(2);
  sys.madvise(unreserved, PAGE, Madvise.REMOVE);
  expect(charged()).toBe(1);
  machine.commit.total = 80;
  const areas = mm.areas.size;
  const over = { address: unreserved + 8 * PAGE, length: 90 * PAGE, prot: Prot.NONE };
  expect(() => sys.mmap({ ...over, flags: shared | MapFlag.FIXED })).toThrow(/^ENOMEM/);
  expect(mm.areas.size).toBe(areas + 1);
  expect(mm.areas.at(unreserved + 50 * PAGE)).toBe(null);
  sys.munmap(unreserved, 100 * PAGE);
  expect(charged()).toBe(0);
});

test("what was charged for a mapping that its file refuses stays charged, as in Linux 6.18", () => {
  const machine = new Machine();
  const { sys } = Process.create(machine);
  const file = {
    object: machine.createFile(PAGE, new MemoryStore(), "/f"),
    readable: true,
    writable: true,
  };
  const prot = Prot.READ | Prot.WRITE;
  const before = machine.commit.committed;
  const address = sys.mmap({ length: 30 * PAGE, prot, flags: MapFlag.PRIVATE | MapFlag.ANONYMOUS });
  const flags = MapFlag.PRIVATE | MapFlag.SYNC | MapFlag.FIXED;
  expect(() => sys.mmap({ address, length: 100 * PAGE, prot, flags, file })).toThrow(/^EOPNOTSUPP/);
  expect(machine.commit.committed - before).toBe(100);
  expect(() => sys.mmap({ address, length: PAGE, prot: Prot.READ, flags, file })).toThrow(/^EOPNOTSUPP/);
  expect(machine.commit.committed - before).toBe(100);
});

test.each([
  [Overcommit.HEURISTIC, true],
  [Overcommit.ALWAYS, false],
  [Overcommit.NEVER, true],
])("overcommit mode %i decides on a request beyond all memory", (policy, refuses) => {
  const machine = new Machine();
  machine.commit.policy = policy;
  machine.commit.total = 1000;
  machine.commit.limit = 500;
  const process = Process.create(machine);
  expect(process.mmap(2000 * PAGE, Prot.READ | Prot.WRITE) === 0).toBe(refuses);
  expect(process.mmap(100 * PAGE, Prot.READ | Prot.WRITE)).not.toBe(0);
  // In heuristic mode several requests may together exceed everything; in strict mode they may not.
  for (let i = 0; i < 4; i++) process.mmap(100 * PAGE, Prot.READ | Prot.WRITE);
  const last = process.mmap(100 * PAGE, Prot.READ | Prot.WRITE);
  expect(last === 0).toBe(policy === Overcommit.NEVER);
  expect(machine.commit.committed).toBe(process.mm.dataVm + process.mm.stackVm);
  process.exit();
  expect(machine.commit.committed).toBe(0);
});
