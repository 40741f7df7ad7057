import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { InvalidArgumentError } from "../errors.ts";
import { Composite } from "./composite.ts";
import type { FullAllocator } from "./forwarder.ts";

/**
 * Small blocks from one allocator, large ones from another. D's `Segregator`.
 *
 * A block of up to `threshold` bytes comes from `small`, a larger one from `large`. A block that is reallocated
 * across the threshold moves to the other side when that has room; one that is expanded in place stays.
 *
 * @example
 * ```ts
 * const memory = LinearMemory.fixed(65536);
 * const small = new FirstFit(LinearPages.create(memory, 0, 32768));
 * const large = new FirstFit(LinearPages.create(memory, 32768));
 * const both = new Segregator(256, small, large);
 * small.owns(both.allocate(256)); // true
 * large.owns(both.allocate(257)); // true
 * ```
 */
export class Segregator extends Composite {
  /** The largest size in bytes that `small` serves. */
  readonly threshold: number;
  readonly #small: FullAllocator;
  readonly #large: FullAllocator;

  /**
   * @param threshold Bytes, 0 or more.
   * @throws InvalidArgumentError when the two do not share a memory or `small` does not know what it owns.
   */
  constructor(threshold: number, small: Allocator, large: Allocator) {
    if (!Number.isSafeInteger(threshold) || threshold < 0) {
      throw new InvalidArgumentError("threshold", threshold, "an integer of bytes, 0 or more");
    }
    super([small, large]);
    this.threshold = threshold;
    this.#small = this.children[0]!;
    this.#large = this.children[1]!;
  }

  override allocate(size: number): Address {
    return size <= this.threshold ? this.#small.allocate(size) : this.#large.allocate(size);
  }
  override allocateAligned?(alignment: number, size: number): Address {
    return this.#side(size).allocateAligned(alignment, size);
  }
  override allocateZeroed?(size: number): Address {
    return this.#side(size).allocateZeroed(size);
  }
  override deallocate(address: Address): void {
    if (address === NULL) return;
    if (this.#small.owns(address)) this.#small.deallocate(address);
    else this.#large.deallocate(address);
  }
  /** A small block's good size ends at the threshold: one byte more comes from the other side. */
  override goodSize?(size: number): number {
    if (size > this.threshold) return this.#large.goodSize(size);
    return Math.min(this.#small.goodSize(size), this.threshold);
  }
  override reallocate?(address: Address, size: number): Address {
    return address === NULL ? this.allocate(size) : this.reallocateBySize(this.#side(size), address, size);
  }

  protected override ownerOf(address: Address): FullAllocator {
    return this.#small.owns(address) ? this.#small : this.#large;
  }
  protected override allocateElsewhere(from: FullAllocator, size: number): Address {
    return (from === this.#small ? this.#large : this.#small).allocate(size);
  }
  #side(size: number): FullAllocator {
    return size <= this.threshold ? this.#small : this.#large;
  }
}
