import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { expectAddress, expectAlignment, expectSize } from "../arguments.ts";
import {
  DoubleFreeError,
  HeapCorruptionError,
  InvalidArgumentError,
  InvalidPointerError,
} from "../errors.ts";
import type { BlockInfo, HeapFault } from "../stats.ts";
import { Forwarder } from "./forwarder.ts";

/*
 * A guarded block, `base` being the parent's block and `prefix` a multiple of the block's alignment, 16 at least:
 *
 *   base               +0   prefix
 *   ...
 *   payload - 16       +0   prefix (the same word when the prefix is 16)
 *                      +4   size asked for
 *                      +8   LIVE ^ payload, FREED ^ payload once it is given back
 *                      +12  GUARD
 *   payload                 size bytes
 *   payload + size          eight bytes of FENCE, at any alignment
 */
const HEADER = 16;
const FENCE_BYTES = 8;
const FENCE = 0xfd;
const GUARD = 0xfdfd_fdfd;
const LIVE = 0x11fe_b10c;
const FREED = 0xdead_b10c;
const LIMIT = 2 ** 32 - 1;

/**
 * Puts guard bytes before and after each block, and verifies them when the block is given back, resized or checked.
 * D's `AffixAllocator`; dmalloc's fence posts.
 *
 * An overrun by a byte is found, and its block named, at the latest when the block is given back. Sizes are exact:
 * `usableSize` is the size asked for. Costs 24 bytes a block, or the alignment and 8 where that is more than 16.
 * A double free is recognised until the memory is used again.
 *
 * @example
 * ```ts
 * const heap = new Affix(allocator);
 * const block = heap.allocate(10);
 * heap.memory.store8(block + 10, 0);
 * heap.deallocate(block); // throws HeapCorruptionError: byte 0 after the 10 bytes at ... was overwritten
 * ```
 */
export class Affix extends Forwarder {
  readonly #prefix: number;

  constructor(parent: Allocator) {
    super(parent);
    this.#prefix = Math.max(HEADER, parent.alignment);
  }

  override allocate(size: number): Address {
    const total = this.#total(size, this.#prefix);
    return total === NULL ? NULL : this.#seal(this.target.allocate(total), this.#prefix, size);
  }
  override allocateAligned?(alignment: number, size: number): Address {
    expectAlignment(alignment);
    const prefix = Math.max(this.#prefix, alignment);
    const total = this.#total(size, prefix);
    return total === NULL ? NULL : this.#seal(this.target.allocateAligned(alignment, total), prefix, size);
  }
  override allocateZeroed?(size: number): Address {
    const total = this.#total(size, this.#prefix);
    return total === NULL ? NULL : this.#seal(this.target.allocateZeroed(total), this.#prefix, size);
  }
  override deallocate(address: Address): void {
    if (address === NULL) return;
    const base = this.#open(address);
    this.memory.store32(address - 8, (FREED ^ address) >>> 0);
    this.target.deallocate(base);
  }
  override deallocateSized?(address: Address, size: number): void {
    if (address === NULL) return;
    const base = this.#open(address);
    const live = this.memory.load32(address - 12);
    if (size !== live) throw new InvalidArgumentError("size", size, `the block's ${live}`);
    this.memory.store32(address - 8, (FREED ^ address) >>> 0);
    this.target.deallocateSized(base, address - base + size + FENCE_BYTES);
  }
  override reallocate?(address: Address, size: number): Address {
    if (address === NULL) return this.allocate(size);
    expectSize(size);
    const { memory } = this;
    const base = this.#open(address);
    const prefix = address - base;
    const total = this.#total(size, prefix);
    if (total === NULL) return NULL;
    // The parent keeps the first bytes, the header among them; a stronger alignment it would lose.
    if (prefix === this.#prefix) {
      memory.store32(address - 8, (FREED ^ address) >>> 0);
      const moved = this.target.reallocate(base, total);
      if (moved !== NULL) return this.#seal(moved, prefix, size);
      memory.store32(address - 8, (LIVE ^ address) >>> 0);
      return NULL;
    }
    const moved = this.allocate(size);
    if (moved === NULL) return NULL;
    memory.copy(moved, address, Math.min(size, memory.load32(address - 12)));
    this.deallocate(address);
    return moved;
  }
  override expand?(address: Address, size: number): boolean {
    expectSize(size);
    const base = this.#open(address);
    const total = this.#total(size, address - base);
    if (total === NULL || !this.target.expand(base, total)) return false;
    this.#seal(base, address - base, size);
    return true;
  }
  override usableSize?(address: Address): number {
    this.#open(address);
    return this.memory.load32(address - 12);
  }
  override goodSize?(size: number): number {
    return size;
  }
  override resolve?(address: Address): Address {
    const base = this.target.resolve(address);
    if (base === NULL) return NULL;
    const payload = base + this.memory.load32(base);
    const size = this.memory.load32(payload - 12);
    return address >= payload && address < payload + Math.max(size, 1) ? payload : NULL;
  }
  override walk?(): Iterable<BlockInfo> {
    return this.#walk();
  }
  override check?(): readonly HeapFault[] {
    const faults = [...this.target.check()];
    for (const { state, payload: base } of this.target.walk()) {
      if (state !== "live") continue;
      const payload = base! + this.memory.load32(base!);
      const fault = this.#fault(payload);
      if (fault !== undefined) faults.push({ address: base!, fault });
    }
    return faults;
  }

  *#walk(): Generator<BlockInfo, void, undefined> {
    for (const block of this.target.walk()) {
      if (block.state !== "live") yield block;
      else yield { ...block, payload: block.payload! + this.memory.load32(block.payload!) };
    }
  }

