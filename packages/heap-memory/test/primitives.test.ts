import {
  alignDown,
  alignUp,
  Bitmap,
  ceilLog2,
  countTrailingZeros,
  floorLog2,
  isAlignedTo,
  isPowerOfTwo,
  LinearMemory,
  LinearPages,
  listCheck,
  listInit,
  listInsertAfter,
  listInsertBefore,
  listIsEmpty,
  listLength,
  listNext,
  listNodes,
  listPrevious,
  listRemove,
  listSplice,
  popCount,
  restore,
  SizeClasses,
  snapshot,
} from "@heapwright/heap-memory";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("alignment", () => {
  const power = fc.nat({ max: 31 }).map((n) => 2 ** n);
  const value = fc.oneof(
    fc.nat({ max: 2 ** 31 - 1 }),
    fc.maxSafeNat().map((n) => n % 2 ** 34),
  );

  test("rounds as arithmetic does, above 2^31 and above 2^32", () => {
    fc.assert(
      fc.property(value, power, (value, power) => {
        expect(alignUp(value, power)).toBe(Math.ceil(value / power) * power);
        expect(alignDown(value, power)).toBe(Math.floor(value / power) * power);
        expect(isAlignedTo(value, power)).toBe(value % power === 0);
      }),
    );
    expect(alignUp(2 ** 31 + 1, 4096)).toBe(2 ** 31 + 4096);
    expect(alignDown(2 ** 32 - 1, 2 ** 31)).toBe(2 ** 31);
    expect(alignUp(2 ** 32 - 1, 2 ** 31)).toBe(2 ** 32);
  });

  test("knows the powers of two", () => {
    for (let n = 0; n < 32; n++) expect(isPowerOfTwo(2 ** n)).toBe(true);
    for (const bad of [0, -1, -2, 3, 0.5, 1.5, Number.NaN, Infinity, 2 ** 32, 2 ** 31 + 1]) {
      expect(isPowerOfTwo(bad)).toBe(false);
    }
  });

  test("logarithms and bit counts agree with the slow way", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.nat({ max: 2 ** 32 - 1 }),
          fc.nat({ max: 31 }).map((n) => 2 ** n),
        ),
        (word) => {
          const bits = word.toString(2);
          expect(popCount(word)).toBe([...bits].filter((bit) => bit === "1").length);
          expect(countTrailingZeros(word)).toBe(word === 0 ? 32 : bits.length - 1 - bits.lastIndexOf("1"));
          if (word === 0) return;
          expect(floorLog2(word)).toBe(bits.length - 1);
          expect(ceilLog2(word)).toBe((word - 1 || 0).toString(2).length - (word === 1 ? 1 : 0));
        },
      ),
    );
    expect([ceilLog2(1), ceilLog2(2), ceilLog2(3), ceilLog2(2 ** 31 + 1), ceilLog2(2 ** 32)]).toEqual([
      0, 1, 2, 32, 32,
    ]);
    expect(floorLog2(0)).toBe(-1);
  });
});

