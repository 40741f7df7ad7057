import { conformanceCases } from "@heapwright/allocator/conformance";
import { LinearMemory } from "@heapwright/heap-memory";
import { describe, test } from "vitest";
import { Spans } from "../src/index.ts";

describe("Spans keeps the contract", () => {
  describe("in a fixed memory", () => {
    for (const c of conformanceCases(() => new Spans(LinearMemory.fixed(1 << 18)), {
      detectsDoubleFree: true,
    }))
      test(c.name, c.run);
  });
  describe("in a memory that grows", () => {
    const make = () => new Spans(LinearMemory.growing({ maximum: 1 << 21 }));
    for (const c of conformanceCases(make)) test(c.name, c.run);
  });
  describe("in the smallest memory", () => {
    for (const c of conformanceCases(() => new Spans(LinearMemory.fixed(16384)))) test(c.name, c.run);
  });
});
