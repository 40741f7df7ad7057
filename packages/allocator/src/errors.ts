import type { Address } from "./address.ts";

/** An address as messages show it; what is none, as it is. */
const hex = (address: Address): string =>
  Number.isSafeInteger(address) && address >= 0 ? `0x${address.toString(16)}` : String(address);

/** Base of every error that the family throws. Exhaustion is not an error: it returns {@link NULL}. */
export abstract class HeapwrightError extends Error {
  /** A stable name for programs to test, in the manner of Node's own errors. */
  abstract readonly code: string;
}

/** An argument that no call could accept: not an integer, negative, out of range, not a power of two. */
export class InvalidArgumentError extends HeapwrightError {
  override readonly name = "InvalidArgumentError";
  readonly code = "ERR_INVALID_ARGUMENT";
  /** The parameter's name. */
  readonly argument: string;
  /** The value passed. */
  readonly value: unknown;

  /** @param expected what would have been accepted, as in "an integer from 0 to 63". */
  constructor(argument: string, value: unknown, expected: string) {
    super(`${argument} must be ${expected}, not ${String(value)}`);
    this.argument = argument;
    this.value = value;
  }
}

/** An address that is no live block of the allocator it was given to. */
export class InvalidPointerError extends HeapwrightError {
  override readonly name = "InvalidPointerError";
  readonly code = "ERR_INVALID_POINTER";
  /** The address passed. */
  readonly address: Address;

  /** @param fault what is wrong with it, as in "is not 16-byte aligned". */
  constructor(address: Address, fault: string) {
    super(`${hex(address)} ${fault}`);
    this.address = address;
  }
}

/** A block that was given back twice. */
export class DoubleFreeError extends HeapwrightError {
  override readonly name = "DoubleFreeError";
  readonly code = "ERR_DOUBLE_FREE";
  /** The address passed. */
  readonly address: Address;

  constructor(address: Address) {
    super(`${hex(address)} is already free`);
    this.address = address;
  }
}

/**
 * The heap's own data is not what the allocator wrote: something overran a block or wrote through a stale pointer.
 */
export class HeapCorruptionError extends HeapwrightError {
  override readonly name = "HeapCorruptionError";
  readonly code = "ERR_HEAP_CORRUPTION";
  /** The block or field at fault. */
  readonly address: Address;

  /** @param fault the whole message; for glibc's checks, glibc's own words. */
  constructor(address: Address, fault: string) {
    super(fault);
    this.address = address;
  }
}

/** An access to bytes that nobody may touch: before a block, after it, or in it once it was given back. */
export class PoisonedAccessError extends HeapwrightError {
  override readonly name = "PoisonedAccessError";
  readonly code = "ERR_POISONED_ACCESS";
  /** The first poisoned byte of the access. */
  readonly address: Address;

  /** @param access what was done, as in "load of 4 bytes at 0x1000". */
  constructor(address: Address, access: string) {
    super(`${access}: ${hex(address)} is poisoned`);
    this.address = address;
  }
}

/** A memory that holds no heap, or the heap of another strategy or version, was attached to. */
export class AttachError extends HeapwrightError {
  override readonly name = "AttachError";
  readonly code = "ERR_ATTACH";
}

/** A lock whose owner died, or that was not free within the time stated. */
export class LockError extends HeapwrightError {
  override readonly name = "LockError";
  readonly code = "ERR_LOCK";
}
