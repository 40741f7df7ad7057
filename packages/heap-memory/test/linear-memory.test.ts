import { LinearMemory } from "@heapwright/heap-memory";
import { expect, test } from "vitest";

test("words above 2^31 keep their value and their place", () => {
  const memory = LinearMemory.fixed(2 ** 32);
  memory.store32(2 ** 32 - 4, 0xdeadbeef);
  expect(memory.load32(2 ** 32 - 4)).toBe(0xdeadbeef);
  expect(memory.load8(2 ** 32 - 1)).toBe(0xde);
  expect(memory.load64(2 ** 32 - 8)).toBe(0xdeadbeef00000000n);
});
