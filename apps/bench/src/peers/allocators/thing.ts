import { MemPool } from "@thi.ng/malloc";
import type { AddressAllocator } from "../allocator.ts";

/** `@thi.ng/malloc` over an ArrayBuffer of fixed length; it cannot grow. */
class Thing implements AddressAllocator {
  readonly #pool: MemPool;
  constructor(bytes: number) {
    this.#pool = new MemPool({ size: bytes, buf: new ArrayBuffer(bytes), start: 64, align: 16 });
  }
  allocate(size: number): number {
    return this.#pool.malloc(size || 1);
  }
  allocateZeroed(size: number): number {
    return this.#pool.calloc(size || 1);
  }
  /** It has no stronger alignment than its own: the cost of the room for one. */
  allocateAligned(alignment: number, size: number): number {
    return this.#pool.malloc(size + alignment);
  }
  reallocate(address: number, size: number): number {
    return this.#pool.realloc(address, size || 1);
  }
  deallocate(address: number): void {
    this.#pool.free(address);
  }
  held(): number {
    return this.#pool.stats().top;
  }
}

export const create = (): AddressAllocator => new Thing(2 ** 29);
