/*
 * Mappings on a linear memory that several workers share: what thread arenas are made of where there is no kernel.
 *
 * A mapping is a run of pages taken from the end of the break. A run that was unmapped is kept on a list, in address order
 * and merged with its neighbours, and serves again before the break moves; one that lies at the break moves it back.
 *
 *   free run -> | next | length | zeros ...                                      |
 *
 * Invariants: every byte of a free run but its first two words is zero; the list is touched only under the lock of the heap's
 * header. When a worker dies with that lock, the list is dropped: its runs are lost, nothing else is.
 */
import { type Address, Advice, type MappingSource, type Memory, NULL } from "@heapwright/allocator";
import type { FutexLock, LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { SHARED } from "./layout.ts";

/** Where the pages of a shared heap come from. Its break cannot be moved by others: `sbrk` only tells where it is. */
export class SharedMappings implements MappingSource {
  readonly memory: Memory;
  readonly pageSize: number = 4096;
  readonly #linear: LinearMemory;
  readonly #pages: LinearPages;
  readonly #lock: FutexLock;
  readonly #list: Address;
  readonly #reached: number;

  /**
   * @param shared Where the heap's shared area begins.
   * @param lock The lock of the heap's header.
   */
  constructor(pages: LinearPages, shared: Address, lock: FutexLock) {
    this.memory = pages.memory;
    this.#linear = pages.memory;
    this.#pages = pages;
    this.#lock = lock;
    this.#list = shared + SHARED.freeRuns;
    this.#reached = (shared + SHARED.reached) >>> 2;
  }

  sbrk(increment: number): Address {
    return increment === 0 ? this.#pages.sbrk(0) : NULL;
  }

  /**
   * Renews the views when another worker has made the memory longer and used that. To be called before memory is touched
   * that another worker may have mapped. O(1), two loads.
   */
  reach(): void {
    const { words, byteLength } = this.#linear;
    if (words[this.#reached]! * 4096 > byteLength) this.#linear.refresh();
  }

  /** Frees the lock when a dead worker held it. */
  recover(dead: number): void {
    this.#lock.recover(dead);
  }

  mmap(length: number, _protection: number, hint: Address = NULL): Address {
    const bytes = Math.ceil(length / this.pageSize) * this.pageSize;
    this.#enter();
    try {
      return this.#take(bytes, hint) || this.#extend(bytes);
    } finally {
      this.#lock.release();
    }
  }

  munmap(address: Address, length: number): boolean {
    const bytes = Math.ceil(length / this.pageSize) * this.pageSize;
    this.memory.fill(address, bytes, 0);
    this.#enter();
    try {
      this.#insert(address, bytes);
    } finally {
      this.#lock.release();
    }
    return true;
  }

  /** In place or not at all: a mapping grows by a copy that malloc makes. */
  mremap(address: Address, oldLength: number, newLength: number): Address {
    if (newLength > oldLength) return NULL;
    if (newLength < oldLength) this.munmap(address + newLength, oldLength - newLength);
    return address;
  }

  mprotect(): boolean {
    return true;
  }

  madvise(address: Address, length: number, advice: number): boolean {
    if (advice === Advice.DONTNEED) this.memory.fill(address, length, 0);
    return true;
  }

  #enter(): void {
    const sound = this.#lock.acquire();
    this.reach();
    if (sound) return;
    this.memory.store32(this.#list, NULL);
    this.#lock.repaired();
  }

  /** Takes a free run, at `hint` when that is free, else the lowest; or gives 0. */
  #take(bytes: number, hint: Address): Address {
    const { memory } = this;
    let found = NULL;
    for (let link = this.#list, run = memory.load32(link); run !== 0; link = run, run = memory.load32(run)) {
      const length = memory.load32(run + 4);
      if (hint >= run && hint + bytes <= run + length) return this.#cut(link, run, length, hint, bytes);
      if (found === NULL && length >= bytes) {
        if (hint === NULL) return this.#cut(link, run, length, run, bytes);
        found = run;
      }
    }
    return found === NULL ? NULL : this.#take(bytes, NULL);
  }

  /** Cuts `[start, start + bytes)` out of a free run. */
  #cut(link: Address, run: Address, length: number, start: Address, bytes: number): Address {
    const { memory } = this;
    const before = start - run;
    const after = length - before - bytes;
    let next = memory.load32(run);
    memory.store32(run, 0);
    memory.store32(run + 4, 0);
    if (after > 0) next = this.#header(start + bytes, next, after);
    if (before > 0) next = this.#header(run, next, before);
    memory.store32(link, next);
    return start;
  }

  #header(run: Address, next: Address, length: number): Address {
    this.memory.store32(run, next);
    this.memory.store32(run + 4, length);
    return run;
  }

  /** Takes memory from the break. */
  #extend(bytes: number): Address {
    const start = this.#pages.sbrk(bytes);
    if (start !== NULL) this.#linear.words[this.#reached] = this.#pages.sbrk(0) / 4096;
    return start;
  }

  /** Puts a run of zeros on the list, merged with what it touches; or moves the break back over it. O(free runs). */
  #insert(address: Address, bytes: number): void {
    const { memory } = this;
    let link = this.#list;
    let previous = NULL;
    let linkToPrevious = link;
    let next = memory.load32(link);
    while (next !== 0 && next < address) {
      linkToPrevious = link;
      previous = next;
      link = next;
      next = memory.load32(next);
    }
    let start = address;
    let length = bytes;
    if (next === start + length) {
      length += memory.load32(next + 4);
      const after = memory.load32(next);
      this.#header(next, 0, 0);
      next = after;
    }
    if (previous !== NULL && previous + memory.load32(previous + 4) === start) {
      start = previous;
      length += memory.load32(previous + 4);
      link = linkToPrevious;
    }
    const last = next === 0 && start + length === this.#pages.sbrk(0);
    if (last) memory.store32(link, 0);
    if (last && this.#pages.sbrk(-length) !== NULL) return;
    memory.store32(link, this.#header(start, next, length));
  }
}
