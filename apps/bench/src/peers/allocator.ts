/*
 * What the JavaScript driver calls. An adapter is a class of its own, loaded alone in its process, so that the driver's
 * call sites see one class and V8 inlines it as it would in a program that uses one allocator.
 */

/** Allocators that hand out addresses. 0 is exhaustion. */
export interface AddressAllocator {
  /** C's malloc. */
  allocate(size: number): number;
  /** C's calloc. */
  allocateZeroed(size: number): number;
  /** C's memalign. */
  allocateAligned(alignment: number, size: number): number;
  /** C's realloc. */
  reallocate(address: number, size: number): number;
  /** C's free. */
  deallocate(address: number): void;
  /** Bytes of memory that the allocator holds now. */
  held(): number;
}

/** Allocators that hand out objects, which the garbage collector takes back. */
export interface ObjectAllocator {
  /** A block of `size` bytes. */
  allocate(size: number): Uint8Array;
}
