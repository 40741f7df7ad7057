/* Heaps that break one promise each. The suite must catch every one of them. */
import {
  type Address,
  type Allocator,
  type BlockInfo,
  type HeapFault,
  type HeapStats,
  NULL,
} from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import { ReferenceHeap } from "./reference-heap.ts";

interface Mutant {
  readonly make: () => Allocator;
  readonly options?: object;
  /** Names of the cases of which at least one must fail. */
  readonly by: RegExp;
}

type Heap = new (memory: LinearMemory) => Allocator;
const RANDOM = /random/;
const mutant = (heap: Heap, by: RegExp, options: object = {}): Mutant => ({
  make: () => new heap(LinearMemory.fixed(8192)),
  options,
  by,
});

class Overlaps extends ReferenceHeap {
  #count = 0;
  override allocateAligned(alignment: number, size: number): Address {
    const address = super.allocateAligned(alignment, size);
    // Every tenth block lends half of its bytes to the next.
    if (address !== NULL && size > 64 && ++this.#count % 10 === 0) {
      const block = address - 8;
      const half = (this.sizeOf(block) >>> 4) * 8;
      const rest = this.sizeOf(block) - half;
      this.set(block, half, true);
      this.set(block + half, rest, false);
    }
    return address;
  }
}
/** Hides the usable size, so that only the size asked for is filled. */
class Plain implements Allocator {
  readonly heap: ReferenceHeap;
  readonly memory: LinearMemory;
  readonly alignment: number = 8;
  constructor(memory: LinearMemory) {
    this.memory = memory;
    this.heap = new ReferenceHeap(memory);
  }
  allocate(size: number): Address {
    return this.heap.allocate(size);
  }
  deallocate(address: Address): void {
    this.heap.deallocate(address);
  }
}
class ShortByFour extends Plain {
  override allocate(size: number): Address {
    return this.heap.allocate(size > 100 ? size - 12 : size);
  }
}
class Misaligned extends ReferenceHeap {
  override allocateAligned(alignment: number, size: number): Address {
    return super.allocateAligned(Math.min(alignment, 16), size);
  }
}
class HalfAligned extends Plain {
  override readonly alignment: number = 16;
}
class LosesBytes extends ReferenceHeap {
  override deallocate(address: Address): void {
    super.deallocate(address);
    // Clears one word too far after a block that is given back.
    for (const { state, payload } of this.walk()) {
      if (state === "live" && payload! > address) {
        this.memory.store32(payload!, 0);
        return;
      }
    }
  }
}
class ReallocForgets extends ReferenceHeap {
  override reallocate(address: Address, size: number): Address {
    if (address !== NULL && this.expand(address, size)) return address;
    const target = this.allocate(size);
    if (target !== NULL) this.deallocate(address);
    return target;
  }
}
class ReallocLeaks extends ReferenceHeap {
  override reallocate(address: Address, size: number): Address {
    if (address !== NULL && this.expand(address, size)) return address;
    const target = this.allocate(size);
    if (target === NULL || address === NULL) return target;
    this.memory.copy(target, address, Math.min(size, this.usableSize(address)));
    return target;
  }
}
class ReallocDropsOldOnFailure extends ReferenceHeap {
  override reallocate(address: Address, size: number): Address {
    const target = super.reallocate(address, size);
    if (target === NULL && address !== NULL) this.deallocate(address);
    return target;
  }
}
class ReallocZeroFrees extends ReferenceHeap {
  override reallocate(address: Address, size: number): Address {
    if (size !== 0) return super.reallocate(address, size);
    this.deallocate(address);
    return NULL;
  }
}
class ReallocMovesEmptyAside extends ReferenceHeap {
  // A block that shrinks to nothing is freed, and its user is given another's address.
  override reallocate(address: Address, size: number): Address {
    if (size !== 0 || address === NULL) return super.reallocate(address, size);
    for (const { payload, state } of this.walk())
      if (state === "live" && payload !== address) return payload!;
    return super.reallocate(address, size);
  }
}
class ReallocNullZeroFails extends ReferenceHeap {
  override reallocate(address: Address, size: number): Address {
    return address === NULL && size === 0 ? NULL : super.reallocate(address, size);
  }
}
class ReallocNullThrows extends ReferenceHeap {
  override reallocate(address: Address, size: number): Address {
    if (address === NULL) return NULL;
    return super.reallocate(address, size);
  }
}
class ExpandLies extends ReferenceHeap {
  override expand(address: Address, size: number): boolean {
    super.expand(address, size);
    return true;
  }
}
class ExpandEats extends Plain {
  expand(address: Address, size: number): boolean {
    if (size > 64) return false;
    this.heap.expand(address, size);
    return true;
  }
}
class NotZeroed extends ReferenceHeap {
  override allocateZeroed(size: number): Address {
    const address = this.allocate(size);
    if (address !== NULL) this.memory.fill(address, size & ~15, 0);
    return address;
  }
}
class CheckAlarms extends ReferenceHeap {
  override check(): readonly HeapFault[] {
    const faults = super.check();
    return this.stats().freeBlocks > 2 ? [...faults, { address: 8, fault: "too many" }] : faults;
  }
}
class CheckSleeps extends ReferenceHeap {
  override check(): readonly HeapFault[] {
    return [];
  }
}
class CheckRepairs extends ReferenceHeap {
  override check(): readonly HeapFault[] {
    this.memory.store32(0, this.memory.load32(0) + 1);
    return super.check();
  }
}
class StatsMiscount extends ReferenceHeap {
  override stats(): HeapStats {
    const stats = super.stats();
    return { ...stats, liveBlocks: Math.min(stats.liveBlocks, 5) };
  }
}
class StatsOverflow extends ReferenceHeap {
  override stats(): HeapStats {
    const stats = super.stats();
    return { ...stats, freeBytes: stats.freeBytes + 8 };
  }
}
class FootprintLies extends ReferenceHeap {
  override footprint(): number {
    return this.isLive(this.start) ? 100 : super.footprint();
  }
}
class WalkSkips extends ReferenceHeap {
  override *walk(): Iterable<BlockInfo> {
    for (const block of super.walk()) if (block.size !== 32) yield block;
  }
}
class WalkDescends extends ReferenceHeap {
  override *walk(): Iterable<BlockInfo> {
    yield* [...super.walk()].reverse();
  }
}
class ThrowsWhenFull extends ReferenceHeap {
  override allocate(size: number): Address {
    const address = super.allocate(size);
    if (address === NULL && size >= 0) throw new RangeError("out of memory");
    return address;
  }
}
class Leaks extends ReferenceHeap {
  #count = 0;
  override deallocate(address: Address): void {
    if (++this.#count % 7 === 0 && address !== NULL) this.expectBlock(address);
    else super.deallocate(address);
  }
}
class SlowLeak extends Plain {
  #count = 0;
  override deallocate(address: Address): void {
    if (++this.#count % 12 !== 0 || address === NULL) super.deallocate(address);
  }
}
class AcceptsAnySize extends Plain {
  override allocate(size: number): Address {
    return this.heap.allocate(Number.isSafeInteger(size) ? Math.max(size, 0) : 0);
  }
}
class IgnoresBadPointers extends Plain {
  override deallocate(address: Address): void {
    try {
      this.heap.deallocate(address);
    } catch {
      // A free() that shrugs.
    }
  }
}
class WrapsSizes extends Plain {
  override allocate(size: number): Address {
    return this.heap.allocate(Number.isSafeInteger(size) && size >= 0 ? size % 2 ** 32 : size);
  }
}
class WrapsPointers extends Plain {
  override deallocate(address: Address): void {
    this.heap.deallocate(Number.isInteger(address) && address >= 2 ** 32 ? address % 2 ** 32 : address);
  }
}
class SharesZero extends Plain {
  #zero = 0;
  override allocate(size: number): Address {
    if (size !== 0) return this.heap.allocate(size);
    this.#zero ||= this.heap.allocate(0);
    return this.#zero;
  }
}
class NullForZero extends Plain {
  override allocate(size: number): Address {
    return size === 0 ? NULL : this.heap.allocate(size);
  }
}
class NullThrows extends Plain {
  override deallocate(address: Address): void {
    if (address === NULL) throw new TypeError("null");
    this.heap.deallocate(address);
  }
}
class FreesTwice extends ReferenceHeap {
  override deallocate(address: Address): void {
    if (address === NULL || this.isLive(this.expectBlock(address))) super.deallocate(address);
  }
}
class OwnsAll extends ReferenceHeap {
  override owns(address: Address): boolean {
    return address > 0;
  }
}
class OwnsStartsOnly extends ReferenceHeap {
  override owns(address: Address): boolean {
    return address % 8 === 0 && super.owns(address);
  }
}
class OwnsThrows extends ReferenceHeap {
  override owns(address: Address): boolean {
    this.expectBlock(address);
    return true;
  }
}
class ResolvesFreed extends ReferenceHeap {
  override resolve(address: Address): Address {
    for (const { payload, address: block, size } of this.walk()) {
      if (address >= payload! && address < block + size) return payload!;
    }
    return NULL;
  }
}
class ResolvesStarts extends ReferenceHeap {
  override resolve(address: Address): Address {
    return super.resolve(address) === address ? address : NULL;
  }
}
class UsableTooMuch extends ReferenceHeap {
  override usableSize(address: Address): number {
    return super.usableSize(address) + 8;
  }
}
class GoodSizeSmall extends ReferenceHeap {
  override goodSize(size: number): number {
    return size & ~7;
  }
}
class GoodSizePromises extends ReferenceHeap {
  // A block keeps no more than was asked for, whatever its good size is.
  readonly #asked = new Map<Address, number>();
  override allocateAligned(alignment: number, size: number): Address {
    const address = super.allocateAligned(alignment, size);
    this.#asked.set(address, size);
    return address;
  }
  override expand(address: Address, size: number): boolean {
    const expanded = super.expand(address, size);
    if (expanded) this.#asked.set(address, size);
    return expanded;
  }
  override usableSize(address: Address): number {
    return Math.min(super.usableSize(address), this.#asked.get(address) ?? 0);
  }
}
class GoodSizeGrows extends ReferenceHeap {
  override goodSize(size: number): number {
    return size + 8;
  }
}
class SizedRefuses extends ReferenceHeap {
  override deallocateSized(address: Address, size: number): void {
    if (address !== NULL && this.usableSize(address) !== size) throw new RangeError("size");
    this.deallocate(address);
  }
}
class ResetLeaks extends ReferenceHeap {
  override deallocateAll(): void {
    const fresh = this.memory.load32(this.start) === 0;
    super.deallocateAll();
    if (!fresh) this.allocate(64);
  }
}
class ResetKeeps extends ReferenceHeap {
  override deallocateAll(): void {
    const live =
      this.memory.load32(this.start) === 0 ? [] : [...this.walk()].filter(({ state }) => state === "live");
    if (live.length === 0) super.deallocateAll();
    else for (const { payload } of live.slice(0, -1)) this.deallocate(payload!);
  }
}
class TrimLies extends ReferenceHeap {
  override trim(keep: number): number {
    super.trim(keep);
    return -1;
  }
}
class TrimTakes extends ReferenceHeap {
  override trim(keep: number): number {
    super.trim(keep);
    for (const { state, payload, size } of this.walk()) {
      if (state === "live" && size > 200) this.memory.fill(payload! + 64, 64, 0);
    }
    return 64;
  }
}
class HalfCapable extends Plain {
  usableSize(address: Address): number {
    return this.heap.usableSize(address);
  }
}
class OddAlignment extends Plain {
  override readonly alignment: number = 12;
}
class BeyondTheEnd extends Plain {
  override allocate(size: number): Address {
    const address = this.heap.allocate(size);
    return address === NULL && size > 0 && size < 2000 ? this.memory.byteLength - 8 : address;
  }
}
class OverCapacity extends Plain {}
class RefusesMuch extends Plain {
  override allocate(size: number): Address {
    return size > 700 ? NULL : this.heap.allocate(size);
  }
}
class OverwritesOnFailure extends ReferenceHeap {
  override allocate(size: number): Address {
    const address = super.allocate(size);
    if (address === NULL) this.memory.store32(this.start + 8, 0);
    return address;
  }
}
class AlignsToAnything extends ReferenceHeap {
  override allocateAligned(alignment: number, size: number): Address {
    const power = alignment > 0 && alignment <= 2 ** 31 ? 2 ** Math.ceil(Math.log2(alignment)) : 8;
    return super.allocateAligned(power, size);
  }
}

export const MUTANTS: Record<string, Mutant> = {
  "hands out the second half of a block again": mutant(Overlaps, /./),
  "blocks shorter than asked for": mutant(ShortByFour, RANDOM),
  "ignores a strong alignment": mutant(Misaligned, /allocateAligned/),
  "ignores its own alignment": mutant(HalfAligned, /serves every size|random/),
  "writes into a neighbour on free": mutant(LosesBytes, RANDOM),
  "reallocate loses the bytes": mutant(ReallocForgets, RANDOM),
  "reallocate leaks the old block": mutant(ReallocLeaks, RANDOM),
  "reallocate frees the block when exhausted": mutant(ReallocDropsOldOnFailure, /reallocate answers NULL/),
  "reallocate to 0 frees": mutant(ReallocZeroFrees, /reallocate keeps/),
  "reallocate to 0 gives another block's address": mutant(ReallocMovesEmptyAside, /reallocate keeps/),
  "reallocate of NULL to 0 fails": mutant(ReallocNullZeroFails, /reallocate keeps/),
  "reallocate of NULL fails": mutant(ReallocNullThrows, /reallocate keeps/),
  "expand always says yes": mutant(ExpandLies, /expand/),
  "expand says yes without room": mutant(ExpandEats, RANDOM),
  "zeroes all but the tail": mutant(NotZeroed, /allocateZeroed/),
  "check() raises false alarms": mutant(CheckAlarms, RANDOM),
  "check() never finds anything": mutant(CheckSleeps, /damage/, {
    damage: [(heap: Allocator, address: Address) => heap.memory.fill(address + 40, 16, 0x55)],
  }),
  "check() changes the heap": mutant(CheckRepairs, /without changing/),
  "stats() miscounts live blocks": mutant(StatsMiscount, /random|zero-size/),
  "stats() counts more than the heap": mutant(StatsOverflow, /./),
  "footprint() disagrees with stats()": mutant(FootprintLies, /./),
  "walk() skips blocks": mutant(WalkSkips, RANDOM),
  "walk() descends": mutant(WalkDescends, RANDOM),
  "throws when exhausted": mutant(ThrowsWhenFull, /full/),
  "forgets to free, and its own stats show it": mutant(Leaks, RANDOM),
  "forgets to free, unseen": mutant(SlowLeak, /never runs out/),
  "accepts any size": mutant(AcceptsAnySize, /refuses negative/),
  "ignores bad pointers": mutant(IgnoresBadPointers, /refuses addresses/),
  "takes sizes modulo 2^32": mutant(WrapsSizes, /no heap can serve/),
  "takes addresses modulo 2^32": mutant(WrapsPointers, /refuses addresses/),
  "shares one zero-size block": mutant(SharesZero, /zero-size/),
  "answers NULL to zero": mutant(NullForZero, /zero-size/),
  "throws on NULL": mutant(NullThrows, /NULL/),
  "lets a double free pass": mutant(FreesTwice, /twice/, { detectsDoubleFree: true }),
  "owns everything": mutant(OwnsAll, /owns/),
  "owns only the starts of blocks": mutant(OwnsStartsOnly, /owns/),
  "owns() throws": mutant(OwnsThrows, /owns/),
  "resolves freed blocks": mutant(ResolvesFreed, /resolve/),
  "resolves only starts of blocks": mutant(ResolvesStarts, /resolve/),
  "usableSize reaches into the neighbour": mutant(UsableTooMuch, /usableSize/),
  "goodSize falls short": mutant(GoodSizeSmall, /goodSize/),
  "goodSize promises too much": mutant(GoodSizePromises, /goodSize/),
  "goodSize is never good": mutant(GoodSizeGrows, /goodSize/),
  "deallocateSized refuses the size asked for": mutant(SizedRefuses, /deallocateSized/),
  "deallocateAll leaks": mutant(ResetLeaks, /./),
  "deallocateAll keeps a block": mutant(ResetKeeps, /deallocateAll/),
  "trim returns a negative number": mutant(TrimLies, /trim/),
  "trim takes live bytes": mutant(TrimTakes, /trim/),
  "has half a capability": mutant(HalfCapable, /whole/),
  "has an alignment of 12": mutant(OddAlignment, /power of two/),
  "hands out bytes beyond the end": mutant(BeyondTheEnd, /full|random/),
  "hands out more than its capacity": mutant(OverCapacity, /full/, { capacity: 1000 }),
  "serves less than it says": mutant(RefusesMuch, /serves every size/),
  "a failed allocation leaves damage": mutant(OverwritesOnFailure, /no heap can serve/),
  "accepts any alignment": mutant(AlignsToAnything, /alignments/),
};
