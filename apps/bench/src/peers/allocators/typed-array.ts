import type { ObjectAllocator } from "../allocator.ts";

/** `new Uint8Array(n)`: what JavaScript programs use. */
export const create = (): ObjectAllocator => ({ allocate: (size) => new Uint8Array(size) });
