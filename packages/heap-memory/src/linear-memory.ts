import { type Address, InvalidArgumentError, InvalidPointerError, type Memory } from "@heapwright/allocator";

/** Bytes in a WebAssembly page. */
const WASM_PAGE = 65536;
const LIMIT = 2 ** 32;

/**
 * What is used of a WebAssembly.Memory. Spelled out so that neither this package nor its users need the DOM's types.
 */
export interface WasmMemory {
  /** The buffer, replaced at each growth. */
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  /** Grows by 64 KiB pages; throws when it cannot. */
  grow(pages: number): number;
}

declare const WebAssembly: {
  readonly Memory: new (descriptor: { initial: number; maximum: number; shared: boolean }) => WasmMemory;
};

/** The buffers that a linear memory lies over. */
export type LinearBuffer = ArrayBuffer | SharedArrayBuffer;

/**
 * Memory over one buffer: an ArrayBuffer, a SharedArrayBuffer or a WebAssembly.Memory. The fast one.
 *
 * The typed-array views are fields, renewed when the memory grows and never looked up per access: reading
 * `memory.buffer` on every call costs eight times as much as the access itself. All three kinds of buffer
 * then cost the same.
 *
 * Reads out of range give 0, stores out of range are dropped (as typed arrays do).
 */
export class LinearMemory implements Memory {
  byteLength: number;
  readonly maxByteLength: number;
  /** The buffer under the views. Replaced when a WebAssembly.Memory grows. */
  buffer: LinearBuffer;
  /** The whole memory as bytes. Do not keep it across a growth. */
  bytes: Uint8Array;
  /** The whole memory as 16-bit words; the index is the address / 2. Do not keep it across a growth. */
  halves: Uint16Array;
  /** The whole memory as 32-bit words; the index is the address / 4. Do not keep it across a growth. */
  words: Uint32Array;
  /** The WebAssembly.Memory behind the buffer, when there is one. */
  readonly wasm: WasmMemory | undefined;
  readonly #listeners = new Set<() => void>();

  private constructor(buffer: LinearBuffer, wasm: WasmMemory | undefined, maxByteLength: number) {
    this.buffer = buffer;
    this.byteLength = buffer.byteLength;
    this.maxByteLength = maxByteLength;
    this.wasm = wasm;
    // Lengths are spelled out: a view that tracks a resizable buffer's length is much slower.
    this.bytes = new Uint8Array(buffer, 0, this.byteLength);
    this.halves = new Uint16Array(buffer, 0, this.byteLength / 2);
    this.words = new Uint32Array(buffer, 0, this.byteLength / 4);
  }

  /**
   * A memory of fixed length.
   *
   * @param source A length in bytes (a multiple of 8, at most 2^32), or a buffer to use.
   * @example
   * ```ts
   * const memory = LinearMemory.fixed(65536);
   * ```
   */
  static fixed(source: number | LinearBuffer): LinearMemory {
    const buffer = typeof source === "number" ? new ArrayBuffer(expectLength("byteLength", source)) : source;
    expectLength("byteLength", buffer?.byteLength);
    return new LinearMemory(buffer, undefined, buffer.byteLength);
  }

  /**
   * A memory of fixed length that workers can share.
   *
   * @param byteLength Bytes: a multiple of 8, at most 2^32.
   */
  static shared(byteLength: number): LinearMemory {
    return LinearMemory.fixed(new SharedArrayBuffer(expectLength("byteLength", byteLength)));
  }

  /**
   * A memory over a WebAssembly.Memory, which grows by whole 64 KiB pages up to `maxByteLength`.
   *
   * @param memory The WebAssembly.Memory, shared or not.
   * @param maxByteLength Bytes: the maximum that the WebAssembly.Memory was made with (it does not tell it itself).
   * @throws InvalidArgumentError when `memory` is none, as the export of a module that keeps its memory to itself.
   * @example
   * ```ts ignore
   * const { memory, __heap_base } = instance.exports;
   * const pages = LinearPages.create(LinearMemory.wasm(memory), alignUp(__heap_base.value, 64));
   * ```
   */
  static wasm(memory: WasmMemory, maxByteLength: number = LIMIT): LinearMemory {
    // A module need not export its memory.
    if (memory?.buffer?.byteLength === undefined)
      throw new InvalidArgumentError("memory", memory, "a WebAssembly.Memory");
    return new LinearMemory(memory.buffer, memory, maxByteLength);
  }

