import type { Address } from "@heapwright/allocator";
import { InvalidArgumentError, NULL } from "@heapwright/allocator";
import type { FreeAreas } from "../areas/free-areas.ts";
import { Kind, ORDER_MASK } from "../areas/layout.ts";
import { ISOLATE, Mobility } from "../areas/mobility.ts";
import type { Buddy } from "../buddy.ts";
import { markExact } from "./exact.ts";

/**
 * Moves a live run elsewhere: copies its bytes and changes all that refer to it.
 *
 * @param from The run that is in the way.
 * @param to A fresh run of the same order. When the answer is true, `from` becomes free and `to` is live.
 * @param order The order of both.
 * @returns false when the run cannot be moved now.
 */
export type Migrate = (from: Address, to: Address, order: number) => boolean;

/**
 * Takes the very pages from `address` on, `pages` of them, whatever the alignment. Movable runs that stand in the range
 * are moved away by `migrate`. Linux's `alloc_contig_range`. Given back by {@link freePagesExact}.
 *
 * While it works, the pageblocks that the range touches are isolated, so that nothing new comes to stand there.
 *
 * @returns whether it could. If not, the range is as it was, apart from movable runs that were moved already.
 * @throws InvalidPointerError or InvalidArgumentError when the range is not one of whole pages of this buddy system.
 */
export const allocateContiguousRange = (
  buddy: Buddy,
  address: Address,
  pages: number,
  migrate: Migrate = () => false,
): boolean => {
  const { areas } = buddy;
  const from = buddy.frameOf(address);
  const to = from + pages;
  if (!Number.isSafeInteger(pages) || pages < 1 || !areas.has(to - 1)) {
    throw new InvalidArgumentError(
      "pages",
      pages,
      "a whole number of pages, 1 or more, that lie in the range",
    );
  }
  buddy.drain();
  if (!runsIn(areas, from, to).every((frame) => isFreeOrMovable(areas, frame))) return false;
  const isolation = new Isolation(areas, from, to);
  try {
    // Runs may come and go while one is moved, so each is looked at when its turn comes.
    for (const frame of runsIn(areas, from, to)) {
      if (!areas.has(frame) || areas.headOf(frame) !== frame) continue;
      if ((areas.state(frame) & ~ORDER_MASK) === Kind.LIVE_MOVABLE && !moveAway(buddy, frame, migrate))
        return false;
    }
    // What its owner gave back meanwhile may wait on a per-CPU list.
    buddy.drain();
    if (!runsIn(areas, from, to).every((frame) => (areas.state(frame) & ~ORDER_MASK) === Kind.FREE))
      return false;
    areas.takeRange(from, to);
    markExact(areas, from, to);
    return true;
  } finally {
    isolation.end();
  }
};

/** The heads of all runs that have frames in `[from, to)`. */
const runsIn = (areas: FreeAreas, from: number, to: number): number[] => {
  const heads: number[] = [];
  for (let frame = from; frame < to; ) {
    const head = areas.headOf(frame);
    heads.push(head);
    frame = areas.state(head) === Kind.RESERVED ? head + 1 : head + 2 ** areas.orderOf(head);
  }
  return heads;
};

const isFreeOrMovable = (areas: FreeAreas, frame: number): boolean => {
  const kind = areas.state(frame) & ~ORDER_MASK;
  return kind === Kind.FREE || kind === Kind.LIVE_MOVABLE;
};

const moveAway = (buddy: Buddy, frame: number, migrate: Migrate): boolean => {
  const order = buddy.areas.orderOf(frame);
  const from = buddy.addressOf(frame);
  const to = buddy.allocateOn(0, Mobility.MOVABLE, order);
  if (to === NULL) return false;
  if (!migrate(from, to, order)) {
    buddy.freePages(to, order);
    return false;
  }
  buddy.freePages(from, order);
  return true;
};

/** Pageblocks set apart for a while. */
class Isolation {
  readonly #areas: FreeAreas;
  /** Frame of each pageblock, and the type to give it back. */
  readonly #blocks = new Map<number, number>();
  readonly #from: number;
  readonly #to: number;

  constructor(areas: FreeAreas, from: number, to: number) {
    this.#areas = areas;
    const [start] = areas.blockBounds(from);
    const [, end] = areas.blockBounds(to - 1);
    this.#from = Math.min(start, areas.headOf(start));
    const last = areas.headOf(end - 1);
    this.#to = Math.max(end, last + 2 ** areas.orderOf(last));
    for (let frame = start; frame < end; frame = areas.blockBounds(frame)[1]) {
      this.#cut(frame);
      this.#blocks.set(frame, areas.typeOf(frame));
      areas.retype(frame, ISOLATE);
    }
  }

  /** Cuts a free run that reaches over the frame's pageblock along the pageblocks. */
  #cut(frame: number): void {
    const areas = this.#areas;
    const head = areas.headOf(frame);
    const order = areas.orderOf(head);
    if ((areas.state(head) & ~ORDER_MASK) !== Kind.FREE || order <= areas.blockOrder) return;
    areas.unlink(head, order);
    const size = 2 ** areas.blockOrder;
    for (let piece = head; piece < head + 2 ** order; piece += size) areas.push(piece, areas.blockOrder);
  }

  /** Gives the pageblocks their types back and merges the free runs again. */
  end(): void {
    const areas = this.#areas;
    for (const [frame, type] of this.#blocks) areas.retype(frame, type);
    for (let frame = this.#from; frame < this.#to && areas.has(frame); ) {
      const head = areas.headOf(frame);
      const state = areas.state(head);
      const order = state & ORDER_MASK;
      if ((state & ~ORDER_MASK) === Kind.FREE) {
        areas.unlink(head, order);
        areas.give(head, order);
      }
      // What was merged to the left is behind, what was merged to the right is passed over run by run.
      frame = state === Kind.RESERVED ? head + 1 : head + 2 ** order;
    }
  }
}
