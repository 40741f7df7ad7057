/*
 * Giving memory back: systrim moves the break down over a large top; mtrim also releases the whole pages inside free chunks.
 */
import { type Address, Advice } from "@heapwright/allocator";
import { consolidate } from "../bins/fastbins.ts";
import { type Core, PREV_INUSE } from "../core.ts";
import { assertionFailed } from "../errors.ts";
import { NBINS } from "../layout/geometry.ts";
import { PARAMETER } from "../layout/statics.ts";
import { moreCore } from "./morecore.ts";

/** Shrinks the main arena's top to `pad` bytes, by whole pages. Returns the bytes given back. systrim. */
export const trimBreak = (core: Core, arena: Address, pad: number): number => {
  const top = core.top(arena);
  const topSize = core.size(top);
  const area = topSize - core.minSize - 1;
  if (area <= pad) return 0;
  const unit = core.parameter(PARAMETER.thpPageSize) || core.pageSize;
  const extra = area - pad - ((area - pad) % unit);
  if (extra === 0) return 0;
  const before = moreCore(core, 0);
  if (before !== top + topSize) return 0;
  moreCore(core, -extra);
  const after = moreCore(core, 0);
  const probe = core.probe;
  if (probe !== undefined) probe.event("memory_sbrk_less", after, extra, 0);
  const released = before - after;
  if (after === 0 || released === 0) return 0;
  core.setSystemMem(arena, core.systemMem(arena) - released);
  core.setHead(top, (topSize - released) | PREV_INUSE);
  return released;
};

/** Releases the whole pages within one free chunk. Returns the bytes released. */
const releasePages = (core: Core, chunk: Address): number => {
  const size = core.size(chunk);
  const structBytes = 6 * core.word;
  if (size <= core.pageSize - 1 + structBytes) return 0;
  const start = core.pageUp(chunk + structBytes);
  // The comparison of C wraps at the end of the address space, and a corrupted size does not get past it.
  if (chunk + size >= (core.wide ? 2 ** 64 : 2 ** 32) || chunk + size <= start)
    throw assertionFailed(core, chunk, "mtrim", "(char *) p + size > paligned_mem");
  const length = core.pageDown(chunk + size - start);
  if (length === 0) return 0;
  core.maps?.madvise(start, length, Advice.DONTNEED);
  return core.maps === undefined ? 0 : length;
};

/** Trims one arena. Returns the bytes given back to the system. mtrim. */
export const trimArena = (core: Core, arena: Address, pad: number): number => {
  consolidate(core, arena);
  let released = 0;
  const firstBin = core.binIndex(core.pageSize);
  for (let index = 1; index < NBINS - 1; index++) {
    if (index > 1 && index < firstBin) continue;
    const bin = core.bin(arena, index);
    for (let chunk = core.bk(bin); chunk !== bin; chunk = core.bk(chunk))
      released += releasePages(core, chunk);
  }
  return released + (arena === core.main ? trimBreak(core, arena, pad) : 0);
};
