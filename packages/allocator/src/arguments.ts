import type { Address } from "./address.ts";
import { InvalidArgumentError, InvalidPointerError } from "./errors.ts";
import type { Memory } from "./memory.ts";

/**
 * The slow half of a size check. A strategy tests `size >>> 0 !== size` (or a tighter bound) on its fast path and
 * only then calls this: it throws for what is no size at all and returns for an integer that is merely too large,
 * which the strategy answers with `NULL`.
 *
 * @throws InvalidArgumentError when `size` is negative, fractional or not a number.
 */
export const expectSize = (size: number): void => {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new InvalidArgumentError("size", size, "an integer of bytes, 0 or more");
  }
};

/**
 * Checks an alignment.
 *
 * @throws InvalidArgumentError unless `alignment` is a power of two from 1 to 2^31.
 */
export const expectAlignment = (alignment: number): void => {
  const bits = alignment >>> 0;
  if (bits !== alignment || bits === 0 || (bits & (bits - 1)) !== 0) {
    throw new InvalidArgumentError("alignment", alignment, "a power of two from 1 to 2^31");
  }
};

/**
 * Checks the form of a block's address: what can be seen without looking at the heap.
 *
 * @throws InvalidPointerError unless `address` is an integer inside the memory and a multiple of `alignment` (a
 * power of two).
 */
export const expectAddress = (memory: Memory, alignment: number, address: Address): void => {
  if (address >>> 0 !== address || address >= memory.byteLength) {
    throw new InvalidPointerError(address, "is no address of the memory");
  }
  if ((address & (alignment - 1)) !== 0) {
    throw new InvalidPointerError(address, `is not ${alignment}-byte aligned`);
  }
};
