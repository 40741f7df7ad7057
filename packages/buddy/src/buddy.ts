import {
  type Address,
  DoubleFreeError,
  InvalidArgumentError,
  InvalidPointerError,
  type Memory,
  NULL,
  type PageAllocator,
  type PageSource,
} from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import {
  batchFor,
  expectFormat,
  expectInteger,
  expectPageShift,
  format,
  type Geometry,
  metadataBytes,
  metadataEnd,
  moveTables,
  tableBytes,
} from "./areas/format.ts";
import { FreeAreas } from "./areas/free-areas.ts";
import * as layout from "./areas/layout.ts";
import { Mobility } from "./areas/mobility.ts";
import { PerCpuLists } from "./areas/per-cpu-lists.ts";
import { BreakRoom, GrowingRoom, type Room } from "./areas/room.ts";

const { Header, Kind, ORDER_MASK } = layout;
// V8 folds constants of the module itself into its code, but loads an imported one at each use.
const { ASKED_TYPES, CACHED_ORDERS } = layout;
const { CACHED, LIVE, LIVE_MOVABLE } = Kind;
const { MOVABLE } = Mobility;
/** The bit in which LIVE and LIVE_MOVABLE differ. */
const LIVE_BIT = LIVE ^ LIVE_MOVABLE;
const STATES = Header.STATES >>> 2;
const FRAMES = Header.FRAMES >>> 2;
const BLOCKS = Header.BLOCKS >>> 2;

/** What can be chosen for a {@link Buddy}. All sizes and addresses are bytes. */
export interface BuddyOptions {
  /** Where the managed range begins; the metadata stands there, unless it is outside. 0 unless given. */
  readonly start?: Address;
  /** Where it ends. The memory grows up to there when runs are asked for; its maximum unless given. */
  readonly end?: Address;
  /** A power of two, 16 to 2^30; 4096 unless given. */
  readonly pageSize?: number;
  /** The greatest order, 0 to 30; 10 unless given (runs of 4 MiB, as in Linux). */
  readonly maxOrder?: number;
  /** The order of a pageblock, whose runs are kept of one mobility: 0 to `maxOrder`; at most 9 unless given. */
  readonly pageblockOrder?: number;
  /** Number of per-CPU page lists, 1 to 1024; 1 unless given. */
  readonly cpus?: number;
  /** Pages that move between a per-CPU list and the free areas at a time; 1 to 63 by size unless given. */
  readonly batch?: number;
  /** Pages that a per-CPU list keeps at most; six batches unless given, 0 for no lists. */
  readonly high?: number;
  /**
   * A memory for the metadata, when it shall stand outside the managed one: the managed memory is never touched then,
   * not even where it is free. 9 bytes a page.
   */
  readonly metadata?: Memory;
  /** Where in `metadata`: a multiple of 8, 0 unless given. */
  readonly metadataAt?: Address;
}

/**
 * A buddy system over a range of memory: naturally aligned runs of `2^order` pages, split in halves when they are
 * handed out and merged with their buddies when they come back. One Linux zone.
 *
 * ```
 *   start           first page                                       end
 *   | metadata ...  | order 0 | 0 | order 1   | order 2               |
 *                     ^ a run of order n begins at a multiple of 2^n pages
 * ```
 *
 * Runs of the orders 0 to 3 go through per-CPU lists: such an allocation or free is a pop or a push of a list. All
 * state stands in the metadata, so that a memory, shared or saved, can be attached to; several workers must not call
 * it at once without a lock.
 *
 * Misuse found: an address that begins no run, a double free, a free with another order, the interior of a run, an
 * address of elsewhere. Metadata: 1 byte a page in the memory, 9 bytes a page outside it.
 *
 * @example
 * ```ts
 * import { Buddy } from "@heapwright/buddy";
 * import { LinearMemory } from "@heapwright/heap-memory";
 *
 * const buddy = Buddy.create(LinearMemory.fixed(16 * 2 ** 20));
 * const run = buddy.allocatePages(3); // 8 pages of 4 KiB, at a multiple of 32 KiB
 * buddy.freePages(run, 3);
 * ```
 */
