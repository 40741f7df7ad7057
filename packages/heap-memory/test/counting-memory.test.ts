import { CountingMemory, LinearMemory } from "@heapwright/heap-memory";
import fc from "fast-check";
import { expect, test } from "vitest";

const counts = (memory: CountingMemory): number[] => [
  memory.words,
  memory.lines,
  memory.pages,
  memory.operations,
];

test("counts words, distinct lines and distinct pages of each operation", () => {
  const memory = new CountingMemory(LinearMemory.fixed(65536));
  memory.store32(0, 1); // outside: counts nowhere
  expect(counts(memory)).toEqual([0, 0, 0, 0]);
  memory.begin();
  memory.store32(0, 1);
  memory.store32(60, 1);
  memory.store8(64, 1);
  memory.load16(4096);
  memory.end();
  expect(counts(memory)).toEqual([4, 3, 2, 1]);
  memory.begin();
  memory.load32(0);
  memory.end();
  memory.end();
  expect(counts(memory)).toEqual([5, 4, 3, 2]);
  expect([memory.operationWords, memory.operationLines, memory.operationPages]).toEqual([1, 1, 1]);
  memory.begin();
  memory.begin(); // ends the one before
  memory.end();
  expect(counts(memory)).toEqual([5, 4, 3, 4]);
});

test("64-bit accesses are two words; bulk accesses count what they cover", () => {
  const memory = new CountingMemory(LinearMemory.fixed(65536));
  const words = (action: () => void): number[] => {
    memory.begin();
    action();
    memory.end();
    return [memory.operationWords, memory.operationLines, memory.operationPages];
  };
  expect(words(() => memory.store64(8, 1n))).toEqual([2, 1, 1]);
  expect(words(() => memory.load64(8))).toEqual([2, 1, 1]);
  expect(words(() => memory.fill(100, 0, 1))).toEqual([0, 0, 0]);
  expect(words(() => memory.fill(63, 2, 1))).toEqual([2, 2, 1]);
  expect(words(() => memory.fill(4095, 4098, 1))).toEqual([1026, 66, 3]);
  expect(words(() => memory.copy(8192, 0, 64))).toEqual([32, 2, 2]);
  expect(words(() => memory.write(0, new Uint8Array(8)))).toEqual([2, 1, 1]);
  expect(words(() => memory.read(65530, 100))).toEqual([2, 1, 1]);
});

test("agrees with sets, also near 4 GiB", () => {
  const large = LinearMemory.fixed(2 ** 32);
  const access = fc.record({
    kind: fc.constantFrom(1, 2, 4, 8),
    unit: fc.oneof(
      fc.nat({ max: 3000 }),
      fc.nat({ max: 3000 }).map((n) => 2 ** 29 - 1 - n),
    ),
  });
  fc.assert(
    fc.property(fc.array(access, { size: "max", maxLength: 60 }), (accesses) => {
      const memory = new CountingMemory(large);
      const seen = { words: 0, lines: new Set<number>(), pages: new Set<number>() };
      memory.begin();
      for (const { kind, unit } of accesses) {
        const address = unit * 8;
        if (kind === 1) memory.load8(address);
        else if (kind === 2) memory.load16(address);
        else if (kind === 4) memory.load32(address);
        else memory.load64(address);
        seen.words += kind === 8 ? 2 : 1;
        seen.lines.add(Math.floor(address / 64));
        seen.pages.add(Math.floor(address / 4096));
      }
      memory.end();
      expect(counts(memory)).toEqual([seen.words, seen.lines.size, seen.pages.size, 1]);
    }),
  );
});

test("is the memory it counts, growth included", () => {
  const parent = LinearMemory.growing({ maximum: 4 * 65536 });
  const memory = new CountingMemory(parent);
  let grown = 0;
  memory.onGrow(() => grown++);
  memory.store32(8, 7);
  memory.store16(12, 0x1234);
  expect([memory.load32(8), memory.load8(12), memory.load16(12)]).toEqual([7, 0x34, 0x1234]);
  memory.store64(16, 0x1122334455667788n);
  memory.store8(24, 9);
  memory.copy(32, 16, 16);
  memory.fill(48, 2, 0xab);
  memory.write(50, Uint8Array.of(1, 2));
  expect([memory.load64(32), memory.load8(40)]).toEqual([0x1122334455667788n, 9]);
  expect(memory.read(48, 5)).toEqual(Uint8Array.of(0xab, 0xab, 1, 2, 0));
  expect(memory.grow(2 * 65536)).toBe(true);
  expect([grown, memory.byteLength, memory.maxByteLength]).toEqual([1, 2 * 65536, 4 * 65536]);
  memory.begin();
  memory.store32(100_000, 1);
  memory.end();
  expect(memory.words).toBe(1);
});
