/*
 * AllocatorHeap: malloc in the words of the Allocator contract, which is stricter than C where C leaves things undefined.
 *
 * Each method says what the contract asks for by malloc's own, after its arguments are looked at; none adds a way through malloc.
 */
import {
  type Address,
  type AlignedAllocator,
  expectAlignment,
  expectSize,
  InvalidPointerError,
  type Memory,
  type ReallocatingAllocator,
  type UsableSize,
  type ZeroedAllocator,
} from "@heapwright/allocator";
import type { Core } from "./core.ts";
import { expectBytes, ThreadHeap } from "./thread.ts";

/** What {@link Ptmalloc} and {@link SharedPtmalloc} have in common: C's words and those of the contract. */
export abstract class AllocatorHeap
  extends ThreadHeap
  implements AlignedAllocator, ZeroedAllocator, ReallocatingAllocator, UsableSize
{
  abstract readonly memory: Memory;
  // Declared only: a field that is assigned once V8 takes for a constant, not one that is first made undefined.
  /** Every block's address is a multiple of this: 16, or 8 for the oldest profile with 4-byte words. */
  declare readonly alignment: number;

  /** @internal */
  constructor(core: Core, index: number) {
    super(core, index);
    this.alignment = core.alignMask + 1;
  }

  allocate(size: number): Address {
    return this.malloc(size);
  }

  deallocate(address: Address): void {
    if (address === 0) return;
    this.expectBlock(address);
    this.free(address);
  }

  allocateAligned(alignment: number, size: number): Address {
    expectAlignment(alignment);
    return this.memalign(alignment, size);
  }

  allocateZeroed(size: number): Address {
    return this.calloc(1, size);
  }

  reallocate(address: Address, size: number): Address {
    expectBytes(size);
    if (address === 0) return this.malloc(size);
    this.expectBlock(address);
    return this.realloc(address, size === 0 ? 1 : size);
  }

  usableSize(address: Address): number {
    this.expectBlock(address);
    return this.mallocUsableSize(address);
  }

  goodSize(size: number): number {
    expectSize(size);
    // A mapped block is larger, but whether a block is mapped depends on what is free when it is asked for.
    const needed = this.core.chunkSizeFor(size);
    return needed < 0 ? size : needed - this.core.word;
  }

  /** A block's address in form: inside the memory, aligned, past its header. */
  protected expectBlock(address: Address): void {
    // Only 0 is aligned and before the end of the first header.
    if (
      address >>> 0 !== address ||
      address >= this.memory.byteLength ||
      (address & (this.alignment - 1)) !== 0 ||
      address === 0
    )
      this.refuse(address);
  }

  /** Throws what is wrong with an address. */
  protected refuse(address: Address): never {
    if (address >>> 0 !== address || address >= this.memory.byteLength)
      throw new InvalidPointerError(address, "is not an address in the memory");
    throw new InvalidPointerError(
      address,
      address === 0 ? "is before the heap" : `is not ${this.alignment}-byte aligned`,
    );
  }
}