export class Buddy implements PageAllocator {
  /** The managed memory. */
  readonly memory: Memory;
  readonly pageSize: number;
  readonly maxOrder: number;
  /** Number of per-CPU lists. */
  readonly cpus: number;
  /** The free areas by order. For inspection and for extensions of the family; frames, not addresses. */
  readonly areas: FreeAreas;
  /** The per-CPU lists in front of the areas. */
  readonly lists: PerCpuLists;
  readonly #shift: number;
  readonly #cachedOrders: number;
  // For the fast halves of allocateOn and freeOn: the metadata's views, when it stands in a linear memory, renewed as
  // it grows, and places in them as indices of words. No orders are fast elsewhere.
  readonly #fastOrders: number;
  #words: Uint32Array;
  #bytes: Uint8Array;
  readonly #header: number;
  readonly #lists: number;
  readonly #listShift: number;
  readonly #high: number;
  readonly #first: number;
  readonly #blockOrder: number;
  readonly #firstBlock: number;

  readonly #room: Room;

  private constructor(memory: Memory, room: Room, meta: Memory, at: Address) {
    this.memory = memory;
    this.#room = room;
    this.areas = new FreeAreas(meta, at, meta.load32(at + Header.LINK_SHIFT) === 3 ? meta : memory);
    this.lists = new PerCpuLists(this.areas);
    this.#shift = meta.load32(at + Header.PAGE_SHIFT);
    this.pageSize = 2 ** this.#shift;
    this.maxOrder = this.areas.maxOrder;
    this.cpus = meta.load32(at + Header.CPUS);
    this.#high = meta.load32(at + Header.HIGH);
    this.#cachedOrders = this.#high === 0 ? 0 : Math.min(CACHED_ORDERS, this.maxOrder + 1);
    this.#header = at >>> 2;
    this.#lists = this.lists.base >>> 2;
    this.#listShift = this.lists.listShift;
    this.#first = this.areas.first;
    this.#blockOrder = this.areas.blockOrder;
    this.#firstBlock = this.#first >>> this.#blockOrder;
    const linear = meta instanceof LinearMemory ? meta : undefined;
    this.#fastOrders = linear === undefined ? 0 : this.#cachedOrders;
    this.#words = linear?.words ?? new Uint32Array();
    this.#bytes = linear?.bytes ?? new Uint8Array();
    linear?.onGrow(() => {
      this.#words = linear.words;
      this.#bytes = linear.bytes;
    });
  }

  /**
   * Lays out a new buddy system over a range of a memory.
   *
   * @throws InvalidArgumentError when an option is out of range, or the range leaves room for no page.
   */
  static create(memory: Memory, options: BuddyOptions = {}): Buddy {
    const geometry = geometryOf(options);
    const start = expectInteger("start", options.start ?? 0, 0, 2 ** 32);
    const end = expectInteger("end", options.end ?? memory.maxByteLength, start, memory.maxByteLength);
    const pageSize = 2 ** geometry.pageShift;
    const meta = options.metadata ?? memory;
    const at = options.metadata ? (options.metadataAt ?? 0) : Math.ceil(start / 8) * 8;
    if (at % 8 !== 0 || at < 0) throw new InvalidArgumentError("metadataAt", at, "a multiple of 8");
    const last = Math.floor(end / pageSize);
    // Metadata in the memory pushes the first page up; it is sized for all pages from `start` on, a few too many.
    let first = Math.max(Math.ceil(start / pageSize), 1);
    const sized = (): Geometry => withFrames(geometry, first, last - first, last - first, options);
    if (first < last && meta === memory)
      first = Math.max(Math.ceil((at + metadataBytes(sized())) / pageSize), first);
    if (first >= last) {
      throw new InvalidArgumentError("end", end, "the end of a range with room for the metadata and a page");
    }
    const bytes = metadataBytes(sized());
    if (!meta.grow(at + bytes))
      throw new InvalidArgumentError("metadataAt", at, `followed by ${bytes} bytes`);
    format(meta, at, sized());
    const buddy = new Buddy(memory, new GrowingRoom(memory), meta, at);
    const present = Math.min(Math.floor(memory.byteLength / pageSize), last) - first;
    if (present > 0) buddy.areas.extend(present, 0);
    return buddy;
  }

