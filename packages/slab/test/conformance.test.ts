import { conformanceCases } from "@heapwright/allocator/conformance";
import { SlabFlags, type SlabOptions } from "@heapwright/slab";
import { describe, test } from "vitest";
import { kmallocOver } from "./heap.ts";

const { RED_ZONE, POISON, STORE_USER, CONSISTENCY_CHECKS } = SlabFlags;
const debug = RED_ZONE | POISON | STORE_USER;
const all: SlabOptions[] = [
  { classes: "powers", geometry: "classic", flags: 0 },
  { classes: "powers", geometry: "slub", flags: 0 },
  { classes: "kernel", geometry: "classic", flags: 0 },
  { classes: "kernel", geometry: "slub", flags: 0 },
  { classes: "powers", geometry: "slub", flags: CONSISTENCY_CHECKS },
  { classes: "powers", geometry: "classic", flags: debug },
  { classes: "kernel", geometry: "slub", flags: debug },
];

describe.each(all)("Kmalloc with $classes, $geometry, flags $flags", (options) => {
  const cases = conformanceCases(() => kmallocOver(768 * 1024, options), {
    detectsDoubleFree: true,
    runs: 10,
  });
  for (const { name, run } of cases) test(name, run);
});
