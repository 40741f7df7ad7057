import { type Address, InvalidArgumentError, type Memory } from "@heapwright/allocator";
import { countTrailingZeros, popCount } from "./align.ts";

/**
 * A bitmap inside the memory. Bit `i` is bit `i % 32` of the word at `address + 4 * floor(i / 32)`.
 *
 * Bits beyond `length` in the last word are never touched and never found. Bit numbers are integers from 0 to
 * `length - 1` and are not verified: these are the hot methods of slabs and spans.
 *
 * @example
 * ```ts
 * const bitmap = new Bitmap(LinearMemory.fixed(4096), 64, 1000);
 * bitmap.setRange(0, 100);
 * bitmap.findClear(0); // 100
 * ```
 */
export class Bitmap {
  /** The memory that holds the bits. */
  readonly memory: Memory;
  /** Where the first word lies: a multiple of 4. */
  readonly address: Address;
  /** Number of bits, from 0 to 2^32. */
  readonly length: number;

  /** @throws InvalidArgumentError when `length` is no integer from 0 to 2^32. The bits are left as they are. */
  constructor(memory: Memory, address: Address, length: number) {
    if (!Number.isSafeInteger(length) || length < 0 || length > 2 ** 32) {
      throw new InvalidArgumentError("length", length, "an integer from 0 to 2^32");
    }
    this.memory = memory;
    this.address = address;
    this.length = length;
  }

  /** Bytes that a bitmap of `length` bits takes: whole words. */
  static bytesFor(length: number): number {
    return Math.ceil(length / 32) * 4;
  }

  /** Whether a bit is set. O(1). */
  test(bit: number): boolean {
    return ((this.memory.load32(this.address + (bit >>> 5) * 4) >>> (bit & 31)) & 1) === 1;
  }

  /** Sets a bit. O(1). */
  set(bit: number): void {
    const at = this.address + (bit >>> 5) * 4;
    this.memory.store32(at, this.memory.load32(at) | (1 << (bit & 31)));
  }

  /** Clears a bit. O(1). */
  clear(bit: number): void {
    const at = this.address + (bit >>> 5) * 4;
    this.memory.store32(at, this.memory.load32(at) & ~(1 << (bit & 31)));
  }

  /** Sets `count` bits from `from` on. O(count / 32). */
  setRange(from: number, count: number): void {
    for (let bit = from, end = from + count; bit < end; ) {
      const mask = rangeMask(bit, end);
      const at = this.address + (bit >>> 5) * 4;
      this.memory.store32(at, this.memory.load32(at) | mask);
      bit += 32 - (bit & 31);
    }
  }

  /** Clears `count` bits from `from` on. O(count / 32). */
  clearRange(from: number, count: number): void {
    for (let bit = from, end = from + count; bit < end; ) {
      const mask = rangeMask(bit, end);
      const at = this.address + (bit >>> 5) * 4;
      this.memory.store32(at, this.memory.load32(at) & ~mask);
      bit += 32 - (bit & 31);
    }
  }

  /** The first set bit at or after `from`, or -1. O(length / 32). Linux's `find_next_bit`. */
  findSet(from: number): number {
    return this.#find(from, 0);
  }

  /** The first clear bit at or after `from`, or -1. O(length / 32). Linux's `find_next_zero_bit`. */
  findClear(from: number): number {
    return this.#find(from, -1);
  }

  /**
   * The first run of `count` clear bits at or after `from` that begins at a multiple of `step`, or -1. O(length).
   * Linux's `bitmap_find_next_zero_area`.
   */
  findClearRun(from: number, count: number, step: number = 1): number {
    let start = from;
    for (;;) {
      start = this.findClear(start);
      if (start < 0) return -1;
      start = Math.ceil(start / step) * step;
      const end = start + count;
      if (end > this.length) return -1;
      const obstacle = this.findSet(start);
      if (obstacle < 0 || obstacle >= end) return start;
      start = obstacle + 1;
    }
  }

  /** How many bits are set. O(length / 32). */
  count(): number {
    let count = 0;
    for (let bit = 0; bit < this.length; bit += 32) {
      const word = this.memory.load32(this.address + (bit >>> 5) * 4);
      count += popCount(word & rangeMask(bit, this.length));
    }
    return count;
  }

  /** `flip` is -1 to look for clear bits, 0 for set ones: after `word ^ flip` what is looked for is 1. */
  #find(from: number, flip: number): number {
    if (from >= this.length) return -1;
    const { memory, address, length } = this;
    let word = (memory.load32(address + (from >>> 5) * 4) ^ flip) & (-1 << (from & 31));
    let bit = from - (from & 31);
    while (word === 0) {
      bit += 32;
      if (bit >= length) return -1;
      word = memory.load32(address + (bit >>> 5) * 4) ^ flip;
    }
    bit += countTrailingZeros(word);
    return bit < length ? bit : -1;
  }
}

/** The bits of the word of `bit` from `bit` on, up to `end` or the word's end. */
const rangeMask = (bit: number, end: number): number => {
  const low = bit & 31;
  const high = Math.min(32, end - (bit - low));
  return (high === 32 ? -1 : (1 << high) - 1) & (-1 << low);
};
