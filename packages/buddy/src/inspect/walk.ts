import type { BlockInfo, HeapStats } from "@heapwright/allocator";
import { Kind, ORDER_MASK } from "../areas/layout.ts";
import type { Buddy } from "../buddy.ts";
import { exactLength } from "../runs/exact.ts";

/** Every run of a range in ascending order, the metadata in the memory first. */
export function* walk(buddy: Buddy): Generator<BlockInfo> {
  const { areas, pageSize } = buddy;
  const from = areas.first * pageSize;
  if (areas.meta === buddy.memory) yield { address: areas.at, size: from - areas.at, state: "meta" };
  const end = areas.first + areas.frames;
  for (let frame = areas.first; frame < end; ) {
    const state = areas.state(frame);
    const kind = state & ~ORDER_MASK;
    const order = state & ORDER_MASK;
    const address = buddy.addressOf(frame);
    if (kind === Kind.RESERVED) {
      let last = frame + 1;
      while (last < end && areas.state(last) === Kind.RESERVED) last++;
      yield { address, size: (last - frame) * pageSize, state: "meta" };
      frame = last;
    } else if (kind === Kind.EXACT) {
      const length = exactLength(buddy.areas, frame);
      yield { address, size: length * pageSize, state: "live", payload: address };
      frame += length;
    } else {
      const size = 2 ** order * pageSize;
      if (kind === Kind.FREE) {
        yield { address, size, state: "free", payload: address, bin: `order ${order}` };
      } else if (kind === Kind.CACHED) {
        yield { address, size, state: "cached", payload: address, bin: `per-CPU order ${order}` };
      } else {
        yield { address, size, state: "live", payload: address };
      }
      frame += 2 ** order;
    }
  }
}

/** The state of a range in numbers. O(runs). */
export const stats = (buddy: Buddy): HeapStats => {
  let allocatedBytes = 0;
  let freeBytes = 0;
  let liveBlocks = 0;
  let freeBlocks = 0;
  let largestFreeBytes = 0;
  for (const block of walk(buddy)) {
    if (block.state === "live") {
      allocatedBytes += block.size;
      liveBlocks++;
    } else if (block.state !== "meta") {
      freeBytes += block.size;
      freeBlocks++;
      largestFreeBytes = Math.max(largestFreeBytes, block.size);
    }
  }
  return {
    heapBytes: buddy.footprint(),
    allocatedBytes,
    freeBytes,
    liveBlocks,
    freeBlocks,
    largestFreeBytes,
  };
};