test("lists behave as arrays do", () => {
  const at = (i: number): number => 1024 + i * 16;
  const action = fc.record({
    op: fc.constantFrom("front", "back", "remove", "splice"),
    node: fc.nat({ max: 30 }),
    list: fc.nat({ max: 1 }),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100, size: "max" }), (actions) => {
      const memory = LinearMemory.fixed(4096);
      const heads = [64, 72];
      const model: number[][] = [[], []];
      for (const head of heads) listInit(memory, head);
      for (const { op, node, list } of actions) {
        const head = heads[list]!;
        const where = model.findIndex((nodes) => nodes.includes(at(node)));
        if (op === "splice") {
          listSplice(memory, head, heads[1 - list]!);
          model[1 - list]!.unshift(...model[list]!.splice(0));
        } else if (op === "remove") {
          if (where < 0) continue;
          listRemove(memory, at(node));
          model[where]!.splice(model[where]!.indexOf(at(node)), 1);
        } else if (where < 0) {
          if (op === "front") listInsertAfter(memory, head, at(node));
          else listInsertBefore(memory, head, at(node));
          if (op === "front") model[list]!.unshift(at(node));
          else model[list]!.push(at(node));
        }
        for (const [i, head] of heads.entries()) {
          expect([...listNodes(memory, head)]).toEqual(model[i]);
          expect(listLength(memory, head)).toBe(model[i]!.length);
          expect(listIsEmpty(memory, head)).toBe(model[i]!.length === 0);
          expect(listNext(memory, head)).toBe(model[i]![0] ?? head);
          expect(listPrevious(memory, head)).toBe(model[i]!.at(-1) ?? head);
          expect(listCheck(memory, head)).toBe(0);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test("listCheck finds a broken link, and a cycle that misses the head", () => {
  const memory = LinearMemory.fixed(4096);
  listInit(memory, 64);
  for (const node of [128, 256, 384]) listInsertBefore(memory, 64, node);
  memory.store32(256 + 4, 64);
  expect(listCheck(memory, 64)).toBe(128);
  memory.store32(256 + 4, 128);
  memory.store32(384, 2 ** 32 - 4);
  expect(listCheck(memory, 64)).toBe(384);
  memory.store32(384, 256);
  memory.store32(256 + 4, 384);
  expect(listCheck(memory, 64, 100)).not.toBe(0);
});

describe("Bitmap", () => {
  test("behaves as an array of booleans does", () => {
    const action = fc.record({
      op: fc.constantFrom("set", "clear", "setRange", "clearRange"),
      bit: fc.nat({ max: 199 }),
      count: fc.nat({ max: 80 }),
    });
    fc.assert(
      fc.property(
        fc.nat({ max: 200 }),
        fc.array(action, { maxLength: 40, size: "max" }),
        (length, actions) => {
          const memory = LinearMemory.fixed(256);
          memory.fill(0, 256, 0xff); // neighbours must stay
          const bitmap = new Bitmap(memory, 8, length);
          bitmap.clearRange(0, length);
          const model = new Array<boolean>(length).fill(false);
          for (const { op, bit, count } of actions) {
            if (bit >= length) continue;
            const end = Math.min(length, bit + count);
            if (op === "set" || op === "clear") {
              bitmap[op](bit);
              model[bit] = op === "set";
            } else {
              bitmap[op](bit, end - bit);
              model.fill(op === "setRange", bit, end);
            }
            expect(bitmap.test(bit)).toBe(model[bit]);
            expect(bitmap.findSet(bit)).toBe(model.indexOf(true, bit));
            expect(bitmap.findClear(bit)).toBe(model.indexOf(false, bit));
            expect(bitmap.count()).toBe(model.filter(Boolean).length);
            const step = 1 + (count % 5);
            let run = -1;
            for (let i = Math.ceil(bit / step) * step; i + count <= length && run < 0; i += step) {
              if (!model.slice(i, i + count).includes(true)) run = i;
            }
            if (count > 0) expect(bitmap.findClearRun(bit, count, step)).toBe(run);
          }
          expect(memory.load32(4)).toBe(0xffffffff);
          expect(memory.load32(8 + Bitmap.bytesFor(length))).toBe(0xffffffff);
        },
      ),
    );
  });

  test("refuses a length that is none", () => {
    for (const bad of [-1, 1.5, Number.NaN, 2 ** 32 + 1]) {
      expect(() => new Bitmap(LinearMemory.fixed(64), 0, bad)).toThrow(
        "length must be an integer from 0 to 2^32",
      );
    }
  });
});

describe("SizeClasses", () => {
  test("finds the smallest class that fits, by table and by arithmetic", () => {
    for (const quantum of [1, 8, 16, 64, 1024]) {
      for (const steps of [1, 2, 4, 8]) {
        const classes = new SizeClasses({ quantum, steps, maximum: 2 ** 20 });
        const { sizes } = classes;
        expect(classes.count).toBe(sizes.length);
        const slow = (size: number): number => sizes.findIndex((candidate) => candidate >= size);
        for (const size of sizes) {
          expect(size % quantum).toBe(0);
          for (const near of [size - 1, size, size + 1]) expect(classes.indexOf(near)).toBe(slow(near));
        }
        fc.assert(fc.property(fc.nat({ max: 2 ** 20 + 10 }), (size) => classes.indexOf(size) === slow(size)));
      }
    }
  });

  test("reaches 2^31 and says no above", () => {
    const classes = new SizeClasses({ quantum: 16, steps: 4, maximum: 2 ** 31 });
    expect(classes.sizes.at(-1)).toBe(2 ** 31);
    expect(classes.indexOf(2 ** 31)).toBe(classes.count - 1);
    expect(classes.indexOf(2 ** 31 - 2 ** 28)).toBe(classes.count - 2);
    expect(classes.indexOf(2 ** 31 + 1)).toBe(-1);
  });

  test("refuses what makes no progression", () => {
    expect(() => new SizeClasses({ quantum: 12, steps: 4, maximum: 1024 })).toThrow("quantum");
    expect(() => new SizeClasses({ quantum: 16, steps: 3, maximum: 1024 })).toThrow("steps");
    expect(() => new SizeClasses({ quantum: 16, steps: 4, maximum: 1000 })).toThrow("maximum");
  });
});

describe("snapshot and restore", () => {
  test("bring a heap back, into a fresh memory and over a used one", () => {
    const pages = LinearPages.create(LinearMemory.fixed(65536), 64);
    pages.claim("test", 1);
    const block = pages.sbrk(1000);
    for (let i = 0; i < 1000; i++) pages.memory.store8(block + i, i * 7);
    const image = snapshot(pages.memory, 64, pages.sbrk(0));
    for (const memory of [LinearMemory.fixed(65536), LinearMemory.growing(), pages.memory]) {
      memory.fill(64, memory.byteLength - 64, 0x77);
      memory.store32(0, 99);
      expect(restore(memory, image)).toBe(64);
      const copy = LinearPages.attach(memory, 64);
      copy.expect("test", 1);
      expect(copy.sbrk(0)).toBe(block + 1000);
      expect(memory.read(block, 1000)).toEqual(Uint8Array.from({ length: 1000 }, (_, i) => i * 7));
      expect(memory.load32(0)).toBe(99);
      const more = copy.sbrk(64);
      expect(memory.read(more, 64).every((byte) => byte === 0)).toBe(true);
    }
  });

  test("an image that is damaged, cut short, foreign or too large is refused and nothing changes", () => {
    const memory = LinearMemory.fixed(4096);
    memory.store32(1000, 5);
    const image = snapshot(memory);
    const target = LinearMemory.fixed(4096);
    const damaged = image.slice();
    damaged[2000]! ^= 1;
    expect(() => restore(target, damaged)).toThrow("damaged");
    expect(() => restore(target, image.subarray(0, 3000))).toThrow("holds 2976 bytes of 4096");
    expect(() => restore(target, image.subarray(0, 10))).toThrow("not the image");
    expect(() => restore(target, new Uint8Array(100))).toThrow("not the image");
    const later = image.slice();
    later[4] = 9;
    expect(() => restore(target, later)).toThrow("image version 9, not 1");
    expect(() => restore(LinearMemory.fixed(2048), image)).toThrow("reaches to 0x1000");
    expect(target.bytes.every((byte) => byte === 0)).toBe(true);
    expect(() => snapshot(memory, 0, 5000)).toThrow("end must be");
    expect(() => snapshot(memory, -1)).toThrow("start must be");
  });
});
