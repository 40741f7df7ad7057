import { type Address, NULL, type PageSource } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";

const GIB = 2 ** 30;

/**
 * The part of one memory in which one strategy of a composition lives. All parts of a composition share the memory (a
 * combinator demands it), each has a range of its own; a strategy alone has all 4 GiB.
 */
export interface Room {
  readonly memory: LinearMemory;
  /** Whether there is no other room in the memory. */
  readonly alone: boolean;
  readonly start: Address;
  /** First address beyond the room. */
  readonly end: Address;
  /** A break that moves inside the room. */
  readonly pages: RoomPages;
}

/** Bytes of every room but the last, which has all the rest. */
const ROOM = 2 ** 28;

/** Bytes of address space that a strategy alone begins with: untouched they cost nothing, and growth is seldom then. */
const BEGINNING = 2 ** 25;

/**
 * Rooms for `count` strategies over one growing memory.
 *
 * A WebAssembly.Memory of hundreds of MiB takes milliseconds to grow, and the empty rest of the rooms below is no
 * strategy's doing. So a shared memory is grown at the start, to beyond where the breaks will come.
 */
export const makeRooms = (count: number): Room[] => {
  const initial = count === 1 ? BEGINNING : count * ROOM;
  const memory = LinearMemory.growing({ initial, maximum: 4 * GIB });
  return Array.from({ length: count }, (_, index) => {
    const start = index * ROOM;
    const end = index === count - 1 ? 4 * GIB : start + ROOM;
    return { memory, alone: count === 1, start, end, pages: new RoomPages(memory, start, end) };
  });
};

/** A break that moves inside a room. Its first 64 bytes are never given out, so that no block is at NULL. */
export class RoomPages implements PageSource {
  readonly memory: LinearMemory;
  readonly pageSize: number = 4096;
  readonly #base: Address;
  readonly #end: Address;
  #break: Address;

  constructor(memory: LinearMemory, start: Address, end: Address) {
    this.memory = memory;
    this.#base = start + 64;
    this.#end = end;
    this.#break = this.#base;
  }

  /** Whether anybody has asked for anything. */
  get used(): boolean {
    return this.heapBytes > 0;
  }

  /** Bytes between the room's start and the break. */
  get heapBytes(): number {
    return this.#break - this.#base;
  }

  sbrk(increment: number): Address {
    const old = this.#break;
    const next = old + increment;
    if (next < this.#base || next > this.#end || !this.memory.grow(next)) return NULL;
    if (increment < 0) this.memory.fill(next, -increment, 0);
    this.#break = next;
    return old;
  }
}
