import { type Address, InvalidArgumentError, type Memory, PoisonedAccessError } from "@heapwright/allocator";

/**
 * Memory with a shadow, as AddressSanitizer has: each byte may be poisoned, and then any access to it throws.
 *
 * The shadow is one bit a byte: bit `a % 8` of `shadow[a / 8]`, so that every range is exact. Bytes out of the memory
 * are poisoned for good; misaligned accesses are refused too. New bytes of a growth are not poisoned.
 *
 * An allocator's own accesses go to `parent`, its users' through this memory: then what is not a live block can be
 * poisoned without hindering the allocator.
 *
 * @example
 * ```ts
 * const checked = new CheckedMemory(LinearMemory.fixed(4096));
 * checked.poison(100, 28);
 * checked.load32(96); // 0
 * checked.load32(100); // throws PoisonedAccessError: load of 4 bytes at 0x64: 0x64 is poisoned
 * ```
 */
export class CheckedMemory implements Memory {
  readonly maxByteLength: number;
  /** The memory that does the work. */
  readonly parent: Memory;
  #shadow: Uint8Array;

  constructor(parent: Memory) {
    this.parent = parent;
    this.maxByteLength = parent.maxByteLength;
    this.#shadow = new Uint8Array(Math.ceil(parent.byteLength / 8));
  }

  get byteLength(): number {
    return this.parent.byteLength;
  }

  /**
   * Forbids the bytes of a range until they are unpoisoned. O(length / 8).
   *
   * @throws InvalidArgumentError when it is no range of the memory.
   */
  poison(address: Address, length: number): void {
    this.#mark(address, length, 0xff);
  }

  /** Allows the bytes of a range. O(length / 8). @throws InvalidArgumentError when it is no range of the memory. */
  unpoison(address: Address, length: number): void {
    this.#mark(address, length, 0);
  }

  /** The first poisoned byte of a range, or -1. A byte out of the memory counts as poisoned. O(length / 8). */
  firstPoisoned(address: Address, length: number): Address {
    if (!(address >= 0) || address % 1 !== 0) {
      throw new InvalidArgumentError("address", address, "an integer, 0 or more");
    }
    const shadow = this.#shadowNow();
    const end = address + length;
    const inside = Math.min(end, this.parent.byteLength);
    for (let at = address; at < inside; ) {
      const bits = shadow[Math.floor(at / 8)]! & bitsOf(at, inside);
      if (bits !== 0) return at - (at % 8) + (31 - Math.clz32(bits & -bits));
      at += 8 - (at % 8);
    }
    return end > inside ? Math.max(address, inside) : -1;
  }

  load8(address: Address): number {
    this.#expect("load", address, 1);
    return this.parent.load8(address);
  }
  load16(address: Address): number {
    this.#expect("load", address, 2);
    return this.parent.load16(address);
  }
  load32(address: Address): number {
    this.#expect("load", address, 4);
    return this.parent.load32(address);
  }
  load64(address: Address): bigint {
    this.#expect("load", address, 8);
    return this.parent.load64(address);
  }
  store8(address: Address, value: number): void {
    this.#expect("store", address, 1);
    this.parent.store8(address, value);
  }
  store16(address: Address, value: number): void {
    this.#expect("store", address, 2);
    this.parent.store16(address, value);
  }
  store32(address: Address, value: number): void {
    this.#expect("store", address, 4);
    this.parent.store32(address, value);
  }
  store64(address: Address, value: bigint): void {
    this.#expect("store", address, 8);
    this.parent.store64(address, value);
  }
  fill(address: Address, length: number, byte: number): void {
    this.#expectRange("fill", address, length);
    this.parent.fill(address, length, byte);
  }
  copy(target: Address, source: Address, length: number): void {
    this.#expectRange("copy from", source, length);
    this.#expectRange("copy to", target, length);
    this.parent.copy(target, source, length);
  }
  read(address: Address, length: number): Uint8Array {
    this.#expectRange("read", address, length);
    return this.parent.read(address, length);
  }
  write(address: Address, bytes: Uint8Array): void {
    this.#expectRange("write", address, bytes.length);
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

  #expect(access: string, address: Address, size: number): void {
    if (address % size !== 0) {
      throw new InvalidArgumentError(
        "address",
        address,
        `a multiple of ${size} for a ${access} of ${size} bytes`,
      );
    }
    this.#expectRange(access, address, size);
  }

  #expectRange(access: string, address: Address, length: number): void {
    const at = address < 0 ? address : this.firstPoisoned(address, length);
    if (at === -1 && address >= 0) return;
    throw new PoisonedAccessError(at, `${access} of ${length} bytes at 0x${address.toString(16)}`);
  }

  #mark(address: Address, length: number, value: number): void {
    const end = address + length;
    if (
      !(address >= 0 && length >= 0 && end <= this.parent.byteLength) ||
      address % 1 !== 0 ||
      length % 1 !== 0
    ) {
      throw new InvalidArgumentError("range", `[${address}, ${end})`, "a range of the memory");
    }
    const shadow = this.#shadowNow();
    const first = Math.ceil(address / 8);
    const last = Math.floor(end / 8);
    if (first <= last) shadow.fill(value, first, last);
    const partial = (at: Address, stop: Address): void => {
      const index = Math.floor(at / 8);
      const bits = bitsOf(at, stop);
      shadow[index] = value === 0 ? shadow[index]! & ~bits : shadow[index]! | bits;
    };
    if (address % 8 !== 0) partial(address, end);
    if (end % 8 !== 0 && last * 8 >= address) partial(last * 8, end);
  }

  /** The shadow, made longer when the memory has grown. */
  #shadowNow(): Uint8Array {
    const length = Math.ceil(this.parent.byteLength / 8);
    if (this.#shadow.length < length) {
      const shadow = new Uint8Array(length);
      shadow.set(this.#shadow);
      this.#shadow = shadow;
    }
    return this.#shadow;
  }
}

/** The shadow bits of the bytes from `at` to `end` in `at`'s granule of 8. */
const bitsOf = (at: Address, end: Address): number => {
  const low = at % 8;
  const high = Math.min(8, end - (at - low));
  return (0xff << low) & (0xff >>> (8 - high));
};
