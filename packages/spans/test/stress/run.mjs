// Stress of SharedSpans: workers exchange blocks, check every byte and are terminated at random; then every invariant is checked.
//
//   npx tsc -b packages/spans && node packages/spans/test/stress/run.mjs [seconds = 60] [workers = 4] [kill | calm] [growing | fixed]
import { main } from "../../../heap-memory/test/stress/stress.mjs";
import { SharedSpans } from "../../dist/index.js";

export const strategy = {
  create: (memory, id) => SharedSpans.create(memory, { id }),
  attach: (memory, id) => SharedSpans.attach(memory, { id }),
  settle: (heap, memory) => {
    // The heaps of all workers that are gone are taken over in turn, repaired and emptied.
    const heirs = Array.from({ length: 28 }, () => SharedSpans.attach(memory));
    for (const heir of heirs) heir.trim(0);
    const { liveBlocks, heapBytes } = heap.stats();
    return { faults: heap.check(), liveBlocks, heapBytes };
  },
};

await main(import.meta.url, strategy);
