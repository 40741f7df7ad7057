/*
 * A slow first-fit heap with every capability and nothing clever: the ground on which the suite and the combinators
 * are tested, and which the broken heaps spoil.
 *
 *   base  +0   size of the block, header included; bit 0: live
 *         +4   CANARY
 *         +8   payload ...          next block follows at once, up to `end`
 */
import {
  type Address,
  type AlignedAllocator,
  type BlockInfo,
  DoubleFreeError,
  type ExpandingAllocator,
  expectAlignment,
  expectSize,
  type Footprint,
  HeapCorruptionError,
  type HeapFault,
  type HeapStats,
  type Inspectable,
  InvalidArgumentError,
  InvalidPointerError,
  type Memory,
  NULL,
  type Owner,
  type ReallocatingAllocator,
  type Resettable,
  type Resolver,
  type SizedDeallocator,
  type Trimmer,
  type UsableSize,
  type ZeroedAllocator,
} from "@heapwright/allocator";

const HEADER = 8;
const CANARY = 0xca9a817;
type Everything = AlignedAllocator &
  ZeroedAllocator &
  ReallocatingAllocator &
  ExpandingAllocator &
  SizedDeallocator &
  UsableSize &
  Owner &
  Resolver &
  Resettable &
  Trimmer &
  Inspectable &
  Footprint;

export class ReferenceHeap implements Everything {
  readonly memory: Memory;
  readonly alignment: number = 8;
  readonly start: Address;
  readonly end: Address;

  constructor(memory: Memory, start: Address = 8, end: Address = memory.byteLength) {
    this.memory = memory;
    this.start = start;
    this.end = end;
    this.deallocateAll();
  }

  allocate(size: number): Address {
    return this.allocateAligned(8, size);
  }

  allocateAligned(alignment: number, size: number): Address {
    expectAlignment(alignment);
    expectSize(size);
    const need = Math.max(this.goodSize(size), 8) + HEADER;
    for (let block = this.start; block < this.end; block += this.sizeOf(block)) {
      if (this.isLive(block)) continue;
      // The payload may begin right after the header, or so far on that a free block fits in front.
      const step = Math.max(alignment, 8);
      let gap = Math.ceil((block + HEADER) / step) * step - (block + HEADER);
      while (gap > 0 && gap < HEADER + 8) gap += step;
      if (this.sizeOf(block) < gap + need) continue;
      if (gap > 0) this.split(block, gap);
      this.split(block + gap, need);
      this.set(block + gap, this.sizeOf(block + gap), true);
      return block + gap + HEADER;
    }
    return NULL;
  }

  allocateZeroed(size: number): Address {
    const address = this.allocate(size);
    if (address !== NULL) this.memory.fill(address, size, 0);
    return address;
  }

  deallocate(address: Address): void {
    if (address === NULL) return;
    const block = this.expectBlock(address);
    if (!this.isLive(block)) throw new DoubleFreeError(address);
    this.set(block, this.sizeOf(block), false);
    this.mergeAll();
  }

  deallocateSized(address: Address, size: number): void {
    if (address !== NULL && size > this.usableSize(address))
      throw new InvalidArgumentError("size", size, "the block's");
    this.deallocate(address);
  }

  reallocate(address: Address, size: number): Address {
    if (address === NULL) return this.allocate(size);
    if (this.expand(address, size)) return address;
    const target = this.allocate(size);
    if (target === NULL) return NULL;
    this.memory.copy(target, address, Math.min(size, this.usableSize(address)));
    this.deallocate(address);
    return target;
  }

  expand(address: Address, size: number): boolean {
    expectSize(size);
    const block = this.expectBlock(address);
    if (!this.isLive(block)) throw new DoubleFreeError(address);
    const need = Math.max(this.goodSize(size), 8) + HEADER;
    const next = block + this.sizeOf(block);
    const room = this.sizeOf(block) + (next < this.end && !this.isLive(next) ? this.sizeOf(next) : 0);
    if (room < need) return false;
    this.set(block, room, true);
    this.split(block, need);
    this.set(block, this.sizeOf(block), true);
    this.mergeAll();
    return true;
  }

  usableSize(address: Address): number {
    return this.sizeOf(this.expectBlock(address)) - HEADER;
  }

  goodSize(size: number): number {
    return Math.max(8, Math.ceil(size / 8) * 8);
  }

  owns(address: Address): boolean {
    return address >= this.start && address < this.end;
  }

  resolve(address: Address): Address {
    for (const { payload, address: block, size, state } of this.walk()) {
      if (state === "live" && address >= payload! && address < block + size) return payload!;
    }
    return NULL;
  }

  deallocateAll(): void {
    this.set(this.start, this.end - this.start, false);
  }

  trim(keep: number): number {
    expectSize(keep);
    return 0;
  }

  *walk(): Iterable<BlockInfo> {
    for (let block = this.start; block < this.end; block += this.sizeOf(block)) {
      const state = this.isLive(block) ? "live" : "free";
      yield { address: block, size: this.sizeOf(block), state, payload: block + HEADER };
    }
  }

  check(): readonly HeapFault[] {
    const faults: HeapFault[] = [];
    let block = this.start;
    while (block < this.end) {
      if (this.memory.load32(block + 4) !== CANARY)
        faults.push({ address: block, fault: "the canary is dead" });
      if (this.memory.load32(block) < HEADER) return [...faults, { address: block, fault: "has no size" }];
      block += this.sizeOf(block);
    }
    return faults;
  }

  stats(): HeapStats {
    const blocks = [...this.walk()];
    const live = blocks.filter(({ state }) => state === "live");
    const free = blocks.filter(({ state }) => state === "free");
    const sum = (list: BlockInfo[]): number => list.reduce((total, { size }) => total + size, 0);
    return {
      heapBytes: this.footprint(),
      allocatedBytes: sum(live),
      freeBytes: sum(free),
      liveBlocks: live.length,
      freeBlocks: free.length,
      largestFreeBytes: Math.max(0, ...free.map(({ size }) => size)),
    };
  }

  footprint(): number {
    return this.end - this.start;
  }

  protected sizeOf(block: Address): number {
    const size = (this.memory.load32(block) & ~1) >>> 0;
    // A broken heap must fail, not hang.
    if (size < HEADER) throw new HeapCorruptionError(block, `the block at ${block} has no size`);
    return size;
  }
  protected isLive(block: Address): boolean {
    return (this.memory.load32(block) & 1) === 1;
  }
  protected set(block: Address, size: number, live: boolean): void {
    this.memory.store32(block, size + (live ? 1 : 0));
    this.memory.store32(block + 4, CANARY);
  }
  /** Cuts a block after `size` bytes when the rest can be a block; both are free then. */
  protected split(block: Address, size: number): void {
    const rest = this.sizeOf(block) - size;
    if (rest < HEADER + 8) return;
    this.set(block, size, false);
    this.set(block + size, rest, false);
  }
  protected mergeAll(): void {
    for (let block = this.start; block < this.end; ) {
      const next = block + this.sizeOf(block);
      if (!this.isLive(block) && next < this.end && !this.isLive(next)) {
        this.set(block, this.sizeOf(block) + this.sizeOf(next), false);
      } else block = next;
    }
  }
  protected expectBlock(address: Address): Address {
    for (let block = this.start; block < this.end; block += this.sizeOf(block)) {
      if (block + HEADER === address) return block;
    }
    throw new InvalidPointerError(address, "is no block");
  }
}
