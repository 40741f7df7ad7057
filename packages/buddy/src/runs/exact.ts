import { type Address, InvalidArgumentError, InvalidPointerError, NULL } from "@heapwright/allocator";
import type { FreeAreas } from "../areas/free-areas.ts";
import { Kind, ORDER_MASK } from "../areas/layout.ts";
import { Mobility } from "../areas/mobility.ts";
import type { Buddy } from "../buddy.ts";

/*
 * Runs of any number of pages. Such a run is recorded as the largest aligned pieces it consists of, the first in state
 * EXACT, the others in state MORE:
 *
 *   | EXACT order 2         | MORE order 0 |  free ...        five pages, cut from a run of order 3
 */

/** Records `[from, to)`, frames in state TAIL on no list, as one exact run. */
export const markExact = (areas: FreeAreas, from: number, to: number): void => {
  for (let frame = from; frame < to; ) {
    const order = areas.largestPiece(frame, to);
    areas.setState(frame, (frame === from ? Kind.EXACT : Kind.MORE) | order);
    frame += 2 ** order;
  }
};

/** Frames of the exact run that begins at `frame`. */
export const exactLength = (areas: FreeAreas, frame: number): number => {
  let length = 2 ** areas.orderOf(frame);
  while (areas.has(frame + length) && (areas.state(frame + length) & ~ORDER_MASK) === Kind.MORE) {
    length += 2 ** areas.orderOf(frame + length);
  }
  return length;
};

/** The least order whose runs have at least so many pages. */
export const orderFor = (pages: number): number => (pages <= 1 ? 0 : 32 - Math.clz32(pages - 1));

/**
 * Takes exactly `pages` pages in one run: a run of the next power of two, whose tail is given back at once. Linux's
 * `alloc_pages_exact`. The run is aligned to that power of two. O(orders).
 *
 * @param pages 1 to 2^maxOrder; more is exhaustion.
 * @returns the address, or `NULL` when exhausted.
 * @throws InvalidArgumentError when `pages` is no whole number from 1 on.
 * @example
 * ```ts
 * import { allocatePagesExact, Buddy, freePagesExact } from "@heapwright/buddy";
 * import { LinearMemory } from "@heapwright/heap-memory";
 *
 * const buddy = Buddy.create(LinearMemory.fixed(2 ** 20));
 * const run = allocatePagesExact(buddy, 5);
 * freePagesExact(buddy, run, 5);
 * ```
 */
export const allocatePagesExact = (buddy: Buddy, pages: number): Address => {
  if (!Number.isSafeInteger(pages) || pages < 1) {
    throw new InvalidArgumentError("pages", pages, "a whole number of pages, 1 or more");
  }
  if (pages > 2 ** buddy.maxOrder) return NULL;
  const order = orderFor(pages);
  const address = buddy.allocateOn(0, Mobility.UNMOVABLE, order);
  if (address === NULL) return NULL;
  const { areas } = buddy;
  const frame = buddy.frameOf(address);
  areas.setState(frame, Kind.TAIL);
  markExact(areas, frame, frame + pages);
  areas.giveRange(frame + pages, frame + 2 ** order);
  return address;
};

/**
 * Gives back what {@link allocatePagesExact} or {@link allocateContiguousRange} handed out. Linux's `free_pages_exact`
 * and `free_contig_range`, but for the whole run only.
 *
 * @throws InvalidPointerError when no exact run of so many pages begins at `address`; DoubleFreeError when it is free.
 */
export const freePagesExact = (buddy: Buddy, address: Address, pages: number): void => {
  const { areas } = buddy;
  const frame = buddy.frameOf(address);
  const state = areas.state(frame);
  if ((state & ~ORDER_MASK) !== Kind.EXACT) {
    buddy.expectBegin(frame, address);
    throw new InvalidPointerError(address, `was handed out with order ${state & ORDER_MASK}`);
  }
  const length = exactLength(areas, frame);
  if (length !== pages)
    throw new InvalidPointerError(address, `was handed out as ${length} pages, not ${pages}`);
  areas.giveRange(frame, frame + length);
};
