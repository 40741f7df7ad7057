/*
 * The end of a free that made a large chunk: fast chunks are merged, and memory beyond the trim threshold goes back.
 */
import type { Address } from "@heapwright/allocator";
import { heapArena } from "../arenas/heap.ts";
import { trimHeap } from "../arenas/heap-trim.ts";
import { consolidate } from "../bins/fastbins.ts";
import type { Core } from "../core.ts";
import { assertionFailed } from "../errors.ts";
import { PARAMETER } from "../layout/statics.ts";
import { trimBreak } from "../system/trim.ts";

/** A freed chunk of this many bytes is a sign to merge and trim. FASTBIN_CONSOLIDATION_THRESHOLD. */
export const CONSOLIDATION_THRESHOLD = 65536;

/** A large chunk was freed: fast chunks are merged, and memory beyond the trim threshold given back. */
export const giveBack = (core: Core, arena: Address): void => {
  if (core.haveFastChunks(arena)) consolidate(core, arena);
  const pad = core.parameter(PARAMETER.topPad);
  if (arena === core.main) {
    if (core.size(core.top(arena)) >= core.parameter(PARAMETER.trimThreshold)) trimBreak(core, arena, pad);
    return;
  }
  const heap = core.heapFor(core.top(arena));
  if (heapArena(core, heap) !== arena) throw assertionFailed(core, heap, "_int_free", "heap->ar_ptr == av");
  trimHeap(core, heap, pad);
};
