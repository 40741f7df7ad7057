import {
  type Address,
  type AlignedAllocator,
  type BlockInfo,
  type ExpandingAllocator,
  expectAlignment,
  expectSize,
  type Footprint,
  type HeapFault,
  type HeapStats,
  type Inspectable,
  InvalidArgumentError,
  InvalidPointerError,
  type Memory,
  NULL,
  type Owner,
  type PageSource,
  type ReallocatingAllocator,
  type Resettable,
  type Resolver,
  type SizedDeallocator,
  type Trimmer,
  type UsableSize,
  type ZeroedAllocator,
} from "@heapwright/allocator";
import { Kind, ORDER_MASK } from "./areas/layout.ts";
import { Mobility } from "./areas/mobility.ts";
import { Buddy, type BuddyOptions } from "./buddy.ts";
import { check } from "./inspect/check.ts";
import { stats, walk } from "./inspect/walk.ts";

/**
 * A malloc that is nothing but a buddy system: each block is the smallest run that holds it. The reference by which the
 * cost of power-of-two rounding is seen.
 *
 * Vital statistics: alignment = page size (a block is even aligned to its own size, rounded up to a power of two);
 * smallest block one page; no header; at most half of a block is lost to rounding; metadata 1 byte a page.
 * `allocate` and `deallocate` are O(orders).
 *
 * Misuse found: an address that is no block, a double free (as long as the memory was not handed out again).
 *
 * @example
 * ```ts
 * import { BuddyHeap } from "@heapwright/buddy";
 * import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
 *
 * const heap = new BuddyHeap(LinearPages.create(LinearMemory.growing()));
 * const block = heap.allocate(100); // a run of two pages of 64 bytes
 * heap.deallocate(block);
 * ```
 */
export class BuddyHeap
  implements
    AlignedAllocator,
    ZeroedAllocator,
    ReallocatingAllocator,
    ExpandingAllocator,
    SizedDeallocator,
    UsableSize,
    Owner,
    Resolver,
    Resettable,
    Trimmer,
    Inspectable,
    Footprint
{
  readonly memory: Memory;
  readonly alignment: number;
  /** The buddy system under the heap. */
  readonly buddy: Buddy;
  readonly #shift: number;

  /**
   * @param source Where pages come from, or a buddy system to use (not together with other users).
   * @param options As for {@link Buddy.over}; the page size, which is the smallest block, is 64 bytes unless given, the
   * greatest order what a memory of 4 GiB allows, the batch 16.
   */
  constructor(source: PageSource | Buddy, options: BuddyOptions = {}) {
    const pageSize = options.pageSize ?? 64;
    const maxOrder = options.maxOrder ?? Math.min(Math.max(Math.floor(32 - Math.log2(pageSize)), 0), 28);
    // Small pages come and go far more often than a kernel's: larger batches than the size of the heap would give.
    const batch = options.batch ?? 16;
    this.buddy =
      source instanceof Buddy ? source : Buddy.over(source, { ...options, pageSize, maxOrder, batch });
    this.memory = this.buddy.memory;
    this.alignment = this.buddy.pageSize;
    this.#shift = Math.log2(this.buddy.pageSize);
  }

  /** The order of the smallest run that holds `size` bytes; more than any order for what no run holds. */
  #order(size: number): number {
    if (size >>> 0 !== size) {
      expectSize(size);
      return 32;
    }
    return size === 0 ? 0 : 32 - Math.clz32((size - 1) >>> this.#shift);
  }

  allocate(size: number): Address {
    return this.buddy.allocateOn(0, Mobility.UNMOVABLE, this.#order(size));
  }

  allocateAligned(alignment: number, size: number): Address {
    expectAlignment(alignment);
    const order = Math.max(this.#order(size), this.#order(alignment));
    return this.buddy.allocateOn(0, Mobility.UNMOVABLE, order);
  }

  allocateZeroed(size: number): Address {
    const address = this.allocate(size);
    if (address !== NULL) this.memory.fill(address, size, 0);
    return address;
  }

  deallocate(address: Address): void {
    if (address === NULL) return;
    this.buddy.freeOn(0, address, this.#live(address));
  }

  deallocateSized(address: Address, size: number): void {
    if (address === NULL) return;
    const order = this.#live(address);
    // A block got with a stronger alignment is larger than its size tells.
    if (this.#order(size) > order) {
      throw new InvalidArgumentError(
        "size",
        size,
        `the size of the block, at most ${2 ** order * this.alignment}`,
      );
    }
    this.buddy.freeOn(0, address, order);
  }

  /** The order of the live block at an address; throws when there is none. */
  #live(address: Address): number {
    const order = this.buddy.liveOrder(address);
    if (order >= 0) return order;
    this.buddy.expectBegin(this.buddy.frameOf(address), address);
    throw new InvalidPointerError(address, "is no block of this heap");
  }

  reallocate(address: Address, size: number): Address {
    if (address === NULL) return this.allocate(size);
    const old = this.usableSize(address);
    if (this.expand(address, size)) return address;
    const moved = this.allocate(size);
    if (moved === NULL) return NULL;
    this.memory.copy(moved, address, Math.min(old, size));
    this.deallocate(address);
    return moved;
  }

  expand(address: Address, size: number): boolean {
    const { areas } = this.buddy;
    const order = this.#live(address);
    const wanted = this.#order(size);
    const frame = this.buddy.frameOf(address);
    if (wanted > order && !areas.mergeUp(frame, order, wanted)) return false;
    areas.setState(frame, Kind.LIVE | wanted);
    for (let half = order - 1; half >= wanted; half--) areas.give(frame + 2 ** half, half);
    return true;
  }

  usableSize(address: Address): number {
    return 2 ** this.#live(address) * this.alignment;
  }

  goodSize(size: number): number {
    const order = this.#order(size);
    return order >= 32 ? size : 2 ** order * this.alignment;
  }

  owns(address: Address): boolean {
    return address >>> 0 === address && this.buddy.areas.has(address >>> this.#shift);
  }

  resolve(address: Address): Address {
    if (!this.owns(address)) return NULL;
    const head = this.buddy.addressOf(this.buddy.areas.headOf(address >>> this.#shift));
    return this.buddy.liveOrder(head) >= 0 ? head : NULL;
  }

  deallocateAll(): void {
    this.buddy.drain();
    const { areas } = this.buddy;
    const end = areas.first + areas.frames;
    for (let frame = areas.first; frame < end; ) {
      const state = areas.state(frame);
      const kind = state & ~ORDER_MASK;
      const order = state & ORDER_MASK;
      if (kind >= Kind.LIVE && kind <= Kind.MORE) areas.give(frame, order);
      frame += 2 ** order;
    }
  }

  trim(keep: number): number {
    expectSize(keep);
    return this.buddy.trim(keep);
  }

  walk(): Iterable<BlockInfo> {
    return walk(this.buddy);
  }
  check(): readonly HeapFault[] {
    return check(this.buddy);
  }
  stats(): HeapStats {
    return stats(this.buddy);
  }
  footprint(): number {
    return this.buddy.footprint();
  }
}
