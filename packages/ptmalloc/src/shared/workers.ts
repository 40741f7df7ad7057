/*
 * The workers of a shared heap: who holds which thread record. A worker's word is its id while it is attached; only
 * compare-and-swap changes it.
 */
import { AttachError, InvalidArgumentError } from "@heapwright/allocator";
import type { LinearMemory } from "@heapwright/heap-memory";
import { FIRST_ID, LEAVING, SHARED } from "./layout.ts";

/** The thread records' holders. */
export class Workers {
  readonly #memory: LinearMemory;
  readonly #shared: number;

  /** @param shared Where the heap's shared area begins. */
  constructor(memory: LinearMemory, shared: number) {
    this.#memory = memory;
    this.#shared = shared >>> 2;
  }

  /** How many there can be at a time. */
  get most(): number {
    return this.#memory.words[this.#shared + SHARED.workers / 4]!;
  }

  /** An id that no other worker has or had. */
  newId(): number {
    return FIRST_ID + Atomics.add(this.#memory.words, this.#shared + SHARED.nextId / 4, 1);
  }

  /**
   * Takes a record for worker `id`. Returns its number.
   *
   * @throws AttachError when all are held.
   */
  claim(id: number): number {
    const { words } = this.#memory;
    if (this.#find(id) >= 0) throw new InvalidArgumentError("id", id, "an id that no attached worker has");
    for (let index = 0; index < this.most; index++)
      if (Atomics.compareExchange(words, this.#at(index), 0, id) === 0) return index;
    throw new AttachError(`all ${this.most} places for workers in the heap are taken`);
  }

  /** Begins to give up the record of worker `id`. Returns its number, or -1 when the worker holds none. */
  leave(id: number): number {
    const index = this.#find(id);
    if (index < 0) return -1;
    const { words } = this.#memory;
    return Atomics.compareExchange(words, this.#at(index), id, id + LEAVING) === id ? index : -1;
  }

  /** Ends what {@link Workers.leave} began: the record, cleared by now, can be claimed again. */
  left(index: number): void {
    Atomics.store(this.#memory.words, this.#at(index), 0);
  }

  #at(index: number): number {
    return this.#shared + SHARED.slots / 4 + index;
  }

  #find(id: number): number {
    for (let index = 0; index < this.most; index++)
      if (Atomics.load(this.#memory.words, this.#at(index)) === id) return index;
    return -1;
  }
}
