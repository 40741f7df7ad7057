/*
 * The check of the memory itself: chunk after chunk, each boundary seen from both sides, and every list met on the way.
 */
import type { Address } from "@heapwright/allocator";
import { type Core, NON_MAIN_ARENA, PREV_INUSE } from "../core.ts";
import type { Listed } from "./check-lists.ts";
import { type Faults, hex } from "./faults.ts";
import type { ChunkInfo } from "./walk.ts";

/** Where two chunks of a stretch meet: the second must know whether the first is in use. */
const checkBoundary = (core: Core, faults: Faults, before: ChunkInfo, chunk: ChunkInfo): void => {
  const says = (core.head(chunk.address) & PREV_INUSE) !== 0;
  const free = before.state === "free";
  faults.expect(
    says !== free,
    chunk.address,
    `says that the chunk at ${hex(before.address)} is ${says ? "in use" : "free"}, but it is ${before.state}`,
  );
  faults.expect(
    !(free && (chunk.state === "free" || chunk.state === "top")),
    chunk.address,
    `free beside the free chunk at ${hex(before.address)}`,
  );
};

const checkChunk = (core: Core, faults: Faults, chunk: ChunkInfo): void => {
  const { address, size, state, arena } = chunk;
  if (chunk.payload === undefined && chunk.bin === undefined) return;
  if (state !== "top") {
    const sound = size >= core.minSize && size % (core.alignMask + 1) === 0;
    faults.expect(sound, address, `size ${size}`);
  }
  faults.expect(!core.misaligned(address), address, "is not aligned");
  if (state === "free" || state === "top") return;
  const own = (core.head(address) & NON_MAIN_ARENA) !== 0;
  faults.expect(own === (arena !== core.main), address, `has the thread arena flag ${own ? "set" : "clear"}`);
};

/** Verifies the chunks of a walk against each other and against the lists. */
export const checkChunks = (
  core: Core,
  faults: Faults,
  chunks: readonly ChunkInfo[],
  listed: Listed,
): void => {
  const met = new Set<Address>();
  const tops = new Map<Address, boolean>();
  let before: ChunkInfo | undefined;
  for (const chunk of chunks) {
    if (chunk.arena !== 0) {
      checkChunk(core, faults, chunk);
      if (
        before !== undefined &&
        before.address + before.size === chunk.address &&
        before.arena === chunk.arena
      )
        checkBoundary(core, faults, before, chunk);
      met.add(chunk.address);
      if (chunk.state === "top" || !tops.has(chunk.arena)) tops.set(chunk.arena, chunk.state === "top");
    }
    if (before !== undefined)
      faults.expect(
        before.address + before.size <= chunk.address,
        before.address,
        `its ${before.size} bytes reach into the chunk at ${hex(chunk.address)}`,
      );
    before = chunk;
  }
  for (const [arena, reached] of tops)
    faults.expect(reached, core.top(arena), "the sizes of the chunks before it do not lead to top");
  for (const [chunk, name] of listed)
    faults.expect(met.has(chunk), chunk, `in ${name}, but no chunk of the heap begins there`);
};
