import { type Address, HeapCorruptionError, type Memory } from "@heapwright/allocator";
import * as layout from "./layout.ts";
import { ISOLATE, Mobility } from "./mobility.ts";

// V8 folds constants of the module itself into its code, but loads an imported one at each use.
const { Header, Kind, NO_FRAME, ORDER_MASK, TYPES } = layout;

/** Types to take from when a type has no free run left, best first. Linux's `fallbacks`. */
const FALLBACKS: readonly (readonly number[])[] = [
  [Mobility.RECLAIMABLE, Mobility.MOVABLE],
  [Mobility.RECLAIMABLE, Mobility.UNMOVABLE],
  [Mobility.UNMOVABLE, Mobility.MOVABLE],
];

/**
 * The binary buddy system itself: free runs by order and by mobility type, split and merged. It speaks of frames (page
 * numbers), never of addresses, and keeps all of its state in the metadata (see layout.ts).
 *
 * What always holds between two calls:
 * - a run of order n begins at a multiple of 2^n frames, and runs do not overlap;
 * - a free run is on the list of its order and of the type of the pageblock in which it begins, and nowhere else;
 * - two buddies are never both free, below the greatest order (isolated pageblocks apart);
 * - a type's bitmap has the bit of an order exactly when that list is not empty.
 *
 * Knuth, The Art of Computer Programming 1, 2.5; Linux mm/page_alloc.
 */
export class FreeAreas {
  /** The memory of the metadata. */
  readonly meta: Memory;
  /** Where the metadata begins. */
  readonly at: Address;
  /** The memory that holds the links of free runs. */
  readonly links: Memory;
  /** The greatest order of a run. */
  readonly maxOrder: number;
  /** The order of a pageblock. */
  readonly blockOrder: number;
  /** The first frame of the range. */
  readonly first: number;
  readonly #linkShift: number;

  constructor(meta: Memory, at: Address, links: Memory) {
    this.meta = meta;
    this.at = at;
    this.links = links;
    this.maxOrder = meta.load32(at + Header.MAX_ORDER);
    this.blockOrder = meta.load32(at + Header.BLOCK_ORDER);
    this.first = meta.load32(at + Header.FIRST);
    this.#linkShift = meta.load32(at + Header.LINK_SHIFT);
  }

