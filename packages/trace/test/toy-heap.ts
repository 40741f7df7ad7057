import { type Address, type Allocator, InvalidPointerError, type Memory, NULL } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";

/** A heap with the fewest abilities: every block a new one, nothing reused. With faults to order. */
export class ToyHeap implements Allocator {
  readonly memory: Memory;
  readonly alignment = 8;
  freed = 0;
  protected next = 64;
  readonly #live: Set<Address> = new Set<Address>();

  constructor(byteLength = 2 ** 24) {
    this.memory = LinearMemory.fixed(byteLength);
  }

  allocate(size: number): Address {
    const address = this.next;
    const end = address + Math.max(8, Math.ceil(size / 8) * 8);
    if (end > this.memory.byteLength) return NULL;
    this.next = end;
    this.#live.add(address);
    return address;
  }

  deallocate(address: Address): void {
    if (!this.#live.delete(address)) throw new InvalidPointerError(address, "is not live");
    this.freed++;
  }
}
