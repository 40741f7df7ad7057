import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { expectAddress, expectAlignment, expectSize } from "../arguments.ts";
import type {
  AlignedAllocator,
  ExpandingAllocator,
  Footprint,
  Owner,
  Resettable,
  ZeroedAllocator,
} from "../capabilities.ts";
import { InvalidArgumentError, InvalidPointerError } from "../errors.ts";
import type { Memory } from "../memory.ts";

/**
 * Cuts blocks one after another out of one block of the parent. D's `Region`.
 *
 * Giving back the last block makes room again, giving back another does nothing; `deallocateAll` forgets all at once.
 * O(1), no overhead but alignment. Misuse that is recognised: addresses out of the region's used part, misaligned
 * ones.
 *
 *     start            last        top                end
 *     | block | block  | block     |   not used yet    |
 *
 * @example
 * ```ts
 * const frame = Region.create(heap, 65536)!;
 * const scratch = frame.allocate(1000);
 * heap.owns(scratch); // true
 * frame.deallocateAll();
 * ```
 */
export class Region
  implements AlignedAllocator, ZeroedAllocator, ExpandingAllocator, Owner, Resettable, Footprint
{
  readonly memory: Memory;
  readonly alignment: number;
  readonly #parent: Allocator;
  readonly #start: Address;
  readonly #end: Address;
  #top: Address;
  #last: Address;

  private constructor(parent: Allocator, start: Address, size: number) {
    this.#parent = parent;
    this.memory = parent.memory;
    this.alignment = parent.alignment;
    this.#start = start;
    this.#end = start + size;
    this.#top = start;
    this.#last = NULL;
  }

  /**
   * Takes a block of the parent for a region.
   *
   * @param size Bytes: an integer from 1 on.
   * @returns the region, or undefined when the parent is exhausted.
   * @throws InvalidArgumentError when `size` is none.
   */
  static create(parent: Allocator, size: number): Region | undefined {
    if (size === 0) throw new InvalidArgumentError("size", size, "an integer of bytes, 1 or more");
    const start = parent.allocate(size);
    return start === NULL ? undefined : new Region(parent, start, size);
  }

  allocate(size: number): Address {
    return this.#take(this.#top, size);
  }
  allocateAligned(alignment: number, size: number): Address {
    expectAlignment(alignment);
    return this.#take(this.#top + (-this.#top & (alignment - 1)), size);
  }
  allocateZeroed(size: number): Address {
    const address = this.allocate(size);
    if (address !== NULL) this.memory.fill(address, size, 0);
    return address;
  }
  deallocate(address: Address): void {
    if (address === NULL) return;
    this.#expectBlock(address);
    if (address !== this.#last) return;
    this.#top = address;
    this.#last = NULL;
  }
  /**
   * Only the last block can grow; every block can stay as it is, but its size is not known: only the last shrinks.
   */
  expand(address: Address, size: number): boolean {
    expectSize(size);
    this.#expectBlock(address);
    if (address !== this.#last || size > this.#end - address) return false;
    this.#top = this.#after(address, size);
    return true;
  }
  owns(address: Address): boolean {
    return address >= this.#start && address < this.#end;
  }
  deallocateAll(): void {
    this.#top = this.#start;
    this.#last = NULL;
  }
  /** Bytes taken of the parent. */
  footprint(): number {
    return this.#end - this.#start;
  }
  /** Gives the region's block back to the parent. The region must not be used after. */
  destroy(): void {
    this.#parent.deallocate(this.#start);
  }

  #take(address: Address, size: number): Address {
    if (!(size >= 0 && size <= this.#end - address) || !Number.isInteger(size)) {
      expectSize(size);
      return NULL;
    }
    // Even an empty block takes an address of its own; there is none at the region's very end.
    if (address >= this.#end) return NULL;
    this.#top = this.#after(address, size);
    this.#last = address;
    return address;
  }
  /** Where the next block may begin; beyond the end when this one takes the last bytes. */
  #after(address: Address, size: number): Address {
    const end = address + Math.max(size, 1);
    return end + (-end & (this.alignment - 1));
  }
  #expectBlock(address: Address): void {
    expectAddress(this.memory, this.alignment, address);
    if (address < this.#start || address >= this.#top) {
      throw new InvalidPointerError(address, "is no block of this region");
    }
  }
}
