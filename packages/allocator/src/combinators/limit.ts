import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { expectSize } from "../arguments.ts";
import { hasUsableSize } from "../capabilities.ts";
import { InvalidArgumentError } from "../errors.ts";
import { Forwarder } from "./forwarder.ts";

/**
 * Is exhausted when the live blocks reach a number of bytes: a budget.
 *
 * What counts is `usableSize`, so the parent must know it. The parent may give a little more than asked for; of
 * `allocate` that is given back when it goes over the limit, of `reallocate` and `expand` it may
 * stand over the limit by the parent's rounding.
 *
 * @example
 * ```ts
 * const limited = new Limit(allocator, 1000);
 * limited.allocate(2000); // 0
 * ```
 */
export class Limit extends Forwarder {
  /** Usable bytes that may be live at once. */
  readonly limit: number;
  #used = 0;

  /**
   * @param parent An allocator without live blocks.
   * @param limit Bytes, 0 or more.
   * @throws InvalidArgumentError when the parent does not know its blocks' sizes.
   */
  constructor(parent: Allocator, limit: number) {
    if (!(limit >= 0)) throw new InvalidArgumentError("limit", limit, "bytes, 0 or more");
    if (!hasUsableSize(parent))
      throw new InvalidArgumentError("parent", parent, "an allocator with usableSize");
    super(parent);
    this.limit = limit;
  }

  /** Usable bytes that are live now. */
  get used(): number {
    return this.#used;
  }

  override allocate(size: number): Address {
    return this.#refuses(size, 0) ? NULL : this.#taken(this.target.allocate(size));
  }
  override allocateAligned?(alignment: number, size: number): Address {
    // The parent judges the alignment even of a size that is over the limit.
    const asked = this.#refuses(size, 0) ? Number.MAX_SAFE_INTEGER : size;
    return this.#taken(this.target.allocateAligned(alignment, asked));
  }
  override allocateZeroed?(size: number): Address {
    return this.#refuses(size, 0) ? NULL : this.#taken(this.target.allocateZeroed(size));
  }
  override deallocate(address: Address): void {
    const freed = address === NULL ? 0 : this.#sizeOf(address);
    this.target.deallocate(address);
    this.#used -= freed;
  }
  override deallocateSized?(address: Address, size: number): void {
    const freed = address === NULL ? 0 : this.#sizeOf(address);
    this.target.deallocateSized(address, size);
    this.#used -= freed;
  }
  override reallocate?(address: Address, size: number): Address {
    if (address === NULL) return this.allocate(size);
    const old = this.#sizeOf(address);
    // The parent judges the address even of a size that is over the limit.
    const asked = this.#refuses(size, old) ? Number.MAX_SAFE_INTEGER : size;
    const moved = this.target.reallocate(address, asked);
    if (moved !== NULL) this.#used += this.target.usableSize(moved) - old;
    return moved;
  }
  override expand?(address: Address, size: number): boolean {
    const old = this.#sizeOf(address);
    if (this.#refuses(size, old) || !this.target.expand(address, size)) return false;
    this.#used += this.target.usableSize(address) - old;
    return true;
  }
  override deallocateAll?(): void {
    this.target.deallocateAll();
    this.#used = 0;
  }

  /** Whether `size` bytes are too many, once `released` bytes are given up for them. */
  #refuses(size: number, released: number): boolean {
    if (size <= this.limit - this.#used + released) return false;
    expectSize(size);
    return size > released;
  }
  #taken(address: Address): Address {
    if (address === NULL) return NULL;
    const used = this.#used + this.target.usableSize(address);
    if (used > this.limit) {
      this.target.deallocate(address);
      return NULL;
    }
    this.#used = used;
    return address;
  }
  /** 0 for what is no address of the memory: the parent refuses it. */
  #sizeOf(address: Address): number {
    const formed =
      address >>> 0 === address && address % this.alignment === 0 && address < this.memory.byteLength;
    return formed ? this.target.usableSize(address) : 0;
  }
}
