import {
  type Address,
  DoubleFreeError,
  InvalidArgumentError,
  InvalidPointerError,
  type Memory,
  NULL,
  type PageAllocator,
} from "@heapwright/allocator";
import { batchFor, expectFormat, expectInteger, expectPageShift, format, metadataBytes } from "./format.ts";
import { FreeAreas } from "./free-areas.ts";
import { CACHED_ORDERS, Header, Kind, ORDER_MASK } from "./layout.ts";
import { Mobility } from "./mobility.ts";
import { PerCpuLists } from "./per-cpu-lists.ts";

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

  private constructor(memory: Memory, meta: Memory, at: Address) {
    this.memory = memory;
    this.areas = new FreeAreas(meta, at, meta.load32(at + Header.LINK_SHIFT) === 3 ? meta : memory);
    this.lists = new PerCpuLists(this.areas);
    this.#shift = meta.load32(at + Header.PAGE_SHIFT);
    this.pageSize = 2 ** this.#shift;
    this.maxOrder = this.areas.maxOrder;
    this.cpus = meta.load32(at + Header.CPUS);
    this.#cachedOrders = meta.load32(at + Header.HIGH) === 0 ? 0 : CACHED_ORDERS;
  }

  /**
   * Lays out a new buddy system.
   *
   * @throws InvalidArgumentError when an option is out of range, or the range leaves room for no page.
   */
  static create(memory: Memory, options: BuddyOptions = {}): Buddy {
    const pageShift = expectPageShift(options.pageSize ?? 4096, 16);
    const maxOrder = expectInteger("maxOrder", options.maxOrder ?? 10, 0, 30);
    const start = expectInteger("start", options.start ?? 0, 0, 2 ** 32);
    const end = expectInteger("end", options.end ?? memory.maxByteLength, start, memory.maxByteLength);
    const external = options.metadata !== undefined;
    const meta = options.metadata ?? memory;
    const at = external
      ? expectInteger("metadataAt", options.metadataAt ?? 0, 0, 2 ** 32)
      : Math.ceil(start / 8) * 8;
    if (at % 8 !== 0) throw new InvalidArgumentError("metadataAt", at, "a multiple of 8");
    const pageSize = 2 ** pageShift;
    const last = Math.floor(end / pageSize);
    const geometryFrom = (first: number): Parameters<typeof format>[2] => {
      const batch = expectInteger("batch", options.batch ?? batchFor(last - first), 1, 2 ** 16);
      const high = expectInteger("high", options.high ?? 6 * batch, 0, 2 ** 20);
      const cpus = expectInteger("cpus", options.cpus ?? 1, 1, 1024);
      const blockOrder = Math.min(9, maxOrder);
      return { pageShift, maxOrder, blockOrder, first, capacity: last - first, cpus, batch, high, external };
    };
    // Metadata in the memory pushes the first page up; it is sized for all pages from the start, a little too many.
    let first = Math.max(Math.ceil(start / pageSize), 1);
    const room = "a range with room for the metadata and a page";
    if (first >= last) throw new InvalidArgumentError("end", end, room);
    const bytes = metadataBytes(geometryFrom(first));
    if (!external) first = Math.max(Math.ceil((at + bytes) / pageSize), 1);
    if (first >= last) throw new InvalidArgumentError("end", end, room);
    if (!meta.grow(at + bytes))
      throw new InvalidArgumentError("metadataAt", at, `followed by ${bytes} bytes`);
    format(meta, at, geometryFrom(first));
    const buddy = new Buddy(memory, meta, at);
    const present = Math.min(Math.floor(memory.byteLength / pageSize), last) - first;
    if (present > 0) buddy.areas.extend(present);
    return buddy;
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
    return new Buddy(memory, metadata, at);
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
   * @param mobility What can become of the run while it is live.
   * @returns the address, or `NULL` when there is no such run, even after draining all lists and growing the memory.
   * @throws InvalidArgumentError when `order` is negative or fractional.
   */
  allocateOn(cpu: number, mobility: Mobility, order: number): Address {
    if (order >>> 0 !== order) throw new InvalidArgumentError("order", order, "an integer, 0 or more");
    let frame =
      order < this.#cachedOrders
        ? this.lists.pop(cpu, order, mobility)
        : order <= this.maxOrder
          ? this.areas.take(order, mobility)
          : -1;
    if (frame < 0) {
      frame = order <= this.maxOrder ? this.#takeHard(order, mobility) : -1;
      if (frame < 0) return NULL;
    }
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
    const frame = address >>> this.#shift;
    if ((frame << this.#shift) >>> 0 !== address || !this.areas.has(frame)) this.#misuse(address, order);
    const state = this.areas.state(frame);
    if (state !== (Kind.LIVE | order) && state !== (Kind.LIVE_MOVABLE | order)) this.#misuse(address, order);
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

  /** Throws when the frame does not begin a live run or is free. */
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

  /** Makes the range longer until it ends with a free run of the order. */
  #grow(order: number): boolean {
    const { areas, memory } = this;
    const end = areas.first + areas.frames;
    let tail = end;
    while (tail > areas.first) {
      const head = areas.headOf(tail - 1);
      if ((areas.state(head) & ~ORDER_MASK) !== Kind.FREE) break;
      tail = head;
    }
    const size = 2 ** order;
    const target = (Math.ceil(tail / size) + 1) * size;
    const limit = areas.first + areas.meta.load32(areas.at + Header.CAPACITY);
    if (target > limit || !memory.grow(target * this.pageSize)) return false;
    const present = Math.min(Math.floor(memory.byteLength / this.pageSize), limit);
    areas.extend(Math.max(present, target) - end);
    return true;
  }
}
