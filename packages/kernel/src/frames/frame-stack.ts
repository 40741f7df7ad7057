import { type Address, InvalidPointerError, NULL, type PageAllocator } from "@heapwright/allocator";
import { PAGE_SIZE } from "../abi/page.ts";

/**
 * The simplest source of page frames: a stack of those given back, and above it the ones never used. Single pages
 * only. For when no buddy system is plugged in.
 */
export class FrameStack implements PageAllocator {
  readonly pageSize: number = PAGE_SIZE;
  readonly maxOrder: number = 0;
  readonly #limit: number;
  #fresh = 1;
  #free: Int32Array<ArrayBuffer>;
  #depth = 0;
  readonly #live: Uint8Array;

  /** @param bytes Memory to hand out, from address 0 on (page 0 itself is never handed out). */
  constructor(bytes: number) {
    this.#limit = Math.floor(bytes / PAGE_SIZE);
    this.#free = new Int32Array(1024);
    this.#live = new Uint8Array(this.#limit);
  }

  allocatePages(order: number): Address {
    if (order !== 0) return NULL;
    let frame: number;
    if (this.#depth > 0) frame = this.#free[--this.#depth]!;
    else if (this.#fresh < this.#limit) frame = this.#fresh++;
    else return NULL;
    this.#live[frame] = 1;
    return frame * PAGE_SIZE;
  }

  freePages(address: Address, order: number): void {
    const frame = address / PAGE_SIZE;
    if (order !== 0 || this.#live[frame] !== 1)
      throw new InvalidPointerError(address, "is no live page frame");
    this.#live[frame] = 0;
    if (this.#depth === this.#free.length) {
      const larger = new Int32Array(this.#depth * 2);
      larger.set(this.#free);
      this.#free = larger;
    }
    this.#free[this.#depth++] = frame;
  }
}
