import type { Address } from "./address.ts";

/**
 * The one way by which an allocator touches bytes.
 *
 * Because strategies speak only to `Memory`, the same allocator runs fast (over a linear memory), simulated (over a
 * process with page tables), counted (words, cache lines and pages) or checked (shadow bytes).
 *
 * Multi-byte accesses are little-endian and their address must be a multiple of their size. An address out of
 * range is a bug in the caller: a linear memory may return any value for it or drop the store (as a typed array
 * does), a checked or paged memory throws.
 *
 * Cost: every access is O(1) and meant to be inlined. Implementations are classes with one shape, so that a call site
 * that sees one of them stays monomorphic.
 */
export interface Memory {
  /** Bytes that may be touched now: addresses from 0 to `byteLength - 1`. Changes only by growth. */
  readonly byteLength: number;
  /** The largest `byteLength` that {@link Memory.grow} can reach, in bytes, at most 2^32. */
  readonly maxByteLength: number;

  /** The byte at `address`, 0 to 255. */
  load8(address: Address): number;
  /** The two bytes at `address`, 0 to 65535. */
  load16(address: Address): number;
  /** The four bytes at `address`, 0 to 2^32 - 1. */
  load32(address: Address): number;
  /** The eight bytes at `address`, unsigned. Slow (it makes a BigInt): for inspection, not for hot paths. */
  load64(address: Address): bigint;
  /** Stores the low 8 bits of `value`. */
  store8(address: Address, value: number): void;
  /** Stores the low 16 bits of `value`. */
  store16(address: Address, value: number): void;
  /** Stores the low 32 bits of `value`. */
  store32(address: Address, value: number): void;
  /** Stores the low 64 bits of `value`. */
  store64(address: Address, value: bigint): void;

  /** Sets `length` bytes from `address` on to the low 8 bits of `byte`. O(length). */
  fill(address: Address, length: number, byte: number): void;
  /** Moves `length` bytes from `source` to `target`; the ranges may overlap (C's `memmove`). O(length). */
  copy(target: Address, source: Address, length: number): void;
  /** A copy of `length` bytes from `address` on. O(length). */
  read(address: Address, length: number): Uint8Array;
  /** Stores `bytes` from `address` on. O(length). */
  write(address: Address, bytes: Uint8Array): void;

  /**
   * Makes the memory at least `byteLength` bytes long. New bytes are zero, old ones keep their value and address.
   *
   * @returns false, with nothing changed, when it cannot (fixed buffer, maximum reached, host out of memory).
   */
  grow(byteLength: number): boolean;
  /**
   * Calls `listener` after each growth that replaced the buffer under the views (so that views taken before are
   * stale). Does nothing for a memory that never grows.
   *
   * @returns a function that ends the subscription.
   */
  onGrow(listener: () => void): () => void;
  /**
   * Takes notice of growth by others: another worker, a WebAssembly module. There only where others can grow the
   * memory. Who shares a heap calls it once the heap's lock is held. O(1).
   */
  refresh?(): void;
}
