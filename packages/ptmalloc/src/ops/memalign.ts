/*
 * _int_memalign: a chunk at a stronger alignment is cut out of one that is large enough to contain it; what is before and after it
 * is freed.
 *
 *   got ->  | leader (freed) | aligned chunk | rest (freed) |
 */
import type { Address } from "@heapwright/allocator";
import { type Core, IS_MMAPPED, PREV_INUSE } from "../core.ts";
import { assertionFailed } from "../errors.ts";
import type { ThreadState } from "../thread-state.ts";
import { freeMerging, intFree } from "./free.ts";
import { intMalloc } from "./malloc.ts";

/** Allocates `bytes` at a multiple of `alignment`, a power of two. Gives the user address, or 0. */
export const intMemalign = (
  core: Core,
  thread: ThreadState,
  arena: Address,
  alignment: number,
  bytes: number,
): Address => {
  const needed = core.chunkSizeFor(bytes);
  if (needed < 0) return 0;
  const got = intMalloc(core, thread, arena, needed + alignment + core.minSize);
  if (got === 0) return 0;
  let chunk = got - core.header;
  if (got % alignment !== 0) {
    const aligned = alignChunk(core, thread, arena, chunk, alignment, needed);
    // A mapping keeps its tail.
    if ((core.head(aligned) & IS_MMAPPED) !== 0) return aligned + core.header;
    chunk = aligned;
  }
  if ((core.head(chunk) & IS_MMAPPED) === 0) {
    const size = core.size(chunk);
    if (tailCanGo(core, arena, chunk, size, needed)) {
      const rest = chunk + needed;
      core.setHead(rest, (size - needed) | PREV_INUSE | core.arenaFlag(arena));
      core.setHeadSize(chunk, needed);
      freeRest(core, thread, arena, rest);
    }
  }
  return chunk + core.header;
};

/** Whether the end of the chunk can be given back: where it can be merged, it need not be able to stand as a chunk. */
const tailCanGo = (core: Core, arena: Address, chunk: Address, size: number, needed: number): boolean => {
  if (!core.profile.memalignMergesRests) return size > needed + core.minSize;
  if (size <= needed) return false;
  const next = chunk + size;
  return size - needed >= core.minSize || next === core.top(arena) || !core.inUseAt(next, core.size(next));
};

const freeRest = (core: Core, thread: ThreadState, arena: Address, rest: Address): void => {
  if (core.profile.memalignMergesRests) freeMerging(core, arena, rest, core.size(rest));
  else intFree(core, thread, arena, rest, true);
};

/** Moves the start of a chunk up to the alignment and frees what was before it. */
const alignChunk = (
  core: Core,
  thread: ThreadState,
  arena: Address,
  chunk: Address,
  alignment: number,
  needed: number,
): Address => {
  let aligned = Math.ceil((chunk + core.header) / alignment) * alignment - core.header;
  // The leader must be able to stand as a chunk.
  if (aligned - chunk < core.minSize) aligned += alignment;
  const lead = aligned - chunk;
  const size = core.size(chunk) - lead;
  if ((core.head(chunk) & IS_MMAPPED) !== 0) {
    core.setPrevSize(aligned, core.prevSize(chunk) + lead);
    core.setHead(aligned, size | IS_MMAPPED);
    core.mappings.delete(chunk);
    core.mappings.add(aligned);
    return aligned;
  }
  core.setHead(aligned, size | PREV_INUSE | core.arenaFlag(arena));
  core.setInUseAt(aligned, size);
  core.setHeadSize(chunk, lead | core.arenaFlag(arena));
  freeRest(core, thread, arena, chunk);
  if (size < needed)
    throw assertionFailed(
      core,
      aligned,
      "_int_memalign",
      "newsize >= nb && (((unsigned long) (chunk2mem (p))) % alignment) == 0",
    );
  return aligned;
};
