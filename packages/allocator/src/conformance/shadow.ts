import type { Address } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { hasUsableSize } from "../capabilities.ts";
import { expect, hex } from "./assert.ts";

/** A live block as the shadow knows it. */
export interface ShadowBlock {
  /** The address handed out. */
  readonly address: Address;
  /** Bytes asked for. */
  readonly size: number;
  /** Bytes filled with the pattern: the usable size where the allocator tells it, or the size asked for. */
  readonly filled: number;
  /** Chooses the pattern. */
  readonly seed: number;
}

/** The byte at offset `i` of a block's pattern: bytes that were moved or came from another block do not fit. */
const patternByte = (seed: number, i: number): number => (seed * 37 + i * 7 + (i >>> 8) * 13) & 0xff;

const pattern = (seed: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = patternByte(seed, i);
  return bytes;
};

/**
 * What the user of an allocator believes: which blocks are live and what is in them. Each block is filled with a
 * pattern of its own, over all its usable bytes; any write of the allocator into it, or an overlap, shows.
 *
 * Invariant: `blocks` is in ascending address order and its ranges are disjoint.
 */
export class Shadow {
  /** The live blocks in ascending address order. */
  readonly blocks: ShadowBlock[] = [];
  readonly #allocator: Allocator;
  #next = 1;

  constructor(allocator: Allocator) {
    this.#allocator = allocator;
  }

  /** Bytes that the live blocks were asked for with, together. */
  get requested(): number {
    let sum = 0;
    for (const block of this.blocks) sum += block.size;
    return sum;
  }

  /** Takes note of a block just handed out: verifies its place, then fills it. */
  add(address: Address, size: number, alignment: number = this.#allocator.alignment): ShadowBlock {
    const usable = this.#place(address, size, alignment);
    const block = { address, size, filled: usable, seed: this.#next++ };
    this.blocks.splice(this.#indexFrom(address), 0, block);
    this.#allocator.memory.write(address, pattern(block.seed, usable));
    return block;
  }

  /** Verifies a block's bytes and forgets it: call it just before the block is given back. */
  remove(block: ShadowBlock): void {
    this.verify(block);
    this.forget(block);
  }

  /** Forgets a block whose bytes may be gone already. */
  forget(block: ShadowBlock): void {
    const index = this.blocks.indexOf(block);
    expect(index >= 0, `the block ${hex(block.address)} is not live`);
    this.blocks.splice(index, 1);
  }

  /**
   * Takes note of a changed size: verifies that the bytes both sizes share kept their values, wherever the block now
   * lies, and fills it anew.
   */
  resize(block: ShadowBlock, address: Address, size: number): ShadowBlock {
    this.forget(block);
    this.#verifyBytes(block, address, Math.min(block.size, size));
    return this.add(address, size);
  }

  /** Verifies that a block still holds its pattern. */
  verify(block: ShadowBlock): void {
    this.#verifyBytes(block, block.address, block.filled);
  }

  /** Verifies every live block. */
  verifyAll(): void {
    for (const block of this.blocks) this.verify(block);
  }

  /** Verifies that `[address, address + size)` is zero. */
  verifyZero(address: Address, size: number): void {
    const bytes = this.#allocator.memory.read(address, size);
    const index = bytes.findIndex((byte) => byte !== 0);
    expect(
      index < 0,
      `byte ${index} of the zeroed block ${hex(address)} of ${size} bytes is ${bytes[index]}`,
    );
  }

  #place(address: Address, size: number, alignment: number): number {
    const allocator = this.#allocator;
    const what = `the block ${hex(address)} of ${size} bytes`;
    expect(Number.isSafeInteger(address) && address > 0, `${what} has no address`);
    expect(address % alignment === 0, `${what} is not ${alignment}-byte aligned`);
    const usable = hasUsableSize(allocator) ? allocator.usableSize(address) : size;
    expect(Number.isSafeInteger(usable) && usable >= size, `${what} has a usable size of ${usable}`);
    const { byteLength } = allocator.memory;
    expect(
      address + usable <= byteLength,
      `${what} (usable ${usable}) ends beyond the memory's ${byteLength} bytes`,
    );
    const index = this.#indexFrom(address);
    const before = this.blocks[index - 1];
    const after = this.blocks[index];
    expect(
      before === undefined || extent(before) <= address,
      `${what} overlaps ${describe(before)} before it`,
    );
    expect(
      after === undefined || address + Math.max(usable, 1) <= after.address,
      `${what} (usable ${usable}) overlaps ${describe(after)} after it`,
    );
    return usable;
  }

  #verifyBytes(block: ShadowBlock, address: Address, length: number): void {
    const bytes = this.#allocator.memory.read(address, length);
    for (let i = 0; i < length; i++) {
      const expected = patternByte(block.seed, i);
      if (bytes[i] !== expected) {
        throw new Error(
          `byte ${i} of the live block ${hex(address)} (${block.size} bytes asked for, ${block.filled} usable) ` +
            `is ${bytes[i]}, not the ${expected} written to it`,
        );
      }
    }
  }

  /** Index of the first block at or after `address`. */
  #indexFrom(address: Address): number {
    let low = 0;
    let high = this.blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.blocks[middle]!.address < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The first address after a block; a block of no bytes still occupies its address. */
const extent = (block: ShadowBlock): number => block.address + Math.max(block.filled, 1);

const describe = (block: ShadowBlock | undefined): string =>
  block === undefined ? "nothing" : `the live block ${hex(block.address)} of ${block.filled} bytes`;
