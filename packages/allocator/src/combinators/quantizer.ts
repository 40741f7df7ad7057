import type { Address } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { InvalidArgumentError } from "../errors.ts";
import { Forwarder } from "./forwarder.ts";

/** Sizes above are left as they are: no allocator serves them. */
const LIMIT = 2 ** 32;

/**
 * Rounds every size up to a multiple of a quantum. D's `Quantizer`.
 *
 * Blocks of few different sizes fit into each other's holes, and a block that grows a little often need not move.
 *
 * @example
 * ```ts
 * const quantized = new Quantizer(allocator, 64);
 * quantized.usableSize!(quantized.allocate(100)) >= 128; // true
 * ```
 */
export class Quantizer extends Forwarder {
  /** Bytes: every size is a multiple of it. */
  readonly quantum: number;
  readonly #mask: number;

  /** @throws InvalidArgumentError when `quantum` is not a power of two from 1 to 2^30. */
  constructor(parent: Allocator, quantum: number) {
    if (!Number.isInteger(Math.log2(quantum)) || quantum < 1 || quantum > 2 ** 30) {
      throw new InvalidArgumentError("quantum", quantum, "a power of two from 1 to 2^30");
    }
    super(parent);
    this.quantum = quantum;
    this.#mask = quantum - 1;
  }

  override allocate(size: number): Address {
    return this.target.allocate(this.#round(size));
  }
  override allocateAligned?(alignment: number, size: number): Address {
    return this.target.allocateAligned(alignment, this.#round(size));
  }
  override allocateZeroed?(size: number): Address {
    return this.target.allocateZeroed(this.#round(size));
  }
  override reallocate?(address: Address, size: number): Address {
    return this.target.reallocate(address, this.#round(size));
  }
  override expand?(address: Address, size: number): boolean {
    return this.target.expand(address, this.#round(size));
  }
  override deallocateSized?(address: Address, size: number): void {
    this.target.deallocateSized(address, this.#round(size));
  }
  /**
   * The size rounded up: the parent's own slack beyond it does not count, or asking for it would be rounded again.
   */
  override goodSize?(size: number): number {
    return this.#round(size);
  }

  /** What is no size stays what it is, so that the parent refuses it. */
  #round(size: number): number {
    if (!(size >= 0 && size <= LIMIT) || !Number.isInteger(size)) return size;
    return size + (-size & this.#mask);
  }
}
