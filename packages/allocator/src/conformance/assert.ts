import type { HeapwrightError } from "../errors.ts";

/** Throws an Error with the message unless the condition holds. */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/**
 * Runs `action` and expects one of the family's errors.
 *
 * Errors are told by their `code`, not by their class: the allocator under test may carry a copy of this package of
 * its own.
 */
export const expectThrow = (
  codes: readonly HeapwrightError["code"][],
  what: string,
  action: () => unknown,
): void => {
  let result: unknown;
  try {
    result = action();
  } catch (error) {
    const code = error instanceof Error ? (error as Partial<HeapwrightError>).code : undefined;
    if (code !== undefined && codes.includes(code)) return;
    throw new Error(`${what} threw ${String(error)} (code ${String(code)}), not ${codes.join(" or ")}`);
  }
  throw new Error(`${what} returned ${String(result)} instead of throwing ${codes.join(" or ")}`);
};

/** The codes by which an allocator may refuse a pointer that was never its own. */
export const BAD_POINTER: readonly string[] = ["ERR_INVALID_POINTER", "ERR_HEAP_CORRUPTION"];
/** The codes by which an allocator may refuse a block that is free already. */
export const DOUBLE_FREE: readonly string[] = ["ERR_DOUBLE_FREE", "ERR_HEAP_CORRUPTION"];
/** The code by which an allocator refuses a size or an alignment. */
export const BAD_ARGUMENT: readonly string[] = ["ERR_INVALID_ARGUMENT"];

/** An address as messages show it. */
export const hex = (address: number): string => `0x${address.toString(16)}`;
