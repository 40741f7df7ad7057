import { type Trace, TraceBuilder } from "@heapwright/trace";
import fc from "fast-check";

const size = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 600 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 40_000 }) },
);

const step = fc.record({
  kind: fc.constantFrom("a", "a", "a", "c", "m", "r", "r", "f", "f", "t"),
  pick: fc.nat(1000),
  size,
  count: fc.nat(20),
  align: fc.integer({ min: 0, max: 12 }),
});

/** Traces that keep their format's invariants, over few slots, by up to three threads. */
export const arbitraryTrace: fc.Arbitrary<Trace> = fc.array(step, { maxLength: 200 }).map((steps) => {
  const builder = new TraceBuilder();
  for (const { kind, pick, size, count, align } of steps) {
    const slot = pick % 30;
    if (kind === "t") builder.switchThread(pick % 3);
    else if (!builder.isLive(slot)) {
      if (kind === "c") builder.zeroed(slot, count, size % 100);
      else if (kind === "m") builder.aligned(slot, 2 ** align, size);
      else builder.allocate(slot, size);
    } else if (kind === "r") builder.reallocate(slot, size + 1);
    else builder.free(slot);
  }
  return builder.finish("generated");
});
