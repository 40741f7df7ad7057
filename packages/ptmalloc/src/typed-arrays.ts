/*
 * Blocks as typed arrays: for JavaScript, a block is most useful as a view of it.
 */
import { type Address, InvalidArgumentError, type Memory } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";

/** Any typed array. */
export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** What makes a typed array over a buffer: `Float32Array` and its kin. */
export interface TypedArrayKind<T extends TypedArray> {
  /** Bytes of an element. */
  readonly BYTES_PER_ELEMENT: number;
  /** A view of `length` elements from byte `offset` on. */
  new (buffer: ArrayBuffer | SharedArrayBuffer, offset: number, length: number): T;
}

/** Bytes of `length` elements. */
export const bytesOf = (kind: TypedArrayKind<TypedArray>, length: number): number => {
  if (!Number.isSafeInteger(length) || length < 0)
    throw new InvalidArgumentError("length", length, "an integer of elements, 0 or more");
  return length * kind.BYTES_PER_ELEMENT;
};

/** The view of `length` elements at an address. */
export const viewAt = <T extends TypedArray>(
  memory: Memory,
  kind: TypedArrayKind<T>,
  address: Address,
  length: number,
): T => {
  if (!(memory instanceof LinearMemory))
    throw new InvalidArgumentError("memory", memory.constructor.name, "a linear memory, which has a buffer");
  return new kind(memory.buffer, address, length);
};
