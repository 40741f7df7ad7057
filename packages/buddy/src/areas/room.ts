import { type Address, type Memory, NULL, type PageSource } from "@heapwright/allocator";

/** Where a buddy system gets more memory from: a memory that grows, or a break that moves. */
export interface Room {
  /** Where new memory would begin, given where the present frames end. */
  next(end: number): number;
  /** Makes memory up to `end` usable. Returns whether it could; if not, nothing has changed. */
  reach(end: number): boolean;
  /** Gives the memory from `end` on back. Returns whether it could. */
  retreat(end: number): boolean;
}

/** A memory that grows. What it once had it keeps. */
export class GrowingRoom implements Room {
  readonly #memory: Memory;
  constructor(memory: Memory) {
    this.#memory = memory;
  }
  next(end: number): number {
    return end;
  }
  reach(end: number): boolean {
    return this.#memory.grow(end);
  }
  retreat(): boolean {
    return false;
  }
}

/** A break that moves. Others may move it too: then there is a hole between what was and what comes. */
export class BreakRoom implements Room {
  readonly #source: PageSource;
  constructor(source: PageSource) {
    this.#source = source;
  }
  next(): Address {
    return this.#source.sbrk(0);
  }
  reach(end: number): boolean {
    const now = this.#source.sbrk(0);
    return now !== NULL && this.#source.sbrk(end - now) !== NULL;
  }
  retreat(end: number): boolean {
    const now = this.#source.sbrk(0);
    return now !== NULL && end <= now && this.#source.sbrk(end - now) !== NULL;
  }
}
