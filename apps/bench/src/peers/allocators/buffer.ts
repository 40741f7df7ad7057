import type { ObjectAllocator } from "../allocator.ts";

/** `Buffer.allocUnsafe(n)`: what Node programs use. */
export const createObjects = (): ObjectAllocator => ({ allocate: (size) => Buffer.allocUnsafe(size) });
