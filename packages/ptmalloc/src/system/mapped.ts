/*
 * Chunks that are mappings of their own: requests of at least the mmap threshold, when the system can map.
 *
 *   block -> +-----------------+  page boundary
 *            | (padding)       |  prev_size bytes, so that the user address is aligned
 *   chunk -> +-----------------+
 *            | prev_size       |  distance back to the block
 *            | size        |M  |  from chunk to the end of the mapping
 *     mem -> +-----------------+
 *
 * Invariant: block and block's length are whole pages. No neighbours, so one word of overhead more than other chunks have.
 */
import { type Address, Protection } from "@heapwright/allocator";
import { type Core, IS_MMAPPED } from "../core.ts";
import { corrupted } from "../errors.ts";
import { PARAMETER } from "../layout/statics.ts";

const ADDRESS_SPACE = 2 ** 32;
const READ_WRITE = Protection.READ | Protection.WRITE;

/** A mapping of `length` bytes, or 0. Lengths that no address space of ours can hold are refused here. */
export const mapPages = (core: Core, length: number, protection: number, hint: Address = 0): Address =>
  core.maps === undefined || length >= ADDRESS_SPACE ? 0 : core.maps.mmap(length, protection, hint);

/** Bytes by which the user address may have to be moved up within its page, where headers do not fill the alignment. */
const slack = (core: Core): number => (core.alignMask + 1 === core.header ? 0 : core.alignMask);

/** Maps a chunk for `needed` bytes. Gives the chunk, or 0. sysmalloc_mmap. */
export const mapChunk = (core: Core, needed: number): Address => {
  const length = core.pageUp(needed + core.word + slack(core));
  const block = mapPages(core, length, READ_WRITE);
  if (block === 0) return 0;
  const misalign = (block + core.header) & core.alignMask;
  const padding = misalign === 0 ? 0 : core.alignMask + 1 - misalign;
  const chunk = block + padding;
  core.setPrevSize(chunk, padding);
  core.setHead(chunk, (length - padding) | IS_MMAPPED);
  core.countMappings(1, length);
  core.mappings.add(chunk);
  const probe = core.probe;
  if (probe !== undefined) probe.event("serve_mmap", chunk + core.header, length - padding, 0);
  return chunk;
};

/** The tests that munmap_chunk and mremap_chunk share. Gives the length of the whole mapping. */
const expectMapping = (core: Core, chunk: Address, message: string): number => {
  const before = core.prevSize(chunk);
  const length = before + core.size(chunk);
  const inPage = (chunk + core.header) % core.pageSize;
  if ((chunk - before) % core.pageSize !== 0 || length % core.pageSize !== 0 || (inPage & (inPage - 1)) !== 0)
    throw corrupted(chunk, message);
  return length;
};

/** Unmaps a chunk. munmap_chunk. */
export const unmapChunk = (core: Core, chunk: Address): void => {
  const length = expectMapping(core, chunk, "munmap_chunk(): invalid pointer");
  const block = chunk - core.prevSize(chunk);
  const probe = core.probe;
  if (probe !== undefined) probe.event("free_mmap", chunk + core.header, core.size(chunk), 0);
  core.countMappings(-1, -length);
  core.mappings.delete(chunk);
  core.maps?.munmap(block, length);
};

/** Changes a mapped chunk's length for `needed` bytes; gives where it is now, or 0 with nothing changed. mremap_chunk. */
export const remapChunk = (core: Core, chunk: Address, needed: number): Address => {
  const length = expectMapping(core, chunk, "mremap_chunk(): invalid pointer");
  const before = core.prevSize(chunk);
  const newLength = core.pageUp(needed + before + core.word);
  if (newLength === length) return chunk;
  if (newLength >= ADDRESS_SPACE) return 0;
  const block = core.maps === undefined ? 0 : core.maps.mremap(chunk - before, length, newLength, true);
  if (block === 0) return 0;
  const moved = block + before;
  core.setHead(moved, (newLength - before) | IS_MMAPPED);
  core.countMappings(0, newLength - length);
  core.mappings.delete(chunk);
  core.mappings.add(moved);
  const probe = core.probe;
  if (probe !== undefined)
    probe.event("realloc_mremap", moved + core.header, length - before, newLength - before);
  return moved;
};

/**
 * Freeing a mapped chunk raises the mmap threshold to its size, up to a limit: what is allocated and freed once is likely
 * to be so again, and is then served from the heap, which stays twice as long before it is trimmed.
 */
export const slideThresholds = (core: Core, chunk: Address): void => {
  const head = core.head(chunk);
  if (
    core.parameter(PARAMETER.noDynThreshold) !== 0 ||
    head <= core.parameter(PARAMETER.mmapThreshold) ||
    head > core.g.mmapThresholdMax
  )
    return;
  const threshold = core.size(chunk);
  core.setParameter(PARAMETER.mmapThreshold, threshold);
  core.setParameter(PARAMETER.trimThreshold, 2 * threshold);
  const probe = core.probe;
  if (probe !== undefined) probe.event("memory_mallopt_free_dyn_thresholds", threshold, 2 * threshold, 0);
};
