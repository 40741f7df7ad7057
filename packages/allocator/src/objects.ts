import type { Address } from "./address.ts";
import type { Memory } from "./memory.ts";

/** Objects of one size, handed out one by one. Linux's `kmem_cache`; an object cache of a slab allocator is one. */
export interface ObjectCache {
  /**
   * Takes an object, contents undefined.
   *
   * @returns its address, or `NULL` when there is no memory for it; then nothing has changed.
   */
  alloc(): Address;
  /** Gives a live object back. */
  free(object: Address): void;
}

/**
 * Object caches in one memory: what a kernel asks of its slab allocator. `Slabs` of `@heapwright/slab` is the usual one.
 *
 * The two press on each other. When a kernel runs out of pages it asks the caches to {@link ObjectCaches.reclaim};
 * when the caches find no page, they call the kernel's {@link ObjectCaches.onPressure} hook.
 */
export interface ObjectCaches {
  /** The memory that the objects lie in. */
  readonly memory: Memory;
  /** Pages held of the page allocator now. O(1). */
  readonly pagesHeld: number;
  /**
   * Makes a cache.
   *
   * @param name Unused so far; as `/proc/slabinfo` shows it.
   * @param size Bytes of an object, 1 or more.
   * @param align Bytes: a power of two that every object's address is a multiple of.
   * @throws InvalidArgumentError when the name is taken or there is no memory for the cache itself.
   */
  kmemCacheCreate(name: string, size: number, align: number): ObjectCache;
  /**
   * Gives back pages that hold no live object.
   *
   * @param pages Stops when so many pages have gone back.
   * @returns pages given back.
   */
  reclaim(pages: number): number;
  /**
   * Sets what is called, instead of any hook set before, when an object is wanted and there is neither a page nor one
   * to reclaim: the hook makes room and returns whether it is worth another try. It may free objects.
   */
  onPressure(hook: () => boolean): void;
}
