import type { Address, Memory } from "@heapwright/allocator";

const LINE_BITS = 6;
const PAGE_BITS = 12;
/** Units (lines or pages) in one leaf of the stamp table. */
const LEAF_BITS = 14;

/**
 * Remembers in which window each unit of memory was last touched. Leaves are made when first touched, so that
 * a 4 GiB memory costs only what is used of it.
 */
class Stamps {
  readonly #unitBits: number;
  readonly #leaves: (Uint32Array | undefined)[];

  constructor(unitBits: number) {
    this.#unitBits = unitBits;
    this.#leaves = new Array<Uint32Array | undefined>(2 ** (32 - unitBits - LEAF_BITS)).fill(undefined);
  }

  /** Stamps the unit of `address`; 1 when it did not carry the stamp yet, else 0. */
  touch(address: Address, stamp: number): number {
    const unit = address >>> this.#unitBits;
    const top = unit >>> LEAF_BITS;
    const leaf = this.#leaves[top] ?? this.#grow(top);
    const index = unit & (2 ** LEAF_BITS - 1);
    if (leaf[index] === stamp) return 0;
    leaf[index] = stamp;
    return 1;
  }

  #grow(top: number): Uint32Array {
    const leaf = new Uint32Array(2 ** LEAF_BITS);
    this.#leaves[top] = leaf;
    return leaf;
  }
}

/**
 * Counts what is touched of another memory: words, cache lines of 64 bytes, pages of 4,096 bytes. The counts are the
 * same on every machine and in every run, where times are not.
 *
 * Between `begin()` and `end()` lies one operation; of it, each line and page counts once, however often it is
 * touched. What is touched outside counts nowhere, so that a user's own accesses to blocks do not.
 *
 * A word is one load or store of up to 4 bytes, aligned or in bulk; a 64-bit access is two.
 *
 * @example
 * ```ts
 * const counted = new CountingMemory(LinearMemory.fixed(65536));
 * counted.begin();
 * counted.store32(0, 1);
 * counted.store32(4, 2);
 * counted.store32(4096, 3);
 * counted.end();
 * [counted.words, counted.lines, counted.pages]; // [3, 2, 2]
 * ```
 */
export class CountingMemory implements Memory {
  readonly maxByteLength: number;
  /** The memory that does the work. */
  readonly parent: Memory;
  /** Words touched in all operations. */
  words = 0;
  /** Cache lines touched: the sum over operations of each one's distinct lines. */
  lines = 0;
  /** Pages touched: the sum over operations of each one's distinct pages. */
  pages = 0;
  /** Operations that have ended. */
  operations = 0;
  /** Words touched in the operation that runs or has just ended. */
  operationWords = 0;
  /** Distinct cache lines touched in it. */
  operationLines = 0;
  /** Distinct pages touched in it. */
  operationPages = 0;
  readonly #lineStamps: Stamps = new Stamps(LINE_BITS);
  readonly #pageStamps: Stamps = new Stamps(PAGE_BITS);
  #stamp = 0;
  #open = false;

  /** @param parent Any memory; it must not be touched past this one if all is to be counted. */
  constructor(parent: Memory) {
    this.parent = parent;
    this.maxByteLength = parent.maxByteLength;
  }

  get byteLength(): number {
    return this.parent.byteLength;
  }

  /**
   * An operation begins. O(1). An operation still open is ended first. At most 2^32 - 1 operations are told apart.
   */
  begin(): void {
    if (this.#open) this.end();
    this.#stamp++;
    this.#open = true;
    this.operationWords = 0;
    this.operationLines = 0;
    this.operationPages = 0;
  }

  /** The operation ends: its counts are added to the totals. Nothing happens when none is open. O(1). */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.operations++;
    this.words += this.operationWords;
    this.lines += this.operationLines;
    this.pages += this.operationPages;
  }

  load8(address: Address): number {
    this.#touch(address);
    return this.parent.load8(address);
  }
  load16(address: Address): number {
    this.#touch(address);
    return this.parent.load16(address);
  }
  load32(address: Address): number {
    this.#touch(address);
    return this.parent.load32(address);
  }
  load64(address: Address): bigint {
    this.#touchRange(address, 8);
    return this.parent.load64(address);
  }
  store8(address: Address, value: number): void {
    this.#touch(address);
    this.parent.store8(address, value);
  }
  store16(address: Address, value: number): void {
    this.#touch(address);
    this.parent.store16(address, value);
  }
  store32(address: Address, value: number): void {
    this.#touch(address);
    this.parent.store32(address, value);
  }
  store64(address: Address, value: bigint): void {
    this.#touchRange(address, 8);
    this.parent.store64(address, value);
  }
  fill(address: Address, length: number, byte: number): void {
    this.#touchRange(address, length);
    this.parent.fill(address, length, byte);
  }
  /** Counts both ranges: the words read and the words written. */
  copy(target: Address, source: Address, length: number): void {
    this.#touchRange(source, length);
    this.#touchRange(target, length);
    this.parent.copy(target, source, length);
  }
  read(address: Address, length: number): Uint8Array {
    this.#touchRange(address, length);
    return this.parent.read(address, length);
  }
  write(address: Address, bytes: Uint8Array): void {
    this.#touchRange(address, bytes.length);
    this.parent.write(address, bytes);
  }
  grow(byteLength: number): boolean {
    return this.parent.grow(byteLength);
  }
  onGrow(listener: () => void): () => void {
    return this.parent.onGrow(listener);
  }
  /** As `Memory.refresh` of the parent; does nothing where it has none. */
  refresh(): void {
    this.parent.refresh?.();
  }

  #touch(address: Address): void {
    if (!this.#open) return;
    this.operationWords++;
    this.operationLines += this.#lineStamps.touch(address, this.#stamp);
    this.operationPages += this.#pageStamps.touch(address, this.#stamp);
  }

  #touchRange(address: Address, length: number): void {
    if (!this.#open || length <= 0) return;
    const end = Math.min(address + length, this.byteLength);
    if (end <= address) return;
    this.operationWords += Math.ceil(end / 4) - Math.floor(address / 4);
    for (let at = address - (address % 64); at < end; at += 64) {
      this.operationLines += this.#lineStamps.touch(at, this.#stamp);
    }
    for (let at = address - (address % 4096); at < end; at += 4096) {
      this.operationPages += this.#pageStamps.touch(at, this.#stamp);
    }
  }
}
