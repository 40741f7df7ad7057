import { type Address, NULL, type ObjectCache } from "@heapwright/allocator";

/** Objects that the first buffer has room for. */
const FIRST = 64;

/**
 * The simplest object cache: an array of objects in a buffer of its own, which doubles when it is full. Objects that
 * were given back form a list through their first words. For when no slab caches are plugged in.
 *
 *      | none | object | object | free -|-> ... | never used |
 *      0      size
 */
export class ObjectArray implements ObjectCache {
  /** What the objects lie in. Replaced at each growth. */
  buffer: ArrayBuffer;
  readonly #size: number;
  readonly #listeners: (() => void)[] = [];
  #words: Uint32Array<ArrayBuffer>;
  #free: Address = NULL;
  #fresh: Address;

  /** @param size Bytes of an object: a multiple of 8. */
  constructor(size: number) {
    this.#size = size;
    this.#fresh = size;
    this.buffer = new ArrayBuffer(FIRST * size);
    this.#words = new Uint32Array(this.buffer);
  }

  alloc(): Address {
    const object = this.#free;
    if (object !== NULL) {
      this.#free = this.#words[object >>> 2]!;
      return object;
    }
    if (this.#fresh === this.buffer.byteLength) this.#grow();
    this.#fresh += this.#size;
    return this.#fresh - this.#size;
  }

  free(object: Address): void {
    this.#words[object >>> 2] = this.#free;
    this.#free = object;
  }

  /** Calls `listener` after each growth. */
  onGrow(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #grow(): void {
    const before = this.#words;
    this.buffer = new ArrayBuffer(2 * this.buffer.byteLength);
    this.#words = new Uint32Array(this.buffer);
    this.#words.set(before);
    for (const listener of this.#listeners) listener();
  }
}
