import type {
  Address,
  AlignedAllocator,
  Footprint,
  Memory,
  ReallocatingAllocator,
  ZeroedAllocator,
} from "@heapwright/allocator";
import type { LinearMemory } from "@heapwright/heap-memory";

/**
 * Does nothing: every block is the same one. Its time is what the driver itself costs (the loop, the trace's
 * columns, the call), which every other figure contains too.
 */
export class NullAllocator implements AlignedAllocator, ReallocatingAllocator, ZeroedAllocator, Footprint {
  readonly memory: Memory;
  readonly alignment: number = 16;

  constructor(memory: LinearMemory) {
    this.memory = memory;
  }
  allocate(_size: number): Address {
    return 64;
  }
  allocateZeroed(_size: number): Address {
    return 64;
  }
  allocateAligned(_alignment: number, _size: number): Address {
    return 64;
  }
  reallocate(address: Address, _size: number): Address {
    return address;
  }
  deallocate(_address: Address): void {}
  footprint(): number {
    return 0;
  }
}
