/*
 * heap_trim: after a large free in a thread arena. Heaps whose chunks are all free are unmapped from the newest on, then top is
 * shrunk when it is larger than the trim threshold.
 *
 * A heap that is not the newest ends in two fenceposts, which mark its end as in use:
 *
 *   ... | last chunk | size 2 words |P|  |  size 0  |P|  end of the heap
 */
import type { Address } from "@heapwright/allocator";
import { unlinkChunk } from "../bins/links.ts";
import { type Core, PREV_INUSE } from "../core.ts";
import { assertionFailed } from "../errors.ts";
import { PARAMETER } from "../layout/statics.ts";
import { deleteHeap, heapArena, heapPageSize, heapPrevious, heapSize, shrinkHeap } from "./heap.ts";

const expect = (core: Core, address: Address, holds: boolean, expression: string): void => {
  if (!holds) throw assertionFailed(core, address, "heap_trim", expression);
};

/** What the two middle assertions call the largest heap. */
const maxName = (core: Core): string => (core.profile.heapInfoWords === 5 ? "max_size" : "HEAP_MAX_SIZE");
const pageName = (core: Core): string => (core.profile.heapInfoWords === 5 ? "heap->pagesize" : "pagesz");

/** Unmaps heaps that became empty. Gives the heap that top is in now. */
const dropEmptyHeaps = (core: Core, arena: Address, newest: Address, pad: number): Address => {
  let heap = newest;
  while (core.top(arena) === heap + core.g.heapInfoBytes) {
    const previous = heapPrevious(core, heap);
    const end = previous + heapSize(core, previous);
    const last = end - (core.minSize - core.header);
    const misalign = last & core.alignMask;
    let chunk = last - misalign;
    expect(core, chunk, core.head(chunk) === PREV_INUSE, "chunksize_nomask (p) == (0 | PREV_INUSE)");
    chunk -= core.prevSize(chunk);
    let size = core.size(chunk) + (core.minSize - core.header) + misalign;
    expect(
      core,
      chunk,
      size > 0 && size < 2 * core.minSize,
      "new_size > 0 && new_size < (long) (2 * MINSIZE)",
    );
    const freeTail = (core.head(chunk) & PREV_INUSE) === 0;
    if (freeTail) size += core.prevSize(chunk);
    expect(core, chunk, size > 0 && size < core.heapMax, `new_size > 0 && new_size < ${maxName(core)}`);
    const room = size + (core.heapMax - heapSize(core, previous));
    if (room < pad + core.minSize + heapPageSize(core, heap)) break;
    core.setSystemMem(arena, core.systemMem(arena) - heapSize(core, heap));
    deleteHeap(core, heap);
    heap = previous;
    if (freeTail) {
      chunk -= core.prevSize(chunk);
      unlinkChunk(core, chunk);
    }
    expect(
      core,
      chunk,
      (chunk + size) % heapPageSize(core, heap) === 0,
      `((unsigned long) ((char *) p + new_size) & (${pageName(core)} - 1)) == 0`,
    );
    expect(
      core,
      chunk,
      chunk + size === heap + heapSize(core, heap),
      "((char *) p + new_size) == ((char *) heap + heap->size)",
    );
    core.setTop(arena, chunk);
    core.setHead(chunk, size | PREV_INUSE);
  }
  return heap;
};

/** Gives back what it can of the arena whose newest heap is `newest`, keeping `pad` bytes. */
export const trimHeap = (core: Core, newest: Address, pad: number): void => {
  const arena = heapArena(core, newest);
  const heap = dropEmptyHeaps(core, arena, newest, pad);
  const top = core.top(arena);
  const topSize = core.size(top);
  if (topSize < core.parameter(PARAMETER.trimThreshold)) return;
  const area = topSize - core.minSize - 1;
  if (area < 0 || area <= pad) return;
  const pageSize = heapPageSize(core, heap);
  const extra = area - pad - ((area - pad) % pageSize);
  if (extra === 0 || !shrinkHeap(core, heap, extra)) return;
  core.setSystemMem(arena, core.systemMem(arena) - extra);
  core.setHead(top, (topSize - extra) | PREV_INUSE);
};
