import type { ObjectAllocator } from "../allocator.ts";

/** `new Uint8Array(n)`: what JavaScript programs use. */
export const createObjects = (): ObjectAllocator => ({ allocate: (size) => new Uint8Array(size) });
