/*
 * What a replay knows of the live blocks, and how it proves that they are sound.
 *
 * Content: each block is filled with a pattern of its own. The 32-bit word at offset 4k of a block is a function of the
 * block's seed and k, so bytes that were lost, moved or belong to another block all show.
 *
 * Place: live blocks are registered in every 1 KiB page of addresses that they touch, so an overlap is found by looking
 * at the few blocks of the same pages. A block of 0 bytes holds 1 byte here: it must have a place of its own.
 */
import type { Address, Memory } from "@heapwright/allocator";

const PAGE_SHIFT = 10;

/** The word at index `k` of the block with this seed. */
const word = (seed: number, k: number): number => Math.imul(seed + k + 1, 0x9e3779b1) ^ (seed << 7);

const byteAt = (seed: number, offset: number): number =>
  (word(seed, offset >>> 2) >>> ((offset & 3) * 8)) & 0xff;

/** Fills the first `size` bytes of a block, at a 4-byte boundary, with its pattern. */
export const fillPattern = (memory: Memory, address: Address, size: number, seed: number): void => {
  const words = Math.floor(size / 4);
  for (let k = 0; k < words; k++) memory.store32(address + k * 4, word(seed, k));
  for (let offset = words * 4; offset < size; offset++) memory.store8(address + offset, byteAt(seed, offset));
};

/** The offset of the first of `size` bytes that no longer holds the pattern, or -1. */
export const findLost = (memory: Memory, address: Address, size: number, seed: number): number => {
  const words = Math.floor(size / 4);
  let from = words * 4;
  for (let k = 0; k < words; k++) {
    if (memory.load32(address + k * 4) !== word(seed, k) >>> 0) {
      from = k * 4;
      break;
    }
  }
  for (let offset = from; offset < size; offset++) {
    if (memory.load8(address + offset) !== byteAt(seed, offset)) return offset;
  }
  return -1;
};

/** The offset of the first of `size` bytes that is not zero, or -1. */
export const findNonZero = (memory: Memory, address: Address, size: number): number => {
  const words = Math.floor(size / 4);
  for (let k = 0; k < words; k++) {
    if (memory.load32(address + k * 4) !== 0) {
      for (let offset = k * 4; ; offset++) if (memory.load8(address + offset) !== 0) return offset;
    }
  }
  for (let offset = words * 4; offset < size; offset++)
    if (memory.load8(address + offset) !== 0) return offset;
  return -1;
};

/** The address ranges of the live blocks, by slot. */
export class LiveRanges {
  readonly #pages: Map<number, number[]> = new Map<number, number[]>();
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;

  /** For the slots from 0 up to `slotCount - 1`. */
  constructor(slotCount: number) {
    this.#starts = new Float64Array(slotCount);
    this.#ends = new Float64Array(slotCount);
  }

  /** Registers a block; returns the slot of a live block that it overlaps, or -1 when it overlaps none. O(pages). */
  add(slot: number, address: Address, size: number): number {
    const starts = this.#starts;
    const ends = this.#ends;
    const end = address + Math.max(size, 1);
    let clash = -1;
    for (let page = this.#page(address); page <= this.#page(end - 1); page++) {
      const blocks = this.#pages.get(page);
      if (blocks === undefined) {
        this.#pages.set(page, [slot]);
        continue;
      }
      for (const other of blocks) {
        if (starts[other]! < end && address < ends[other]!) clash = other;
      }
      blocks.push(slot);
    }
    starts[slot] = address;
    ends[slot] = end;
    return clash;
  }

  /** Forgets the block of `slot`. O(pages). */
  remove(slot: number): void {
    const start = this.#starts[slot]!;
    const end = this.#ends[slot]!;
    for (let page = this.#page(start); page <= this.#page(end - 1); page++) {
      const blocks = this.#pages.get(page)!;
      const last = blocks.pop()!;
      if (last !== slot) blocks[blocks.indexOf(slot)] = last;
      if (blocks.length === 0) this.#pages.delete(page);
    }
  }

  #page(address: Address): number {
    return Math.floor(address / 2 ** PAGE_SHIFT);
  }
}