  /**
   * A new memory that grows, over a WebAssembly.Memory of its own.
   *
   * @param options `initial` and `maximum` in bytes, rounded up to 64 KiB pages; `shared` for use by several workers.
   */
  static growing(options: { initial?: number; maximum?: number; shared?: boolean } = {}): LinearMemory {
    const most = options.maximum ?? LIMIT;
    const least = options.initial ?? Math.min(WASM_PAGE, most);
    if (!(most >= 0 && most <= LIMIT))
      throw new InvalidArgumentError("maximum", most, "bytes from 0 to 2^32");
    if (!(least >= 0 && least <= most))
      throw new InvalidArgumentError("initial", least, "bytes from 0 to the maximum");
    const maximum = Math.ceil(most / WASM_PAGE);
    const initial = Math.ceil(least / WASM_PAGE);
    const memory = new WebAssembly.Memory({ initial, maximum, shared: options.shared ?? false });
    return LinearMemory.wasm(memory, maximum * WASM_PAGE);
  }

  load8(address: Address): number {
    return this.bytes[address]!;
  }
  load16(address: Address): number {
    return this.halves[address >>> 1]!;
  }
  load32(address: Address): number {
    return this.words[address >>> 2]!;
  }
  load64(address: Address): bigint {
    return (BigInt(this.load32(address + 4)) << 32n) | BigInt(this.load32(address));
  }
  store8(address: Address, value: number): void {
    this.bytes[address] = value;
  }
  store16(address: Address, value: number): void {
    this.halves[address >>> 1] = value;
  }
  store32(address: Address, value: number): void {
    this.words[address >>> 2] = value;
  }
  store64(address: Address, value: bigint): void {
    this.store32(address, Number(value & 0xffffffffn));
    this.store32(address + 4, Number((value >> 32n) & 0xffffffffn));
  }

  fill(address: Address, length: number, byte: number): void {
    this.bytes.fill(byte, address, address + length);
  }
  copy(target: Address, source: Address, length: number): void {
    this.bytes.copyWithin(target, source, source + length);
  }
  read(address: Address, length: number): Uint8Array {
    return this.bytes.slice(address, address + length);
  }
  write(address: Address, bytes: Uint8Array): void {
    if (address + bytes.length > this.byteLength)
      throw new InvalidPointerError(address, "is too near the end of the memory");
    this.bytes.set(bytes, address);
  }

  grow(byteLength: number): boolean {
    if (byteLength <= this.byteLength) return true;
    if (this.wasm === undefined || byteLength > this.maxByteLength) return false;
    // Another worker's growth may not have reached this side yet: without this it would be grown too far.
    this.refresh();
    const pages = Math.ceil((byteLength - this.wasm.buffer.byteLength) / WASM_PAGE);
    try {
      if (pages > 0) this.wasm.grow(pages);
    } catch {
      // Full, or another worker has grown it meanwhile: what counts is how long it now is.
    }
    this.refresh();
    return this.byteLength >= byteLength;
  }