  /**
   * Lays out a new buddy system on a break that moves: it takes what it needs by `sbrk`, and its tables move to larger
   * places as it grows. `start`, `end` and `metadata` of the options do not apply.
   *
   * @throws InvalidArgumentError when an option is out of range, or the source cannot give the first few pages.
   */
  static over(source: PageSource, options: BuddyOptions = {}): Buddy {
    const geometry = geometryOf(options);
    const pageSize = 2 ** geometry.pageShift;
    const at = Math.ceil(source.sbrk(0) / 8) * 8;
    const sized = (first: number): Geometry =>
      withFrames(geometry, first, FIRST_CAPACITY, 2 ** (32 - geometry.pageShift) - first, options);
    const first = Math.max(Math.ceil((at + metadataBytes(sized(1))) / pageSize), 1);
    const room = new BreakRoom(source);
    if (!room.reach(first * pageSize)) {
      throw new InvalidArgumentError(
        "source",
        "an exhausted one",
        `a source of ${first * pageSize - at} bytes`,
      );
    }
    format(source.memory, at, sized(first));
    return new Buddy(source.memory, room, source.memory, at);
  }

  /**
   * Finds the buddy system that {@link Buddy.create} laid out in a memory, in another worker or a restored image.
   *
   * @param at Where its metadata stands: the `start` of `create` rounded up to 8, or its `metadataAt`.
   * @param metadata The memory of the metadata when it stands outside.
   * @throws AttachError when no buddy system of this version stands there.
   */
  static attach(memory: Memory, at: Address = 0, metadata: Memory = memory): Buddy {
    expectFormat(metadata, at);
    return new Buddy(memory, new GrowingRoom(memory), metadata, at);
  }

  /** As {@link Buddy.attach}, for one that {@link Buddy.over} laid out; `at` is its {@link Buddy.at}. */
  static attachOver(source: PageSource, at: Address): Buddy {
    expectFormat(source.memory, at);
    return new Buddy(source.memory, new BreakRoom(source), source.memory, at);
  }

  /** Where the metadata stands. */
  get at(): Address {
    return this.areas.at;
  }

  /** The first byte after the metadata as it stands now, a multiple of 8. */
  get metadataEnd(): Address {
    return metadataEnd(this.areas.meta, this.areas.at);
  }

  allocatePages(order: number): Address {
    return this.allocateOn(0, Mobility.UNMOVABLE, order);
  }

  freePages(address: Address, order: number): void {
    this.freeOn(0, address, order);
  }

  /**
   * As {@link Buddy.allocatePages}, on a CPU and with a mobility.
   *
   * @param cpu Whose list to use: 0 to `cpus - 1`. Not checked.
   * @param mobility What can become of the run while it is live. Not checked.
   * @returns the address, or `NULL` when there is no such run, even after draining all lists and growing the memory.
   * @throws InvalidArgumentError when `order` is negative or fractional.
   */
  allocateOn(cpu: number, mobility: Mobility, order: number): Address {
    // A list hit: four loads, three stores, no call. Everything else is in the slow half.
    if (order >>> 0 === order && order < this.#fastOrders) {
      const words = this.#words;
      const list = this.#list(cpu, order, mobility);
      const length = words[list]!;
      if (length !== 0) {
        const frame = words[(list + length) >>> 0]!;
        words[list] = length - 1;
        const state = (mobility === MOVABLE ? LIVE_MOVABLE : LIVE) | order;
        this.#bytes[(words[this.#header + STATES]! + frame - this.#first) >>> 0] = state;
        return (frame << this.#shift) >>> 0;
      }
    }
    // `>>> 0` tells V8 that both ways give an integer.
    return this.#allocateSlowly(cpu, mobility, order) >>> 0;
  }

  /** Where a list stands among the words. `imul` and `>>> 0` spare V8 the checks for overflow. */
  #list(cpu: number, order: number, type: number): number {
    const index = Math.imul(Math.imul(cpu, CACHED_ORDERS) + order, ASKED_TYPES) + type;
    return (this.#lists + (index << this.#listShift)) >>> 0;
  }

  #allocateSlowly(cpu: number, mobility: Mobility, order: number): Address {
    if (!Number.isInteger(order) || order < 0)
      throw new InvalidArgumentError("order", order, "an integer, 0 or more");
    if (order > this.maxOrder) return NULL;
    let frame =
      order < this.#cachedOrders ? this.lists.pop(cpu, order, mobility) : this.areas.take(order, mobility);
    if (frame < 0) frame = this.#takeHard(order, mobility);
    if (frame < 0) return NULL;
    this.areas.setState(frame, (mobility === Mobility.MOVABLE ? Kind.LIVE_MOVABLE : Kind.LIVE) | order);
    return (frame << this.#shift) >>> 0;
  }

  /** The areas have no such run: merge what the lists hold back, then grow. */
  #takeHard(order: number, mobility: Mobility): number {
    this.drain();
    const frame = this.areas.take(order, mobility);
    return frame < 0 && this.#grow(order) ? this.areas.take(order, mobility) : frame;
  }

