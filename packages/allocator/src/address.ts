/**
 * A byte offset into a {@link Memory}: an integer from 0 to 2^32 - 1.
 *
 * Addresses above 2^31 are valid. Code that masks an address with `&` or `|` must bring it back with `>>> 0`.
 */
export type Address = number;

/** The address that is no address. Allocators return it when they are exhausted, as C's `malloc` does. */
export const NULL = 0;
