import {
  type Address,
  InvalidArgumentError,
  NULL,
  type ObjectCache,
  type ObjectCaches,
} from "@heapwright/allocator";
import type { LinearMemory } from "@heapwright/heap-memory";
import { ObjectArray } from "./object-array.ts";

/** What the objects of a pool lie in. */
interface ObjectMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  onGrow(listener: () => void): unknown;
}

/** Every object's address is a multiple of so many bytes. */
const ALIGN = 8;

/**
 * The kernel's objects of one kind: the cache that they come from, and views of the memory that they lie in. Whoever holds
 * an object's address reads and writes its fields through the views: they are all there is of the object's data.
 *
 * Do not keep a view while objects are allocated: the memory may grow by it, and the views are then renewed.
 */
export class ObjectPool {
  /** The memory as 32-bit words; the index is the address / 4. */
  words!: Uint32Array;
  /** The memory as 64-bit floating-point numbers, exact for integers up to 2^53; the index is the address / 8. */
  doubles!: Float64Array;
  /** Objects that are live. */
  live = 0;
  private readonly cache: ObjectCache;

  private constructor(cache: ObjectCache, memory: ObjectMemory) {
    this.cache = cache;
    this.#takeViews(memory.buffer);
    memory.onGrow(() => this.#takeViews(memory.buffer));
  }

  /**
   * A pool of objects in caches that were plugged in, or in an array of the pool's own without any.
   *
   * @param name The cache's name.
   * @param bytes Bytes of an object: a multiple of 8.
   * @param memory The machine's physical memory, in which plugged-in caches must lie.
   * @throws InvalidArgumentError when they lie elsewhere.
   */
  static create(name: string, bytes: number, caches?: ObjectCaches, memory?: LinearMemory): ObjectPool {
    if (caches === undefined) {
      const array = new ObjectArray(bytes);
      return new ObjectPool(array, array);
    }
    if (memory === undefined || caches.memory !== memory) {
      throw new InvalidArgumentError(
        "objects",
        "in another memory",
        "caches in the machine's physical memory",
      );
    }
    return new ObjectPool(caches.kmemCacheCreate(name, bytes, ALIGN), memory);
  }

  /** Takes an object, contents undefined; `NULL` when there is no memory for it. */
  alloc(): Address {
    const object = this.cache.alloc();
    if (object !== NULL) this.live += 1;
    return object;
  }

  /** Gives an object back. */
  free(object: Address): void {
    this.live -= 1;
    this.cache.free(object);
  }

  #takeViews(buffer: ArrayBuffer | SharedArrayBuffer): void {
    this.words = new Uint32Array(buffer, 0, buffer.byteLength / 4);
    this.doubles = new Float64Array(buffer, 0, buffer.byteLength / 8);
  }
}
