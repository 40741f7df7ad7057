/*
 * A column of 64-bit words, as two columns of 32: numbers go in and out without a BigInt a word.
 *
 * Written out it is little-endian, whatever the machine.
 */
const HIGH = 2 ** 32;

/** Unsigned words of up to 53 bits. */
export class Words {
  readonly length: number;
  readonly #halves: Uint32Array;

  constructor(length: number) {
    this.length = length;
    this.#halves = new Uint32Array(2 * length);
  }

  /**
   * The words that little-endian bytes spell.
   *
   * @throws RangeError when the bytes are not whole words.
   */
  static fromBytes(bytes: Uint8Array): Words {
    if (bytes.length % 8 !== 0) throw new RangeError(`${bytes.length} bytes are not whole 8-byte words`);
    const words = new Words(bytes.length / 8);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let half = 0; half < 2 * words.length; half++) words.#halves[half] = view.getUint32(4 * half, true);
    return words;
  }

  get(index: number): number {
    return this.#halves[2 * index]! + HIGH * this.#halves[2 * index + 1]!;
  }

  set(index: number, value: number): void {
    this.#halves[2 * index] = value;
    if (value >= HIGH) this.#halves[2 * index + 1] = value / HIGH;
    else this.#halves[2 * index + 1] = 0;
  }

  /** The words as little-endian bytes. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(8 * this.length);
    const view = new DataView(bytes.buffer);
    for (let half = 0; half < 2 * this.length; half++) view.setUint32(4 * half, this.#halves[half]!, true);
    return bytes;
  }

  /** The first index at which two columns differ, also by ending; -1 when they are the same. */
  firstDifference(other: Words): number {
    const common = Math.min(this.length, other.length);
    for (let index = 0; index < common; index++) {
      if (
        this.#halves[2 * index] !== other.#halves[2 * index] ||
        this.#halves[2 * index + 1] !== other.#halves[2 * index + 1]
      )
        return index;
    }
    return this.length === other.length ? -1 : common;
  }
}