  /** Frames present. */
  get frames(): number {
    return this.meta.load32(this.at + Header.FRAMES);
  }
  /** Frames on the free lists. */
  get freeFrames(): number {
    return this.meta.load32(this.at + Header.FREE);
  }
  /** Whether the frame is one of those present. */
  has(frame: number): boolean {
    return (frame - this.first) >>> 0 < this.meta.load32(this.at + Header.FRAMES);
  }
  /** Kind and order of a frame that is present. */
  state(frame: number): number {
    return this.meta.load8(this.meta.load32(this.at + Header.STATES) + (frame - this.first));
  }
  /** Sets kind and order of a frame that is present. */
  setState(frame: number, state: number): void {
    this.meta.store8(this.meta.load32(this.at + Header.STATES) + (frame - this.first), state);
  }
  /** Where the links of a free run stand: next, and 4 bytes on previous. */
  link(frame: number): Address {
    return (this.meta.load32(this.at + Header.LINK_BASE) + ((frame - this.first) << this.#linkShift)) >>> 0;
  }
  /** The list of free runs of an order and type: its head frame, and 4 bytes on the number of runs. */
  area(order: number, type: number): Address {
    return this.at + Header.AREAS + (order * TYPES + type) * 8;
  }
  /** Number of free runs of exactly this order and type. */
  count(order: number, type: number): number {
    return this.meta.load32(this.area(order, type) + 4);
  }

  /** Number of pageblocks of a type. */
  blocks(type: number): number {
    return this.meta.load32(this.at + Header.BLOCK_COUNTS + type * 4);
  }

  #block(frame: number): Address {
    const index = (frame >>> this.blockOrder) - (this.first >>> this.blockOrder);
    return this.meta.load32(this.at + Header.BLOCKS) + index;
  }
  /** The mobility type of the pageblock that holds the frame. */
  typeOf(frame: number): number {
    return this.meta.load8(this.#block(frame));
  }
  /** Sets the type of the frame's pageblock. Free runs in it keep their list: see {@link FreeAreas.retype}. */
  #setType(frame: number, type: number): void {
    const { meta, at } = this;
    const old = at + Header.BLOCK_COUNTS + this.typeOf(frame) * 4;
    const now = at + Header.BLOCK_COUNTS + type * 4;
    meta.store32(old, meta.load32(old) - 1);
    meta.store32(now, meta.load32(now) + 1);
    meta.store8(this.#block(frame), type);
  }

  /** Puts a run on the free list of its order and of its pageblock's type. O(1). */
  push(frame: number, order: number): void {
    const { meta, links } = this;
    const type = this.typeOf(frame);
    const area = this.area(order, type);
    const head = meta.load32(area);
    const link = this.link(frame);
    links.store32(link, head);
    links.store32(link + 4, NO_FRAME);
    if (head === NO_FRAME) {
      const bitmap = this.at + Header.BITMAPS + type * 4;
      meta.store32(bitmap, meta.load32(bitmap) | (1 << order));
    } else {
      links.store32(this.link(head) + 4, frame);
    }
    meta.store32(area, frame);
    meta.store32(area + 4, meta.load32(area + 4) + 1);
    meta.store32(this.at + Header.FREE, meta.load32(this.at + Header.FREE) + (1 << order));
    this.setState(frame, Kind.FREE | order);
  }

  /**
   * Takes a run off its free list; its frame is left in state TAIL. O(1).
   *
   * The links may stand in the managed memory, where a stray store can spoil them: both neighbours must be what they
   * should before they are followed.
   */
  unlink(frame: number, order: number): void {
    const { meta, links } = this;
    const type = this.typeOf(frame);
    const area = this.area(order, type);
    const link = this.link(frame);
    const next = links.load32(link);
    const previous = links.load32(link + 4);
    const state = Kind.FREE | order;
    if (
      previous === NO_FRAME
        ? meta.load32(area) !== frame
        : !this.has(previous) || this.state(previous) !== state
    ) {
      throw new HeapCorruptionError(
        link + 4,
        `free run at frame ${frame}, order ${order}: previous link is corrupted`,
      );
    }
    if (next !== NO_FRAME && (!this.has(next) || this.state(next) !== state)) {
      throw new HeapCorruptionError(
        link,
        `free run at frame ${frame}, order ${order}: next link is corrupted`,
      );
    }
    if (previous === NO_FRAME) meta.store32(area, next);
    else links.store32(this.link(previous), next);
    if (next !== NO_FRAME) links.store32(this.link(next) + 4, previous);
    else if (previous === NO_FRAME) {
      const bitmap = this.at + Header.BITMAPS + type * 4;
      meta.store32(bitmap, meta.load32(bitmap) & ~(1 << order));
    }
    meta.store32(area + 4, meta.load32(area + 4) - 1);
    meta.store32(this.at + Header.FREE, meta.load32(this.at + Header.FREE) - (1 << order));
    this.setState(frame, Kind.TAIL);
  }

  /**
   * Takes a run of `2^order` frames for the type: the smallest that fits, its unused upper halves given back one by
   * one. Linux's `__rmqueue`. O(orders), but for a change of a pageblock's type.
   *
   * @returns the first frame, in state TAIL, or -1.
   */
  take(order: number, type: number): number {
    const bits = (this.meta.load32(this.at + Header.BITMAPS + type * 4) >>> order) << order;
    if (bits === 0) return this.#takeElsewhere(order, type);
    return this.#takeFrom(31 - Math.clz32(bits & -bits), order, type);
  }

  #takeFrom(found: number, order: number, type: number): number {
    const frame = this.meta.load32(this.area(found, type));
    this.unlink(frame, found);
    for (let half = found - 1; half >= order; half--) this.push(frame + (1 << half), half);
    return frame;
  }

  /**
   * Takes from another type's lists, largest runs first: whoever must intrude should do it once, in a large run, and
   * make the whole pageblock his own when at least half of it is free or of his kind. Linux's `__rmqueue_fallback`.
   */
  #takeElsewhere(order: number, type: number): number {
    if (type === ISOLATE) return -1;
    const { meta, at } = this;
    for (let found = this.maxOrder; found >= order; found--) {
      for (const other of FALLBACKS[type]!) {
        if (((meta.load32(at + Header.BITMAPS + other * 4) >>> found) & 1) === 0) continue;
        const frame = meta.load32(this.area(found, other));
        if (found >= this.blockOrder) return this.#claim(found, order, other, type);
        // A single page can be moved later: a movable request takes the smallest run and leaves the block's type.
        if (type === Mobility.MOVABLE && found > order && found < this.blockOrder >>> 1) continue;
        if (this.#usable(frame, type) >= 2 ** (this.blockOrder - 1)) {
          this.retype(frame, type);
          return this.#takeFrom(this.orderOf(frame), order, type);
        }
        return this.#takeFrom(found, order, other);
      }
    }
    return type === Mobility.MOVABLE ? this.#takeSmallest(order) : -1;
  }

