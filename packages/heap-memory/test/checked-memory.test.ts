import { InvalidArgumentError, PoisonedAccessError } from "@heapwright/allocator";
import { CheckedMemory, LinearMemory } from "@heapwright/heap-memory";
import fc from "fast-check";
import { expect, test } from "vitest";

test("knows every poisoned byte, whatever the ranges", () => {
  const range = fc.record({ poison: fc.boolean(), from: fc.nat({ max: 255 }), length: fc.nat({ max: 80 }) });
  fc.assert(
    fc.property(
      fc.array(range, { maxLength: 20, size: "max" }),
      fc.nat({ max: 255 }),
      fc.nat({ max: 40 }),
      (ranges, at, n) => {
        const memory = new CheckedMemory(LinearMemory.fixed(256));
        const model = new Array<boolean>(256).fill(false);
        for (const { poison, from, length } of ranges) {
          const cut = Math.min(length, 256 - from);
          if (poison) memory.poison(from, cut);
          else memory.unpoison(from, cut);
          model.fill(poison, from, from + cut);
        }
        for (let i = 0; i < 256; i++) expect(memory.firstPoisoned(i, 1)).toBe(model[i] ? i : -1);
        const first = model.indexOf(true, at);
        const end = at + n;
        const expected = first >= 0 && first < end ? first : end > 256 ? 256 : -1;
        expect(memory.firstPoisoned(at, n)).toBe(expected);
      },
    ),
    { numRuns: 200 },
  );
});

test("every kind of access to a poisoned byte throws and does nothing", () => {
  const memory = new CheckedMemory(LinearMemory.fixed(4096));
  memory.fill(0, 4096, 0xaa);
  memory.poison(103, 1);
  const attempts: (() => unknown)[] = [
    () => memory.load8(103),
    () => memory.load16(102),
    () => memory.load32(100),
    () => memory.load64(96),
    () => memory.store8(103, 0),
    () => memory.store16(102, 0),
    () => memory.store32(100, 0),
    () => memory.store64(96, 0n),
    () => memory.fill(0, 104, 0),
    () => memory.copy(0, 103, 1),
    () => memory.copy(100, 0, 50),
    () => memory.read(103, 10),
    () => memory.write(101, new Uint8Array(3)),
  ];
  for (const attempt of attempts) {
    expect(attempt).toThrow(PoisonedAccessError);
    expect(attempt).toThrow("0x67 is poisoned");
  }
  expect(() => memory.load32(100)).toThrow("load of 4 bytes at 0x64: 0x67 is poisoned");
  expect(memory.parent.read(0, 4096).every((byte) => byte === 0xaa)).toBe(true);
  memory.load8(102);
  memory.load32(104);
  memory.unpoison(103, 1);
  expect(memory.load32(100)).toBe(0xaaaaaaaa);
});

test("refuses what lies out of the memory or is misaligned", () => {
  const memory = new CheckedMemory(LinearMemory.fixed(4096));
  expect(() => memory.load8(4096)).toThrow(PoisonedAccessError);
  expect(() => memory.load8(-1)).toThrow(PoisonedAccessError);
  expect(() => memory.fill(4000, 97, 0)).toThrow("0x1000 is poisoned");
  for (const at of [1, 2, 3, 4095]) expect(() => memory.load32(at)).toThrow(InvalidArgumentError);
  expect(() => memory.load8(Number.NaN)).toThrow(InvalidArgumentError);
  for (const [from, length] of [
    [-1, 4],
    [0, 4097],
    [0.5, 4],
    [0, Number.NaN],
    [0, -1],
  ] as const) {
    expect(() => memory.poison(from, length)).toThrow(InvalidArgumentError);
  }
});

test("keeps its shadow when the memory grows, and works above 2^31", () => {
  const memory = new CheckedMemory(LinearMemory.growing({ maximum: 2 ** 32, initial: 65536 }));
  memory.poison(65528, 8);
  expect(memory.grow(2 ** 32 - 65536)).toBe(true);
  expect(() => memory.load32(65532)).toThrow(PoisonedAccessError);
  expect(memory.load32(65536)).toBe(0);
  const high = 2 ** 32 - 2 * 65536;
  memory.poison(high + 3, 10);
  expect(memory.firstPoisoned(high, 100)).toBe(high + 3);
  expect(memory.load8(high + 13)).toBe(0);
  expect(() => memory.load8(high + 12)).toThrow("is poisoned");
});