  /**
   * As {@link Buddy.freePages}, to the list of a CPU.
   *
   * @param cpu Whose list to use: 0 to `cpus - 1`, not necessarily the one it came from. Not checked.
   */
  freeOn(cpu: number, address: Address, order: number): void {
    // Room on the list: six loads, three stores, no call, and the checks that find every misuse.
    if (order >>> 0 === order && order < this.#fastOrders) {
      const words = this.#words;
      const bytes = this.#bytes;
      const frame = address >>> this.#shift;
      const index = (frame - this.#first) >>> 0;
      const state = (words[this.#header + STATES]! + index) >>> 0;
      if (
        (frame << this.#shift) >>> 0 === address &&
        index < words[this.#header + FRAMES]! &&
        (bytes[state]! & ~LIVE_BIT) === (LIVE | order)
      ) {
        const block = (frame >>> this.#blockOrder) - this.#firstBlock;
        const type = bytes[(words[this.#header + BLOCKS]! + block) >>> 0]!;
        const list = this.#list(cpu, order, type);
        const length = (words[list]! + 1) >>> 0;
        if (type < ASKED_TYPES && length << order <= this.#high) {
          bytes[state] = CACHED | order;
          words[(list + length) >>> 0] = frame;
          words[list] = length;
          return;
        }
      }
    }
    this.#freeSlowly(cpu, address, order);
  }

  #freeSlowly(cpu: number, address: Address, order: number): void {
    const frame = this.frameOf(address);
    const valid = order >>> 0 === order && order <= this.maxOrder;
    if (!valid || (this.areas.state(frame) & ~LIVE_BIT) !== (Kind.LIVE | order)) this.#misuse(address, order);
    if (order < this.#cachedOrders) this.lists.push(cpu, frame, order);
    else this.areas.give(frame, order);
  }

  /** Says what is wrong with a free. */
  #misuse(address: Address, order: number): never {
    const frame = this.frameOf(address);
    const state = this.areas.state(frame);
    const kind = state & ~ORDER_MASK;
    if (kind === Kind.LIVE || kind === Kind.LIVE_MOVABLE) {
      throw new InvalidPointerError(address, `was handed out with order ${state & ORDER_MASK}, not ${order}`);
    }
    if (kind === Kind.EXACT)
      throw new InvalidPointerError(address, "was handed out as an exact number of pages");
    this.expectBegin(frame, address);
    throw new InvalidPointerError(address, "begins no run");
  }

  /**
   * The frame that begins at an address.
   *
   * @throws InvalidPointerError when it is no address of a page of this range.
   */
  frameOf(address: Address): number {
    const frame = address >>> this.#shift;
    if (address >>> 0 !== address) throw new InvalidPointerError(address, "is no address");
    if ((frame << this.#shift) >>> 0 !== address) {
      throw new InvalidPointerError(address, `is not a multiple of the page size, ${this.pageSize}`);
    }
    if (!this.areas.has(frame)) throw new InvalidPointerError(address, "is no page of this range");
    return frame;
  }

  /**
   * Says whether what begins at a frame can be given back at all.
   *
   * @throws DoubleFreeError when the frame is free; InvalidPointerError when it begins no live run.
   */
  expectBegin(frame: number, address: Address): void {
    const head = this.areas.headOf(frame);
    const kind = this.areas.state(head) & ~ORDER_MASK;
    if (kind === Kind.FREE || kind === Kind.CACHED) throw new DoubleFreeError(address);
    if (kind === Kind.RESERVED) throw new InvalidPointerError(address, "is a page that is never handed out");
    if (head !== frame || kind === Kind.MORE) throw new InvalidPointerError(address, "lies inside a run");
  }

  /** Gives all runs of all per-CPU lists back to the free areas. Linux's `drain_all_pages`. */
  drain(): void {
    for (let cpu = 0; cpu < this.cpus; cpu++) this.lists.drain(cpu);
  }

  /** The address of a frame. */
  addressOf(frame: number): Address {
    return (frame << this.#shift) >>> 0;
  }

  /** The order of the live run that begins at `address`, or -1 when none does. Never throws. */
  liveOrder(address: Address): number {
    const frame = address >>> this.#shift;
    if ((frame << this.#shift) >>> 0 !== address || !this.areas.has(frame)) return -1;
    const state = this.areas.state(frame);
    const kind = state & ~ORDER_MASK;
    return kind === Kind.LIVE || kind === Kind.LIVE_MOVABLE ? state & ORDER_MASK : -1;
  }

  /**
   * Makes the range longer until it ends with a free run of the order. New tables, when the old ones are full, come
   * first in what is new; the old ones become free pages.
   */
  #grow(order: number): boolean {
    const { areas, pageSize } = this;
    const { meta, at, first, blockOrder } = areas;
    const size = 2 ** order;
    const end = first + areas.frames;
    const start = Math.max(Math.ceil(this.#room.next(end * pageSize) / pageSize), end);
    const oldCapacity = meta.load32(at + Header.CAPACITY);
    const limit = meta.load32(at + Header.LIMIT);
    const roundUp = (frame: number): number => Math.ceil(frame / size) * size + size;
    let target = roundUp(start === end ? areas.freeTail() : start);
    let capacity = oldCapacity;
    let tablePages = 0;
    if (target - first > oldCapacity) {
      if (oldCapacity === limit) return false;
      capacity = Math.min(2 * (target - first) + 64, limit);
      tablePages = Math.ceil(tableBytes(first, capacity, blockOrder) / pageSize);
      target = roundUp(start + tablePages);
      if (target - first > capacity) return false;
    }
    // By 64 KiB when there is room, so that a heap of small pages does not ask for each of them.
    const step = Math.max(65536 / pageSize, 1);
    const far = Math.min(Math.ceil(target / step) * step, first + capacity);
    if (this.#room.reach(far * pageSize)) target = far;
    else if (!this.#room.reach(target * pageSize)) return false;
    if (tablePages > 0) {
      const old = meta.load32(at + Header.BLOCKS) / pageSize;
      moveTables(meta, at, start * pageSize, capacity);
      areas.extend(target - end, start - end + tablePages);
      if (old >= first)
        areas.release(old, old + Math.ceil(tableBytes(first, oldCapacity, blockOrder) / pageSize));
    } else {
      areas.extend(target - end, start - end);
    }
    return true;
  }

  /**
   * Gives free pages at the end of the range back to the break that they came from.
   *
   * @param keep Bytes of free pages to keep there.
   * @returns the bytes given back: 0 when the range does not lie on a break, or another's memory follows it.
   */
  trim(keep: number): number {
    const { areas, pageSize } = this;
    this.drain();
    const end = areas.first + areas.frames;
    const kept = Math.min(areas.freeTail() + Math.ceil(keep / pageSize), end);
    if (kept === end || this.#room.next(end * pageSize) !== end * pageSize) return 0;
    // The tail must be off the lists before its memory goes: its links stand in it.
    areas.takeRange(kept, end);
    if (!this.#room.retreat(kept * pageSize)) {
      areas.giveRange(kept, end);
      return 0;
    }
    areas.truncate(end - kept);
    return (end - kept) * pageSize;
  }

  /** Bytes from the beginning of the range, the metadata in it included, to its end. */
  footprint(): number {
    const { areas, pageSize } = this;
    const end = (areas.first + areas.frames) * pageSize;
    return end - (areas.meta === this.memory ? areas.at : areas.first * pageSize);
  }
}

/** Frames that the first tables of a range on a break have room for. */
const FIRST_CAPACITY = 1024;

type Fixed = Pick<Geometry, "pageShift" | "maxOrder" | "blockOrder" | "cpus" | "external">;

const geometryOf = (options: BuddyOptions): Fixed => {
  const pageShift = expectPageShift(options.pageSize ?? 4096, 16);
  const maxOrder = expectInteger("maxOrder", options.maxOrder ?? 10, 0, 30);
  const cpus = expectInteger("cpus", options.cpus ?? 1, 1, 1024);
  const blockOrder = expectInteger(
    "pageblockOrder",
    options.pageblockOrder ?? Math.min(9, maxOrder),
    0,
    maxOrder,
  );
  return { pageShift, maxOrder, blockOrder, cpus, external: options.metadata !== undefined };
};

const withFrames = (
  fixed: Fixed,
  first: number,
  capacity: number,
  limit: number,
  options: BuddyOptions,
): Geometry => {
  const batch = expectInteger("batch", options.batch ?? batchFor(capacity), 1, 2 ** 16);
  const high = expectInteger("high", options.high ?? 6 * batch, 0, 2 ** 20);
  return { ...fixed, first, capacity, limit, batch, high };
};