  /**
   * Renews the views when the buffer was replaced, by this side's growth or another's (a module, another worker).
   *
   * Every method that may meet an address beyond `byteLength` in a memory that others grow calls it first. O(1).
   */
  refresh(): void {
    if (this.wasm === undefined) return;
    // What another worker grew shows in `buffer` only some time later; growing by nothing makes it show now.
    if (isShared(this.buffer)) this.wasm.grow(0);
    const buffer = this.wasm.buffer;
    // A shared buffer may be replaced by one of the same length; the old one stays valid then.
    if (
      buffer === this.buffer ||
      (buffer.byteLength === this.byteLength && this.byteLength > 0 && isShared(buffer))
    ) {
      return;
    }
    this.buffer = buffer;
    this.byteLength = buffer.byteLength;
    this.bytes = new Uint8Array(buffer);
    this.halves = new Uint16Array(buffer);
    this.words = new Uint32Array(buffer);
    for (const listener of this.#listeners) listener();
  }

  onGrow(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A view of `length` bytes from `address` on, 0 to 255 each. */
  u8(address: Address, length: number): Uint8Array {
    this.#expectView(address, length, 1);
    return new Uint8Array(this.buffer, address, length);
  }
  /** A view of `length` bytes from `address` on, -128 to 127 each. */
  i8(address: Address, length: number): Int8Array {
    this.#expectView(address, length, 1);
    return new Int8Array(this.buffer, address, length);
  }
  /** A view of `length` unsigned 16-bit elements from `address` (a multiple of 2) on. */
  u16(address: Address, length: number): Uint16Array {
    this.#expectView(address, length, 2);
    return new Uint16Array(this.buffer, address, length);
  }
  /** A view of `length` signed 16-bit elements from `address` (a multiple of 2) on. */
  i16(address: Address, length: number): Int16Array {
    this.#expectView(address, length, 2);
    return new Int16Array(this.buffer, address, length);
  }
  /** A view of `length` unsigned 32-bit elements from `address` (a multiple of 4) on. */
  u32(address: Address, length: number): Uint32Array {
    this.#expectView(address, length, 4);
    return new Uint32Array(this.buffer, address, length);
  }
  /** A view of `length` signed 32-bit elements from `address` (a multiple of 4) on. */
  i32(address: Address, length: number): Int32Array {
    this.#expectView(address, length, 4);
    return new Int32Array(this.buffer, address, length);
  }
  /** A view of `length` 32-bit floats from `address` (a multiple of 4) on. */
  f32(address: Address, length: number): Float32Array {
    this.#expectView(address, length, 4);
    return new Float32Array(this.buffer, address, length);
  }
  /** A view of `length` 64-bit floats from `address` (a multiple of 8) on. */
  f64(address: Address, length: number): Float64Array {
    this.#expectView(address, length, 8);
    return new Float64Array(this.buffer, address, length);
  }
  /** A view of `length` unsigned 64-bit elements from `address` (a multiple of 8) on. */
  u64(address: Address, length: number): BigUint64Array {
    this.#expectView(address, length, 8);
    return new BigUint64Array(this.buffer, address, length);
  }
  /** A view of `length` signed 64-bit elements from `address` (a multiple of 8) on. */
  i64(address: Address, length: number): BigInt64Array {
    this.#expectView(address, length, 8);
    return new BigInt64Array(this.buffer, address, length);
  }

  /**
   * Gives `use` a view now, and a new one each time that growth has made the last one stale.
   *
   * @param kind The view's method: `"u8"`, `"f32"` ...
   * @param length Elements.
   * @returns a function that ends it: call it before the block is given back.
   * @throws InvalidPointerError when the range does not lie in the memory or is misaligned for the kind.
   * @example
   * ```ts
   * const memory = LinearMemory.growing();
   * let positions = memory.f32(1024, 3);
   * const end = memory.follow("f32", 1024, 3, (view) => {
   *   positions = view;
   * });
   * memory.grow(2 * 65536);
   * positions[0] = 1.5; // the view is the new one
   * end();
   * ```
   */
  follow<K extends ViewKind>(
    kind: K,
    address: Address,
    length: number,
    use: (view: Views[K]) => void,
  ): () => void {
    const renew = (): void => use(this[kind](address, length) as Views[K]);
    renew();
    return this.onGrow(renew);
  }

  #expectView(address: Address, length: number, size: number): void {
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new InvalidArgumentError("length", length, "an integer of elements, 0 or more");
    }
    if (!Number.isSafeInteger(address) || address < 0 || address % size !== 0) {
      throw new InvalidPointerError(address, `is no address of ${size}-byte elements`);
    }
    if (address + length * size > this.byteLength) this.refresh();
    if (address + length * size > this.byteLength) {
      throw new InvalidPointerError(address, `has no ${length * size} bytes before the end of the memory`);
    }
  }
}

/** The views of a {@link LinearMemory}, by the name of the method that makes them. */
export interface Views {
  /** Bytes. */
  readonly u8: Uint8Array;
  /** Signed bytes. */
  readonly i8: Int8Array;
  /** 16-bit elements. */
  readonly u16: Uint16Array;
  /** Signed 16-bit elements. */
  readonly i16: Int16Array;
  /** 32-bit elements. */
  readonly u32: Uint32Array;
  /** Signed 32-bit elements. */
  readonly i32: Int32Array;
  /** 32-bit floats. */
  readonly f32: Float32Array;
  /** 64-bit floats. */
  readonly f64: Float64Array;
  /** 64-bit elements, as BigInts. */
  readonly u64: BigUint64Array;
  /** Signed 64-bit elements, as BigInts. */
  readonly i64: BigInt64Array;
}

/** The name of a view method of {@link LinearMemory}. */
export type ViewKind = keyof Views;

const isShared = (buffer: LinearBuffer): boolean =>
  typeof SharedArrayBuffer === "function" && buffer instanceof SharedArrayBuffer;

const expectLength = (name: string, length: number): number => {
  if (!Number.isSafeInteger(length) || length < 0 || length > LIMIT || length % 8 !== 0) {
    throw new InvalidArgumentError(name, length, "a multiple of 8 from 0 to 2^32");
  }
  return length;
};
