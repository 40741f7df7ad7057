import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { Composite } from "./composite.ts";
import type { FullAllocator } from "./forwarder.ts";

/**
 * Asks a second allocator when the first is exhausted. D's `FallbackAllocator`.
 *
 * `primary` must know what it owns: that is how a block finds its way back.
 *
 * @example
 * ```ts
 * const memory = LinearMemory.fixed(65536);
 * const small = new FirstFit(LinearPages.create(memory, 0, 4096));
 * const large = new FirstFit(LinearPages.create(memory, 4096));
 * const both = new Fallback(small, large);
 * small.owns(both.allocate(1000)); // true
 * large.owns(both.allocate(8000)); // true
 * ```
 */
export class Fallback extends Composite {
  readonly #primary: FullAllocator;
  readonly #secondary: FullAllocator;

  /** @throws InvalidArgumentError when the two do not share a memory or `primary` does not know what it owns. */
  constructor(primary: Allocator, secondary: Allocator) {
    super([primary, secondary]);
    this.#primary = this.children[0]!;
    this.#secondary = this.children[1]!;
  }

  override allocate(size: number): Address {
    const address = this.#primary.allocate(size);
    return address !== NULL ? address : this.#secondary.allocate(size);
  }
  override allocateAligned?(alignment: number, size: number): Address {
    const address = this.#primary.allocateAligned(alignment, size);
    return address !== NULL ? address : this.#secondary.allocateAligned(alignment, size);
  }
  override allocateZeroed?(size: number): Address {
    const address = this.#primary.allocateZeroed(size);
    return address !== NULL ? address : this.#secondary.allocateZeroed(size);
  }
  override deallocate(address: Address): void {
    if (address === NULL) return;
    if (this.#primary.owns(address)) this.#primary.deallocate(address);
    else this.#secondary.deallocate(address);
  }
  /** What both would give at least. */
  override goodSize?(size: number): number {
    return Math.min(this.#primary.goodSize(size), this.#secondary.goodSize(size));
  }

  protected override ownerOf(address: Address): FullAllocator {
    return this.#primary.owns(address) ? this.#primary : this.#secondary;
  }
  protected override allocateElsewhere(from: FullAllocator, size: number): Address {
    return (from === this.#primary ? this.#secondary : this.#primary).allocate(size);
  }
}
