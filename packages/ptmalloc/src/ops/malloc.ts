/*
 * _int_malloc: one allocation from one arena, without the tcache. The order of the search is the algorithm:
 *
 *   fast bin -> small bin -> (large: consolidate) -> unsorted bin, sorting -> own large bin -> next larger bin -> top
 *   -> when fast chunks exist: consolidate and search again -> the system
 */
import type { Address } from "@heapwright/allocator";
import { consolidate, isFast, takeFast } from "../bins/fastbins.ts";
import { takeFromLargerBin, takeLarge } from "../bins/search.ts";
import { takeSmall } from "../bins/smallbins.ts";
import { takeUnsorted } from "../bins/unsorted.ts";
import type { Core } from "../core.ts";
import { corrupted } from "../errors.ts";
import { LEAVE } from "../express/paths.ts";
import { systemMalloc } from "../system/sysmalloc.ts";
import type { ThreadState } from "../thread-state.ts";
import { cutTop, serve } from "./serve.ts";

/**
 * Allocates `bytes` bytes from `arena`, or by mmap alone when `arena` is 0.
 *
 * @returns the user address, or 0 when exhausted.
 */
export const intMalloc = (core: Core, thread: ThreadState, arena: Address, bytes: number): Address => {
  const express = thread.express;
  if (express !== undefined) {
    const mem = express.malloc(bytes);
    if (mem !== LEAVE) return mem;
  }
  const needed = core.chunkSizeFor(bytes);
  if (needed < 0) return 0;
  if (arena === 0) return serve(core, systemMalloc(core, thread, 0, needed), bytes);

  if (isFast(core, needed)) {
    const chunk = takeFast(core, thread, arena, needed);
    if (chunk !== 0) return serve(core, chunk, bytes);
  }
  thread.sorted = 0;
  const small = needed < core.minLarge;
  if (small) {
    const chunk = takeSmall(core, thread, arena, needed);
    if (chunk !== 0) return serve(core, chunk, bytes);
  } else if (core.haveFastChunks(arena)) consolidate(core, arena);

  for (;;) {
    const mem = takeUnsorted(core, thread, arena, needed, bytes);
    if (mem !== 0) return mem;
    let chunk = small ? 0 : takeLarge(core, arena, needed);
    if (chunk === 0) chunk = takeFromLargerBin(core, arena, needed);
    if (chunk === 0) chunk = takeTop(core, arena, needed);
    if (chunk !== 0) return serve(core, chunk, bytes);
    if (!core.haveFastChunks(arena)) break;
    consolidate(core, arena);
  }
  return serve(core, systemMalloc(core, thread, arena, needed), bytes);
};

/** Cuts the request from the top chunk when it leaves a chunk there. Gives the chunk, or 0. */
const takeTop = (core: Core, arena: Address, needed: number): Address => {
  const top = core.top(arena);
  const size = core.size(top);
  if (size > core.systemMem(arena)) throw corrupted(top, "malloc(): corrupted top size");
  if (size < needed + core.minSize) return 0;
  cutTop(core, arena, top, size, needed);
  return top;
};
