import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { expectAddress, expectSize } from "../arguments.ts";
import { DoubleFreeError, HeapCorruptionError, InvalidArgumentError } from "../errors.ts";
import type { HeapFault } from "../stats.ts";
import { Holder } from "./holder.ts";

/** Marks a block on the list, mixed with its address, so that no other block carries the same mark by a copy. */
const MARK = 0x5f1e_e115;

/**
 * Keeps freed blocks of one range of sizes on a list and hands the last one out first. D's `FreeList`.
 *
 * A size from `minimum` to `maximum` takes a block of `maximum` bytes, so that all blocks of the list serve all of
 * them. O(1) beside the parent. The list runs through the free blocks themselves:
 *
 *     block +0  next block on the list, 0 at its end     +4  MARK ^ block
 *
 * A block that is on the list already is recognised by its mark and then by a walk over the list. Addresses are
 * verified as far as their form goes; what the parent verifies beyond, it verifies when the list gives the block
 * back.
 *
 * @example
 * ```ts
 * const nodes = new FreeList(heap, { maximum: 64 });
 * const node = nodes.allocate(48);
 * nodes.deallocate(node);
 * nodes.allocate(64) === node; // true
 * ```
 */
export class FreeList extends Holder {
  /** The smallest size in bytes that the list serves. */
  readonly minimum: number;
  /** The largest size in bytes that the list serves, and what its blocks have. */
  readonly maximum: number;
  /** Blocks on the list at most. */
  readonly limit: number;
  readonly #good: number;
  #head: Address = NULL;
  #length = 0;

  /**
   * @param options `maximum`: bytes, 8 or more; `minimum`: bytes, 0 unless given; `limit`: blocks, 1024 unless given.
   * @throws InvalidArgumentError when they are not, or the parent does not know its blocks' sizes.
   */
  constructor(
    parent: Allocator,
    options: { readonly maximum: number; readonly minimum?: number; readonly limit?: number },
  ) {
    super(parent);
    const { maximum, minimum = 0, limit = 1024 } = options;
    if (!Number.isSafeInteger(maximum) || maximum < 8) {
      throw new InvalidArgumentError("maximum", maximum, "an integer of bytes, 8 or more");
    }
    if (!Number.isSafeInteger(minimum) || minimum < 0 || minimum > maximum) {
      throw new InvalidArgumentError("minimum", minimum, "an integer of bytes from 0 to the maximum");
    }
    if (!(limit >= 0)) throw new InvalidArgumentError("limit", limit, "a number of blocks, 0 or more");
    this.minimum = minimum;
    this.maximum = maximum;
    this.limit = limit;
    this.#good = this.target.goodSize(maximum);
  }

  /** Blocks on the list now. */
  get length(): number {
    return this.#length;
  }

  override allocate(size: number): Address {
    let wanted = size;
    if (size <= this.maximum && size >= this.minimum) {
      if (!Number.isInteger(size)) expectSize(size);
      if (this.#head !== NULL) return this.#pop();
      wanted = this.maximum;
    }
    const address = this.target.allocate(wanted);
    return address === NULL && this.flush() ? this.target.allocate(wanted) : address;
  }

  override deallocate(address: Address): void {
    if (address === NULL) return;
    if (!this.#keep(address)) this.target.deallocate(address);
  }
  override deallocateSized?(address: Address, size: number): void {
    if (address === NULL) return;
    if (this.#keep(address)) return;
    // A size in the list's range was rounded up when the block was taken: it is known only as the parent's usable size.
    if (size >= this.minimum && size <= this.maximum) this.target.deallocate(address);
    else this.target.deallocateSized(address, size);
  }
  override reallocate?(address: Address, size: number): Address {
    if (address === NULL) return this.allocate(size);
    const moved = this.target.reallocate(address, size);
    return moved === NULL && this.flush() ? this.target.reallocate(address, size) : moved;
  }
  /** In the list's range its maximum; below it, less than its minimum. */
  override goodSize?(size: number): number {
    if (size > this.maximum) return this.target.goodSize(size);
    return size >= this.minimum ? this.maximum : Math.min(this.target.goodSize(size), this.minimum - 1);
  }
  override check?(): readonly HeapFault[] {
    const faults = [...this.target.check()];
    let block = this.#head;
    for (let i = 0; i < this.#length; i++) {
      if (!this.#isMarked(block)) {
        faults.push({ address: block, fault: "a block on the free list was written to" });
        return faults;
      }
      block = this.memory.load32(block);
    }
    if (block !== NULL)
      faults.push({ address: block, fault: `the free list goes on after ${this.#length} blocks` });
    return faults;
  }

  flush(): boolean {
    if (this.#head === NULL) return false;
    while (this.#head !== NULL) this.target.deallocate(this.#pop());
    return true;
  }
  protected override held(): ReadonlySet<Address> {
    const held = new Set<Address>();
    for (let block = this.#head; block !== NULL && !held.has(block); block = this.memory.load32(block))
      held.add(block);
    return held;
  }
  protected override forget(): void {
    this.#head = NULL;
    this.#length = 0;
  }

  /** Puts a block on the list if it belongs there and there is room. */
  #keep(address: Address): boolean {
    const { memory } = this;
    expectAddress(memory, this.alignment, address);
    if (address + 8 <= memory.byteLength && this.#isMarked(address) && this.held().has(address)) {
      throw new DoubleFreeError(address);
    }
    if (this.#length >= this.limit) return false;
    const usable = this.target.usableSize(address);
    if (!(usable >= this.maximum && usable <= this.#good)) return false;
    memory.store32(address, this.#head);
    memory.store32(address + 4, (MARK ^ address) >>> 0);
    this.#head = address;
    this.#length++;
    return true;
  }
  #pop(): Address {
    const { memory } = this;
    const block = this.#head;
    if (!this.#isMarked(block))
      throw new HeapCorruptionError(block, `0x${block.toString(16)} was written to after it was freed`);
    this.#head = memory.load32(block);
    memory.store32(block + 4, 0);
    this.#length--;
    return block;
  }
  #isMarked(block: Address): boolean {
    return this.memory.load32(block + 4) === (MARK ^ block) >>> 0;
  }
}
