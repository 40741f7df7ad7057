import fc from "fast-check";
import { expect, test } from "vitest";
import { CLASSES, classAbove, classOf } from "../src/offset/size-classes.ts";

/** The same by logarithms in long arithmetic. */
const slowClass = (size: number): number => {
  if (size < 32) return size;
  const log = BigInt(size).toString(2).length - 1;
  return (log - 5 + 1) * 32 + Number(BigInt(size) >> BigInt(log - 5)) - 32;
};

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 5000 }),
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fc
    .tuple(fc.integer({ min: 0, max: 52 }), fc.integer({ min: -2, max: 2 }))
    .map(([log, d]) => Math.max(2 ** log + d, 1)),
);

test("a size is in the class that long arithmetic says, and in order", () => {
  fc.assert(
    fc.property(sizes, (size) => {
      expect(classOf(size)).toBe(slowClass(size));
      expect(classOf(size)).toBeLessThan(CLASSES);
      if (size > 1) expect(classOf(size - 1)).toBeLessThanOrEqual(classOf(size));
    }),
    { numRuns: 2000 },
  );
});

test("the class above is the first all of whose sizes are enough", () => {
  fc.assert(
    fc.property(sizes, (size) => {
      const above = classAbove(size);
      const own = classOf(size);
      const first = size === 1 || classOf(size - 1) < own;
      expect(above).toBe(first ? own : own + 1);
    }),
    { numRuns: 2000 },
  );
});
