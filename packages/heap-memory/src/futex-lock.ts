import { type Address, InvalidArgumentError, LockError } from "@heapwright/allocator";
import type { LinearMemory } from "./linear-memory.ts";

/*
 * A lock in two words of shared memory, after Drepper's "Futexes Are Tricky" (mutex 2), with the owner's name in it:
 *
 *   address +0   0: free; else the owner's id, with WAITERS set when others may sleep on it
 *           +4   1: an owner died in here and nobody has repaired what it left (pthreads' EOWNERDEAD), else 0
 *
 * Two words that are zero are a free lock.
 */
const WAITERS = 0x8000_0000;
const OWNER = 0x7fff_ffff;
/** How long a sleep lasts at most before the lock is looked at again, in milliseconds. */
const NAP = 100;

declare const performance: { now(): number };

/**
 * A lock between workers, on `Atomics`.
 *
 * Where waiting is allowed (workers, Node's main thread) it sleeps; elsewhere (a browser's main thread, a memory
 * that is not shared) it spins with growing pauses between looks. It never hangs: after `timeout` milliseconds it
 * throws a LockError that names the owner.
 *
 * **An owner that dies.** JavaScript cannot see from within that a worker is gone, but whoever started it can (its
 * `exit` event): that one calls `recover(id)`, which frees what the dead worker held and wakes the waiters. Their
 * `acquire` returns false until somebody has called `repaired()`: the heap may be half changed, so verify it with
 * `check()` first.
 *
 * @example
 * ```ts
 * const memory = LinearMemory.shared(65536);
 * const lock = new FutexLock(memory, 64, 1);
 * lock.acquire();
 * try {
 *   memory.store32(128, memory.load32(128) + 1);
 * } finally {
 *   lock.release();
 * }
 * ```
 */
export class FutexLock {
  /** The memory that holds the lock. */
  readonly memory: LinearMemory;
  /** Where its two words lie: a multiple of 4. */
  readonly address: Address;
  /** Who this side is: unlike every other side's id. */
  readonly id: number;
  /** Milliseconds after which `acquire` gives up. */
  readonly timeout: number;
  readonly #index: number;

  /**
   * @param id Who this side is: an integer from 1 to 2^31 - 1, another one for each worker (its `threadId` + 1).
   * @param timeout Milliseconds, 0 or more; 10 seconds when left out.
   * @throws InvalidArgumentError when an argument is none of these.
   */
  constructor(memory: LinearMemory, address: Address, id: number, timeout: number = 10_000) {
    if (address % 4 !== 0 || !(address >= 0 && address + 8 <= memory.byteLength)) {
      throw new InvalidArgumentError("address", address, "a multiple of 4 in the memory");
    }
    expectId(id);
    if (!(timeout >= 0)) throw new InvalidArgumentError("timeout", timeout, "milliseconds, 0 or more");
    this.memory = memory;
    this.address = address;
    this.id = id;
    this.timeout = timeout;
    this.#index = address / 4;
  }

  /** The id of the side that holds the lock now, 0 when none does. */
  get owner(): number {
    return Atomics.load(this.memory.words, this.#index) & OWNER;
  }

  /**
   * Takes the lock, waiting for it when it is held.
   *
   * @returns true; or false when an owner died with it and what it guards was not repaired since: the lock is held
   * all the same.
   * @throws LockError when it was not free within `timeout`, or is held by this side already.
   */
  acquire(): boolean {
    const { words } = this.memory;
    if (Atomics.compareExchange(words, this.#index, 0, this.id) !== 0) this.#wait();
    return Atomics.load(words, this.#index + 1) === 0;
  }

  /** Takes the lock if it is free. Returns whether it is held now. O(1). */
  tryAcquire(): boolean {
    return Atomics.compareExchange(this.memory.words, this.#index, 0, this.id) === 0;
  }

  /**
   * Gives the lock back and wakes one waiter.
   *
   * @throws LockError when this side does not hold it; nothing has changed.
   */
  release(): void {
    const owner = this.owner;
    if (owner !== this.id) {
      throw new LockError(
        `${this.#name} is held by ${owner === 0 ? "nobody" : `owner ${owner}`}, not by ${this.id}`,
      );
    }
    this.#free();
  }

  /**
   * Frees the lock on behalf of a side that died. Call it only when that side can never run again.
   *
   * @param dead The dead side's id.
   * @returns whether it held the lock; if so, `acquire` returns false from now on until `repaired` is called.
   */
  recover(dead: number): boolean {
    expectId(dead);
    const { words } = this.memory;
    if (this.owner !== dead) return false;
    // Nobody but the dead owner can change who holds the lock, so the two steps need not be one.
    Atomics.store(words, this.#index + 1, 1);
    this.#free();
    return true;
  }

  /**
   * Declares, while the lock is held, that what it guards is sound again.
   *
   * @throws LockError when this side does not hold it.
   */
  repaired(): void {
    if (this.owner !== this.id) throw new LockError(`${this.#name} is not held by ${this.id}`);
    Atomics.store(this.memory.words, this.#index + 1, 0);
  }

  get #name(): string {
    return `the lock at 0x${this.address.toString(16)}`;
  }

  #free(): void {
    const old = Atomics.exchange(this.memory.words, this.#index, 0);
    if (old >= WAITERS) Atomics.notify(new Int32Array(this.memory.buffer, this.address, 1), 0, 1);
  }

  /** The slow half of `acquire`: marks the lock as waited for and sleeps until it is ours or the time is over. */
  #wait(): void {
    const { words } = this.memory;
    const index = this.#index;
    const word = new Int32Array(this.memory.buffer, this.address, 1);
    const deadline = performance.now() + this.timeout;
    for (let spins = 32; ; spins = Math.min(spins * 2, 65536)) {
      const seen = Atomics.load(words, index);
      if (seen === 0) {
        // Others may sleep as well: whoever has waited takes the lock with the mark.
        if (Atomics.compareExchange(words, index, 0, (this.id | WAITERS) >>> 0) === 0) return;
        continue;
      }
      const owner = seen & OWNER;
      if (owner === this.id) throw new LockError(`${this.#name} is held by ${owner}, which waits for it`);
      const left = deadline - performance.now();
      if (left <= 0) {
        throw new LockError(`${this.#name} is held by owner ${owner}, not free within ${this.timeout} ms`);
      }
      const marked = (seen | WAITERS) >>> 0;
      if (seen !== marked && Atomics.compareExchange(words, index, seen, marked) !== seen) continue;
      if (!sleep(word, marked | 0, Math.min(left, NAP))) {
        for (let i = 0; i < spins && Atomics.load(words, index) !== 0; i++);
      }
    }
  }
}

/** Sleeps while the word is `value`. False where that is not allowed. */
const sleep = (word: Int32Array, value: number, milliseconds: number): boolean => {
  try {
    Atomics.wait(word, 0, value, milliseconds);
    return true;
  } catch {
    return false;
  }
};

const expectId = (id: number): void => {
  if (!Number.isInteger(id) || id < 1 || id > OWNER) {
    throw new InvalidArgumentError("id", id, "an integer from 1 to 2^31 - 1");
  }
};
