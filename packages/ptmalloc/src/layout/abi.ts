/*
 * What an ABI means to malloc: its word. Everything else (alignment, chunk sizes, bin spacing, heap size) follows from
 * the word and the profile, and is worked out once in geometry.ts.
 */

/** A C ABI: the 32-bit one with 4-byte words, or the 64-bit one with 8-byte words. */
export type Abi = "i386" | "x86_64";

/** Bytes in the ABI's machine word, glibc's SIZE_SZ. */
export const wordBytes = (abi: Abi): 4 | 8 => (abi === "i386" ? 4 : 8);