  /** Bytes to ask of the parent, or 0 when no parent has so many. */
  #total(size: number, prefix: number): number {
    const total = prefix + size + FENCE_BYTES;
    if (size >= 0 && total <= LIMIT && Number.isInteger(size)) return total;
    expectSize(size);
    return 0;
  }

  /** Writes header and fence around a block of the parent. */
  #seal(base: Address, prefix: number, size: number): Address {
    if (base === NULL) return NULL;
    const { memory } = this;
    const payload = base + prefix;
    memory.store32(base, prefix);
    memory.store32(payload - 16, prefix);
    memory.store32(payload - 12, size);
    memory.store32(payload - 8, (LIVE ^ payload) >>> 0);
    memory.store32(payload - 4, GUARD);
    memory.fill(payload + size, FENCE_BYTES, FENCE);
    return payload;
  }

  /** Verifies the guards of a live block. Returns the parent's block. */
  #open(payload: Address): Address {
    const { memory } = this;
    expectAddress(memory, this.alignment, payload);
    if (payload < HEADER) throw new InvalidPointerError(payload, "is no block");
    if (memory.load32(payload - 8) === (FREED ^ payload) >>> 0) throw new DoubleFreeError(payload);
    const fault = this.#fault(payload);
    if (fault !== undefined) throw new HeapCorruptionError(payload, fault);
    return payload - memory.load32(payload - 16);
  }

  /** What is wrong with a live block's guards. */
  #fault(payload: Address): string | undefined {
    const { memory } = this;
    const name = `0x${payload.toString(16)}`;
    if (payload < HEADER || payload % 4 !== 0 || payload > memory.byteLength) {
      return `${name} is no block: its header is overwritten`;
    }
    const prefix = memory.load32(payload - 16);
    const size = memory.load32(payload - 12);
    const whole = prefix >= HEADER && prefix <= payload && payload + size + FENCE_BYTES <= memory.byteLength;
    if (
      memory.load32(payload - 8) !== (LIVE ^ payload) >>> 0 ||
      memory.load32(payload - 4) !== GUARD ||
      !whole ||
      memory.load32(payload - prefix) !== prefix
    ) {
      return `the guard before ${name} was overwritten, or it is no block`;
    }
    const end = payload + size;
    for (let i = 0; i < FENCE_BYTES; i++) {
      if (memory.load8(end + i) !== FENCE)
        return `byte ${i} after the ${size} bytes at ${name} was overwritten`;
    }
    return undefined;
  }
}