  /** Takes whole pageblocks over from another type, no more of them than the run needs. */
  #claim(found: number, order: number, from: number, type: number): number {
    const claimed = Math.max(order, this.blockOrder);
    const frame = this.#takeFrom(found, claimed, from);
    for (let i = frame; i < frame + 2 ** claimed; i += 2 ** this.blockOrder) this.#setType(i, type);
    this.push(frame, claimed);
    return this.#takeFrom(claimed, order, type);
  }

  #takeSmallest(order: number): number {
    for (let found = order; found <= this.maxOrder; found++) {
      for (const other of FALLBACKS[Mobility.MOVABLE]!) {
        if (this.count(found, other) > 0) return this.#takeFrom(found, order, other);
      }
    }
    return -1;
  }

  /** Order of the run whose head the frame is. */
  orderOf(frame: number): number {
    return this.state(frame) & ORDER_MASK;
  }

  /** Frames of the frame's pageblock that are free or live with the mobility that `type` stands for. */
  #usable(frame: number, type: number): number {
    let usable = 0;
    const movable = type === Mobility.MOVABLE;
    const [from, to] = this.blockBounds(frame);
    for (let at = from; at < to; ) {
      const state = this.state(at);
      const kind = state & ~ORDER_MASK;
      const length = kind === Kind.TAIL || kind === Kind.RESERVED ? 1 : 2 ** (state & ORDER_MASK);
      if (kind === Kind.FREE || (kind === Kind.LIVE_MOVABLE) === movable) usable += length;
      at += length;
    }
    return usable;
  }

  /** The frames of the frame's pageblock that are present: `[from, to)`. */
  blockBounds(frame: number): readonly [from: number, to: number] {
    const start = (frame >>> this.blockOrder) * 2 ** this.blockOrder;
    return [Math.max(start, this.first), Math.min(start + 2 ** this.blockOrder, this.first + this.frames)];
  }

  /** Changes the type of the frame's pageblock and moves its free runs to the lists of the new type. O(pageblock). */
  retype(frame: number, type: number): void {
    const [from, to] = this.blockBounds(frame);
    const moved: number[] = [];
    for (let at = from; at < to; ) {
      const state = this.state(at);
      const order = state & ORDER_MASK;
      if ((state & ~ORDER_MASK) === Kind.FREE) {
        this.unlink(at, order);
        moved.push(at, order);
        at += 2 ** order;
      } else at++;
    }
    this.#setType(frame, type);
    for (let i = moved.length - 2; i >= 0; i -= 2) this.push(moved[i]!, moved[i + 1]!);
  }

  /**
   * Gives a run back, merging it with its buddy as long as that is free. Linux's `__free_one_page`. O(orders).
   *
   * The frame's state is overwritten; the caller has checked it.
   */
  give(frame: number, order: number): void {
    const { meta, at, first, maxOrder, blockOrder } = this;
    const frames = meta.load32(at + Header.FRAMES);
    const states = meta.load32(at + Header.STATES) - first;
    let head = frame;
    let merged = order;
    meta.store8(states + frame, Kind.TAIL);
    while (merged < maxOrder) {
      const buddy = (head ^ (1 << merged)) >>> 0;
      if ((buddy - first) >>> 0 >= frames || meta.load8(states + buddy) !== (Kind.FREE | merged)) break;
      // An isolated pageblock keeps to itself, so that nothing of it is handed out through a neighbour.
      if (merged >= blockOrder && (this.typeOf(buddy) === ISOLATE) !== (this.typeOf(head) === ISOLATE)) break;
      this.unlink(buddy, merged);
      if (buddy < head) head = buddy;
      merged++;
    }
    this.push(head, merged);
  }

  /** Gives back any range of frames as the largest aligned runs it consists of. */
  giveRange(from: number, to: number): void {
    for (let frame = from; frame < to; ) {
      const order = this.largestPiece(frame, to);
      this.give(frame, order);
      frame += 2 ** order;
    }
  }

  /** The order of the largest aligned run that begins at `frame` and ends by `to`. */
  largestPiece(frame: number, to: number): number {
    const byLength = 31 - Math.clz32(to - frame);
    const byAlignment = frame === 0 ? 31 : 31 - Math.clz32(frame & -frame);
    return Math.min(byLength, byAlignment, this.maxOrder);
  }

  /** Takes on new frames at the end, the first of which are never handed out. The tables must have room for all. */
  extend(frames: number, reserved: number): void {
    const { meta, at, first } = this;
    const from = first + this.frames;
    const states = meta.load32(at + Header.STATES) - first;
    meta.store32(at + Header.FRAMES, this.frames + frames);
    meta.fill(states + from, reserved, Kind.RESERVED);
    meta.fill(states + from + reserved, frames - reserved, Kind.TAIL);
    this.#countBlocks(from, from + frames);
    this.giveRange(from + reserved, from + frames);
  }

  /** Frees frames that were reserved. */
  release(from: number, to: number): void {
    const { meta, at, first } = this;
    meta.fill(meta.load32(at + Header.STATES) + (from - first), to - from, Kind.TAIL);
    this.giveRange(from, to);
  }

  /** Forgets the last frames, which must be free and not on any list. */
  truncate(frames: number): void {
    const { meta, at, first, blockOrder } = this;
    const end = first + this.frames;
    const kept = frames === this.frames ? (first >>> blockOrder) - 1 : (end - frames - 1) >>> blockOrder;
    for (let block = (end - 1) >>> blockOrder; block > kept; block--) {
      const count = at + Header.BLOCK_COUNTS + this.typeOf(block * 2 ** blockOrder) * 4;
      meta.store32(count, meta.load32(count) - 1);
    }
    meta.store32(at + Header.FRAMES, this.frames - frames);
  }

  /** Pageblocks that begin to exist with the frames `[from, to)` are movable, as all are in the beginning. */
  #countBlocks(from: number, to: number): void {
    const { meta, at, first, blockOrder } = this;
    const before = from === first ? from >>> blockOrder : ((from - 1) >>> blockOrder) + 1;
    const after = ((to - 1) >>> blockOrder) + 1;
    const count = at + Header.BLOCK_COUNTS + Mobility.MOVABLE * 4;
    for (let block = before; block < after; block++) {
      meta.store8(this.#block(block * 2 ** blockOrder), Mobility.MOVABLE);
    }
    meta.store32(count, meta.load32(count) + Math.max(after - before, 0));
  }

  /**
   * Takes the frames `[from, to)`, which must all be free, off the lists; what the runs around the edges have outside
   * is given back. All are left in state TAIL.
   */
  takeRange(from: number, to: number): void {
    for (let frame = from; frame < to; ) {
      const head = this.headOf(frame);
      const order = this.orderOf(head);
      this.unlink(head, order);
      this.giveRange(head, Math.max(head, from));
      this.giveRange(to, Math.max(head + 2 ** order, to));
      frame = head + 2 ** order;
    }
  }

  /** Where the frames that are free up to the end of the range begin. */
  freeTail(): number {
    let tail = this.first + this.frames;
    while (tail > this.first) {
      const head = this.headOf(tail - 1);
      if ((this.state(head) & ~ORDER_MASK) !== Kind.FREE) break;
      tail = head;
    }
    return tail;
  }

  /** Makes a run longer by the free runs that follow it, so that it has order `to`. O(orders). Returns whether it could. */
  mergeUp(frame: number, from: number, to: number): boolean {
    if (to > this.maxOrder || frame % 2 ** to !== 0) return false;
    for (let order = from; order < to; order++) {
      const next = frame + 2 ** order;
      if (!this.has(next) || this.state(next) !== (Kind.FREE | order)) return false;
    }
    for (let order = from; order < to; order++) this.unlink(frame + 2 ** order, order);
    return true;
  }

  /** The head of the run that holds the frame; the frame itself when it is RESERVED. O(orders). */
  headOf(frame: number): number {
    for (let order = 0; order <= this.maxOrder; order++) {
      const head = ((frame >>> order) << order) >>> 0;
      if (!this.has(head)) break;
      const state = this.state(head);
      if (state !== Kind.TAIL && (state & ORDER_MASK) >= order) return head;
    }
    throw new HeapCorruptionError(frame, `frame ${frame} belongs to no run`);
  }
}
