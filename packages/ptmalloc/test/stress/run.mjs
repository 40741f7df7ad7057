// Stress of SharedPtmalloc: workers exchange blocks, check every byte and are terminated at random; then every invariant is checked.
//
//   npx tsc -b packages/ptmalloc && node packages/ptmalloc/test/stress/run.mjs [seconds = 60] [workers = 4] [kill | calm] [growing | fixed]
import { main } from "../../../heap-memory/test/stress/stress.mjs";
import { SharedPtmalloc } from "../../dist/index.js";

export const strategy = {
  create: (memory, id) => SharedPtmalloc.create(memory, { id }),
  attach: (memory, id) => SharedPtmalloc.attach(memory, { id }),
  settle: (heap) => {
    const trimmed = heap.trim(0);
    const { liveBlocks, heapBytes } = heap.totals();
    return {
      faults: heap.checkArenas(),
      liveBlocks,
      heapBytes,
      trimmed,
      outOfService: heap.arenasLost,
    };
  },
};

await main(import.meta.url, strategy);
