import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { InvalidArgumentError } from "../errors.ts";
import { Composite } from "./composite.ts";
import { type FullAllocator, haveAll } from "./forwarder.ts";

/**
 * Makes the next allocator of an {@link AllocatorList}, in the same memory, or nothing when there is no room for
 * one.
 */
export type AllocatorMaker = () => Allocator | undefined;

/**
 * As many allocators of one kind as are needed, made one by one. D's `AllocatorList`.
 *
 * A block comes from the allocator that served last, then from the others, then from a new one. What the first
 * allocator can do, all must be able to do; each must know what it owns.
 *
 * @example
 * ```ts
 * // Regions of 4 KiB each, as many as the heap has room for.
 * const arena = new AllocatorList(() => Region.create(heap, 4096));
 * ```
 */
export class AllocatorList extends Composite {
  readonly #make: AllocatorMaker;
  #current: FullAllocator;
  #spare: FullAllocator | undefined;

  /** @throws InvalidArgumentError when `make` makes no first allocator, or one that does not know what it owns. */
  constructor(make: AllocatorMaker) {
    const first = make();
    if (first === undefined || !haveAll([first], "owns")) {
      throw new InvalidArgumentError("make", make, "a function whose allocators know what they own");
    }
    super([first]);
    this.#make = make;
    this.#current = this.children[0]!;
  }

  /** How many allocators there are now. */
  get length(): number {
    return this.children.length;
  }

  override allocate(size: number): Address {
    const address = this.#current.allocate(size);
    if (address !== NULL) return address;
    for (const child of this.children) {
      const block = child === this.#current ? NULL : child.allocate(size);
      if (block !== NULL) return this.#served(child, block);
    }
    const child = this.#add();
    return child === undefined ? NULL : this.#served(child, child.allocate(size));
  }
  override allocateAligned?(alignment: number, size: number): Address {
    for (const child of this.children) {
      const block = child.allocateAligned(alignment, size);
      if (block !== NULL) return this.#served(child, block);
    }
    const child = this.#add();
    return child === undefined ? NULL : this.#served(child, child.allocateAligned(alignment, size));
  }
  override allocateZeroed?(size: number): Address {
    for (const child of this.children) {
      const block = child.allocateZeroed(size);
      if (block !== NULL) return this.#served(child, block);
    }
    const child = this.#add();
    return child === undefined ? NULL : this.#served(child, child.allocateZeroed(size));
  }
  override goodSize?(size: number): number {
    return this.#current.goodSize(size);
  }
  protected override allocateElsewhere(_from: FullAllocator, size: number): Address {
    return this.allocate(size);
  }

  #served(child: FullAllocator, block: Address): Address {
    if (block === NULL) return NULL;
    this.#current = child;
    if (child === this.#spare) this.#spare = undefined;
    return block;
  }

  /** Makes one more, unless the last one made has not served yet: what a fresh one refuses, the next refuses too. */
  #add(): FullAllocator | undefined {
    if (this.#spare !== undefined) return undefined;
    const child = this.#make() as FullAllocator | undefined;
    if (child === undefined) return undefined;
    this.children.push(child);
    this.#spare = child;
    return child;
  }
}
