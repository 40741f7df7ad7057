import { conformanceCases } from "@heapwright/allocator/conformance";
import { SlabFlags, type SlabOptions } from "@heapwright/slab";
import { describe, test } from "vitest";
import { kmallocOver } from "./heap.ts";

const { RED_ZONE, POISON, STORE_USER, CONSISTENCY_CHECKS } = SlabFlags;
const all: SlabOptions[] = (["powers", "kernel"] as const).flatMap((classes) =>
  (["classic", "slub"] as const).flatMap((geometry) =>
    [0, CONSISTENCY_CHECKS, RED_ZONE | POISON | STORE_USER].map((flags) => ({ classes, geometry, flags })),
  ),
);

describe.each(all)("Kmalloc with $classes, $geometry, flags $flags", (options) => {
  const cases = conformanceCases(() => kmallocOver(2 ** 20, options), {
    detectsDoubleFree: true,
    runs: 10,
  });
  for (const { name, run } of cases) test(name, run);
});
