import type { ObjectAllocator } from "../allocator.ts";

/** `Buffer.allocUnsafe(n)`: what Node programs use. */
export const create = (): ObjectAllocator => ({ allocate: (size) => Buffer.allocUnsafe(size) });
