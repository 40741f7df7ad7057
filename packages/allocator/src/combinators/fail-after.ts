import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { expectAlignment, expectSize } from "../arguments.ts";
import { InvalidArgumentError } from "../errors.ts";
import { Forwarder } from "./forwarder.ts";

/**
 * Serves a number of requests, then is exhausted: fault injection. Zig's `FailingAllocator`.
 *
 * Every `allocate`, `allocateAligned`, `allocateZeroed`, `reallocate` and `expand` is a request. Run the code under
 * test with 0, 1, 2 ... requests until nothing fails any more, and it has met exhaustion at each of its
 * allocations.
 *
 * @example
 * ```ts
 * const failing = new FailAfter(allocator, 1);
 * failing.allocate(8) === NULL; // false
 * failing.allocate(8) === NULL; // true
 * failing.remaining = Infinity; // from now on nothing fails
 * ```
 */
export class FailAfter extends Forwarder {
  /** Requests that will still be served: a number from 0 on. `Infinity` never fails. */
  remaining: number;
  /** Requests that were refused. */
  refused = 0;

  /**
   * @param requests How many are served: 0 or more.
   * @throws InvalidArgumentError when `requests` is negative or not a number.
   */
  constructor(parent: Allocator, requests: number) {
    if (!(requests >= 0)) throw new InvalidArgumentError("requests", requests, "a number from 0 on");
    super(parent);
    this.remaining = requests;
  }

  override allocate(size: number): Address {
    return this.#refuses(size) ? NULL : this.target.allocate(size);
  }
  override allocateAligned?(alignment: number, size: number): Address {
    expectAlignment(alignment);
    return this.#refuses(size) ? NULL : this.target.allocateAligned(alignment, size);
  }
  override allocateZeroed?(size: number): Address {
    return this.#refuses(size) ? NULL : this.target.allocateZeroed(size);
  }
  override reallocate?(address: Address, size: number): Address {
    return this.#refuses(size) ? NULL : this.target.reallocate(address, size);
  }
  override expand?(address: Address, size: number): boolean {
    return this.#refuses(size) ? false : this.target.expand(address, size);
  }

  #refuses(size: number): boolean {
    if (this.remaining > 0) {
      this.remaining--;
      return false;
    }
    expectSize(size);
    this.refused++;
    return true;
  }
}
