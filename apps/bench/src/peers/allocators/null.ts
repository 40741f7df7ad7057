import type { AddressAllocator } from "../allocator.ts";

/** Does nothing: what the driver itself costs. */
class Null implements AddressAllocator {
  allocate(_size: number): number {
    return 16;
  }
  allocateZeroed(_size: number): number {
    return 16;
  }
  allocateAligned(_alignment: number, _size: number): number {
    return 16;
  }
  reallocate(_address: number, _size: number): number {
    return 16;
  }
  deallocate(_address: number): void {}
  held(): number {
    return 0;
  }
}

export const create = (): AddressAllocator => new Null();
