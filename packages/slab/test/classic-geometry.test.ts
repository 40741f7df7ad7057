import { classicGeometry } from "@heapwright/slab";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reciprocalOf } from "../src/geometry/reciprocal.ts";

describe("classic SLAB", () => {
  // What /proc/slabinfo of a Linux 2.4 on i386 (32-byte cache lines) shows for its general caches.
  test.each([
    [32, 113],
    [64, 59],
    [128, 30],
    [256, 15],
    [512, 8],
    [1024, 4],
    [2048, 2],
    [4096, 1],
  ])("size-%i has %i objects to a page in Linux 2.4", (size, objects) => {
    const geometry = classicGeometry(size, 32, { headerBytes: 24, controlBytes: 4 })!;
    expect(geometry).toMatchObject({ order: 0, objects, offSlab: size >= 512 });
  });

  test("size-32 has 119 objects to a page in Linux 2.6, with controls of 16 bits", () => {
    expect(classicGeometry(32, 4, { headerBytes: 28, controlBytes: 2 })?.objects).toBe(119);
  });

  test("large objects: one to a slab of their own order", () => {
    const orders = [8192, 16384, 32768, 65536, 131072].map((size) => classicGeometry(size, size)!);
    expect(orders.map(({ order, objects }) => [order, objects])).toEqual([1, 2, 3, 4, 5].map((n) => [n, 1]));
    expect(classicGeometry(131073, 8)).toBeUndefined();
  });

  test("what it says adds up, for any object", () => {
    const alignment = fc.integer({ min: 3, max: 12 }).map((n) => 2 ** n);
    const parameters = fc.record({ reclaimable: fc.boolean(), onSlab: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 16384 }), alignment, parameters, (units, align, options) => {
        const size = Math.ceil((units * 8) / align) * align;
        const geometry = classicGeometry(size, align, options);
        if (geometry === undefined) return;
        const { order, objects, offSlab, descriptorBytes, leftOver } = geometry;
        expect(objects).toBeGreaterThan(0);
        expect(leftOver).toBeGreaterThanOrEqual(0);
        expect(descriptorBytes + objects * size + leftOver).toBe(4096 * 2 ** order);
        if (offSlab) expect(descriptorBytes).toBe(0);
        else expect(descriptorBytes).toBeGreaterThanOrEqual(32 + 4 * objects);
        if (options.onSlab) expect(offSlab).toBe(false);
      }),
    );
  });
});

test("the reciprocal divides every offset of an object exactly", () => {
  const slab = fc.integer({ min: 9, max: 17 }).map((n) => 2 ** n);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 16384 }), slab, (units, bytes) => {
      const size = 4 * units;
      const count = Math.floor(bytes / size);
      if (count === 0) return;
      const { multiplier, shift } = reciprocalOf(size, count)!;
      for (let index = 0; index < count; index++) {
        expect(Math.imul(index * size, multiplier) >>> shift).toBe(index);
      }
    }),
  );
});
