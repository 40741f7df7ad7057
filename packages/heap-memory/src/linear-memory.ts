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
    this.bytes = new Uint8Array(buffer);
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
    expectLength("byteLength", buffer.byteLength);
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
   */
  static wasm(memory: WasmMemory, maxByteLength: number = LIMIT): LinearMemory {
    return new LinearMemory(memory.buffer, memory, maxByteLength);
  }

  /**
   * A new memory that grows, over a WebAssembly.Memory of its own.
   *
   * @param options `initial` and `maximum` in bytes, rounded up to 64 KiB pages; `shared` for use by several workers.
   */
  static growing(options: { initial?: number; maximum?: number; shared?: boolean } = {}): LinearMemory {
    const maximum = Math.ceil(Math.min(options.maximum ?? LIMIT, LIMIT) / WASM_PAGE);
    const initial = Math.ceil((options.initial ?? WASM_PAGE) / WASM_PAGE);
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
    const pages = Math.ceil((byteLength - this.wasm.buffer.byteLength) / WASM_PAGE);
    try {
      if (pages > 0) this.wasm.grow(pages);
    } catch {
      return false;
    }
    this.refresh();
    return this.byteLength >= byteLength;
  }

  /** Renews the views when the buffer was replaced, by this side's growth or another's (a module, another worker). */
  refresh(): void {
    if (this.wasm === undefined || this.wasm.buffer === this.buffer) return;
    const buffer = this.wasm.buffer;
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
}

const expectLength = (name: string, length: number): number => {
  if (!Number.isSafeInteger(length) || length < 0 || length > LIMIT || length % 8 !== 0) {
    throw new InvalidArgumentError(name, length, "a multiple of 8 from 0 to 2^32");
  }
  return length;
};
