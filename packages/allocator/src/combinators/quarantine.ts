import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { expectAddress, expectSize } from "../arguments.ts";
import { isExpanding } from "../capabilities.ts";
import { DoubleFreeError, HeapCorruptionError, InvalidArgumentError } from "../errors.ts";
import type { HeapFault } from "../stats.ts";
import { Holder } from "./holder.ts";

/** What the bytes of a block in quarantine hold. */
const FILL = 0xde;

/**
 * Keeps freed blocks from being handed out again for a while, filled with 0xDE, and verifies them when they leave:
 * who writes through a stale pointer is found out. AddressSanitizer's quarantine.
 *
 * Blocks leave in the order they came once more than `limit` bytes are held, and all of them when the parent is
 * exhausted. A double free within the quarantine is always recognised. Of other addresses only the form is
 * verified: put a `ShadowChecked` around it where they may be wrong. A block whose size changes keeps its place or
 * moves to a new one; the old one goes into quarantine.
 *
 * @example
 * ```ts
 * const heap = new Quarantine(allocator, 1 << 20);
 * const block = heap.allocate(16);
 * heap.deallocate(block);
 * heap.memory.store32(block, 1); // a stale pointer
 * heap.flush(); // throws HeapCorruptionError
 * ```
 */
export class Quarantine extends Holder {
  /** Usable bytes that are held at most. */
  readonly limit: number;
  /** Blocks held, oldest first, with their usable sizes. A Map keeps the order of insertion. */
  readonly #blocks = new Map<Address, number>();
  readonly #expands: boolean;
  #bytes = 0;

  /**
   * @param limit Bytes, 0 or more.
   * @throws InvalidArgumentError when it is not, or the parent does not know its blocks' sizes.
   */
  constructor(parent: Allocator, limit: number) {
    super(parent);
    if (!(limit >= 0)) throw new InvalidArgumentError("limit", limit, "bytes, 0 or more");
    this.limit = limit;
    this.#expands = isExpanding(parent);
  }

  /** Usable bytes that are held now. */
  get heldBytes(): number {
    return this.#bytes;
  }

  override allocate(size: number): Address {
    const address = this.target.allocate(size);
    return address === NULL && this.flush() ? this.target.allocate(size) : address;
  }
  override deallocate(address: Address): void {
    if (address === NULL) return;
    this.#expectLive(address);
    const usable = this.target.usableSize(address);
    this.memory.fill(address, usable, FILL);
    this.#blocks.set(address, usable);
    this.#bytes += usable;
    while (this.#bytes > this.limit) this.#release();
  }
  override deallocateSized?(address: Address, size: number): void {
    if (address === NULL) return;
    this.#expectLive(address);
    const usable = this.target.usableSize(address);
    if (!(size >= 0 && size <= usable))
      throw new InvalidArgumentError("size", size, `at most the block's ${usable} bytes`);
    this.deallocate(address);
  }
  override reallocate?(address: Address, size: number): Address {
    if (address === NULL) return this.allocate(size);
    expectSize(size);
    this.#expectLive(address);
    const usable = this.target.usableSize(address);
    if (size <= usable || (this.#expands && this.target.expand(address, size))) return address;
    const moved = this.allocate(size);
    if (moved === NULL) return NULL;
    this.memory.copy(moved, address, usable);
    this.deallocate(address);
    return moved;
  }
  override check?(): readonly HeapFault[] {
    const faults = [...this.target.check()];
    for (const [address, usable] of this.#blocks) {
      const at = this.#firstWritten(address, usable);
      if (at >= 0) faults.push({ address, fault: written(address, at) });
    }
    return faults;
  }

  /**
   * Verifies and gives back all that is held.
   *
   * @throws HeapCorruptionError when one was written to; it is given back all the same, the rest stays held.
   */
  flush(): boolean {
    if (this.#blocks.size === 0) return false;
    while (this.#blocks.size > 0) this.#release();
    return true;
  }
  protected override held(): ReadonlySet<Address> {
    return new Set(this.#blocks.keys());
  }
  protected override forget(): void {
    this.#blocks.clear();
    this.#bytes = 0;
  }

  #release(): void {
    const [address, usable] = this.#blocks.entries().next().value!;
    this.#blocks.delete(address);
    this.#bytes -= usable;
    const at = this.#firstWritten(address, usable);
    this.target.deallocate(address);
    if (at >= 0) throw new HeapCorruptionError(address, written(address, at));
  }
  #firstWritten(address: Address, usable: number): number {
    const bytes = this.memory.read(address, usable);
    for (let i = 0; i < usable; i++) if (bytes[i] !== FILL) return i;
    return -1;
  }
  #expectLive(address: Address): void {
    expectAddress(this.memory, this.alignment, address);
    if (this.#blocks.has(address)) throw new DoubleFreeError(address);
  }
}

const written = (address: Address, offset: number): string =>
  `byte ${offset} of 0x${address.toString(16)} was written to after the block was freed`;
