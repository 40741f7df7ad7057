import type { Allocator } from "@heapwright/allocator";
import { conformanceCases } from "@heapwright/allocator/conformance";
import { LinearMemory } from "@heapwright/heap-memory";
import { describe, expect, test } from "vitest";
import { MUTANTS } from "./support/mutants.ts";
import { ReferenceHeap } from "./support/reference-heap.ts";

const overrun = (allocator: Allocator, address: number): void =>
  allocator.memory.fill(address + 40, 16, 0x55);

describe("a sound heap passes", () => {
  const options = { detectsDoubleFree: true, damage: [overrun] };
  for (const c of conformanceCases(() => new ReferenceHeap(LinearMemory.fixed(16384)), options))
    test(c.name, c.run);

  test("with other options too", async () => {
    const other = { exhausts: false, reuses: false, maxSize: 40, seed: 7, runs: 3, operations: 20 };
    const cases = conformanceCases(() => new ReferenceHeap(LinearMemory.fixed(65536)), other);
    for (const c of cases) await c.run();
    expect(cases.length).toBeGreaterThan(10);
  });
});

/** Names of the cases that fail. */
const failures = async (make: () => Allocator, options: object): Promise<string[]> => {
  const failed: string[] = [];
  let cases: ReturnType<typeof conformanceCases>;
  try {
    cases = conformanceCases(make, { runs: 25, seed: 1, ...options });
  } catch {
    return ["the probe"];
  }
  for (const c of cases) {
    try {
      await c.run();
    } catch {
      failed.push(c.name);
    }
  }
  return failed;
};

describe("a broken heap is caught:", () => {
  for (const [fault, { make, options = {}, by }] of Object.entries(MUTANTS)) {
    test(fault, { timeout: 20_000 }, async () => {
      const failed = await failures(make, options);
      expect(failed).not.toEqual([]);
      expect(
        failed.some((name) => by.test(name)),
        failed.join("; "),
      ).toBe(true);
    });
  }
});
