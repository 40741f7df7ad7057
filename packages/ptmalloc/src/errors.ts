/*
 * How malloc gives up: by the very words glibc writes to standard error before it aborts.
 */
import { type Address, HeapCorruptionError } from "@heapwright/allocator";
import type { Core } from "./core.ts";

/** glibc's malloc_printerr: the check at `address` failed. */
export const corrupted = (address: Address, message: string): HeapCorruptionError =>
  new HeapCorruptionError(address, message);

/** glibc's assert: as 2.36 words it, or as the versions before and after do. */
export const assertionFailed = (
  core: Core,
  address: Address,
  where: string,
  expression: string,
): HeapCorruptionError => {
  const style = core.profile.assertions;
  const text =
    style === "function"
      ? `Fatal glibc error: malloc assertion failure in ${where}: ${expression}`
      : style === "line"
        ? `Fatal glibc error: malloc.c (${where}): assertion failed: ${expression}`
        : `malloc.c: ${where}: Assertion \`${expression}' failed.`;
  return new HeapCorruptionError(address, text);
};
