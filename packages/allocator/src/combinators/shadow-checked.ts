import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import {
  DoubleFreeError,
  HeapCorruptionError,
  InvalidArgumentError,
  InvalidPointerError,
} from "../errors.ts";
import type { Memory } from "../memory.ts";
import { Forwarder } from "./forwarder.ts";

/** A memory whose bytes can be forbidden, as `CheckedMemory` of `@heapwright/heap-memory`. */
export interface PoisonableMemory extends Memory {
  /** Forbids a range of bytes. */
  poison(address: Address, length: number): void;
  /** Allows a range of bytes. */
  unpoison(address: Address, length: number): void;
}

/** What a granule (`alignment` bytes) of the memory is to the user. */
const OUTSIDE = 0;
const START = 1;
const INSIDE = 2;
const FREED = 3;

/**
 * Watches over both sides of the contract: what the allocator hands out and what its user gives back.
 *
 * - Of the allocator: every block is aligned, inside the memory, and overlaps no live block; else
 * HeapCorruptionError.
 * - Of the user: every address given back is a live block's; else DoubleFreeError or InvalidPointerError, always.
 * - Of the user's accesses, when a {@link PoisonableMemory} over the parent's memory is given: `memory` is
 *   that one, and all bytes but those of live blocks are poisoned in it. As in AddressSanitizer, one byte too far throws.
 *
 * Sizes are exact: `usableSize` is the size asked for and `goodSize` the identity, so that slack counts as too far.
 * A byte of shadow for every `alignment` bytes of memory, a Map entry for each live block.
 *
 * @example
 * ```ts
 * const heap = new ShadowChecked(allocator, new CheckedMemory(allocator.memory));
 * const block = heap.allocate(10);
 * heap.memory.store8(block + 10, 1); // throws PoisonedAccessError
 * heap.deallocate(block);
 * heap.deallocate(block); // throws DoubleFreeError
 * ```
 */
export class ShadowChecked extends Forwarder {
  override readonly memory: Memory;
  readonly #poisonable: PoisonableMemory | undefined;
  readonly #sizes = new Map<Address, number>();
  #granules: Uint8Array = new Uint8Array(0);
  #poisoned = 0;

  /**
   * @param parent An allocator without live blocks.
   * @param memory A poisonable memory over the parent's memory (not the parent's own), if accesses are to be checked.
   */
  constructor(parent: Allocator, memory?: PoisonableMemory) {
    super(parent);
    this.memory = memory ?? parent.memory;
    this.#poisonable = memory;
    this.#follow();
  }

  override allocate(size: number): Address {
    return this.#taken(this.target.allocate(size), size, this.alignment);
  }
  override allocateAligned?(alignment: number, size: number): Address {
    const address = this.target.allocateAligned(alignment, size);
    return this.#taken(address, size, Math.max(alignment, this.alignment));
  }
  override allocateZeroed?(size: number): Address {
    const address = this.#taken(this.target.allocateZeroed(size), size, this.alignment);
    if (address !== NULL && this.memory.read(address, size).some((byte) => byte !== 0)) {
      throw new HeapCorruptionError(
        address,
        `the zeroed block ${name(address)} of ${size} bytes is not zero`,
      );
    }
    return address;
  }
  override deallocate(address: Address): void {
    if (address === NULL) return;
    const size = this.#expectLive(address);
    this.target.deallocate(address);
    this.#given(address, size);
  }
  override deallocateSized?(address: Address, size: number): void {
    if (address === NULL) return;
    const live = this.#expectLive(address);
    if (size !== live) throw new InvalidArgumentError("size", size, `${live}, as the block ${name(address)}`);
    this.target.deallocateSized(address, size);
    this.#given(address, live);
  }
  override reallocate?(address: Address, size: number): Address {
    if (address === NULL) return this.#taken(this.target.reallocate(NULL, size), size, this.alignment);
    const old = this.#expectLive(address);
    const moved = this.target.reallocate(address, size);
    if (moved === NULL) return NULL;
    this.#given(address, old);
    return this.#taken(moved, size, this.alignment);
  }
  override expand?(address: Address, size: number): boolean {
    const old = this.#expectLive(address);
    if (!this.target.expand(address, size)) return false;
    this.#given(address, old);
    this.#taken(address, size, this.alignment);
    return true;
  }
  override deallocateAll?(): void {
    this.target.deallocateAll();
    for (const [address, size] of this.#sizes) this.#mark(address, size, false);
    this.#sizes.clear();
  }
  override usableSize?(address: Address): number {
    return this.#expectLive(address);
  }
  override goodSize?(size: number): number {
    return size;
  }

  #taken(address: Address, size: number, alignment: number): Address {
    this.#follow();
    if (address === NULL) return NULL;
    const what = `the block ${name(address)} of ${size} bytes`;
    if (!Number.isSafeInteger(address) || address < 0 || address + size > this.memory.byteLength) {
      throw new HeapCorruptionError(address, `${what} does not lie in the memory`);
    }
    if (address % alignment !== 0)
      throw new HeapCorruptionError(address, `${what} is not ${alignment}-byte aligned`);
    const granules = this.#granules;
    const end = this.#granule(address + Math.max(size, 1) - 1) + 1;
    for (let i = this.#granule(address); i < end; i++) {
      if (granules[i] === START || granules[i] === INSIDE) {
        throw new HeapCorruptionError(
          address,
          `${what} overlaps the live block at ${name(i * this.alignment)}`,
        );
      }
    }
    this.#mark(address, size, true);
    this.#sizes.set(address, size);
    return address;
  }

  #given(address: Address, size: number): void {
    this.#follow();
    this.#mark(address, size, false);
    this.#sizes.delete(address);
  }

  #mark(address: Address, size: number, live: boolean): void {
    const first = this.#granule(address);
    const end = this.#granule(address + Math.max(size, 1) - 1) + 1;
    this.#granules.fill(live ? INSIDE : OUTSIDE, first, end);
    this.#granules[first] = live ? START : FREED;
    if (live) this.#poisonable?.unpoison(address, size);
    else this.#poisonable?.poison(address, size);
  }

  /** The size asked for of a live block. */
  #expectLive(address: Address): number {
    const size = this.#sizes.get(address);
    if (size !== undefined) return size;
    const granule = address % this.alignment === 0 ? this.#granules[this.#granule(address)] : OUTSIDE;
    if (granule === FREED) throw new DoubleFreeError(address);
    if (granule === INSIDE) throw new InvalidPointerError(address, "lies inside a live block");
    throw new InvalidPointerError(address, "is no block of this allocator");
  }

  #granule(address: Address): number {
    return Math.floor(address / this.alignment);
  }

  /** Lengthens the shadow to the memory's length; new bytes belong to nobody. */
  #follow(): void {
    const { byteLength } = this.memory;
    if (byteLength === this.#poisoned) return;
    const granules = new Uint8Array(Math.ceil(byteLength / this.alignment));
    granules.set(this.#granules);
    this.#granules = granules;
    this.#poisonable?.poison(this.#poisoned, byteLength - this.#poisoned);
    this.#poisoned = byteLength;
  }
}

const name = (address: Address): string => `0x${address.toString(16)}`;
