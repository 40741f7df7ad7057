/*
 * What all caches of one hierarchy share: the memory and its views, the page allocator, the page map, the lock, and the
 * CPU that this worker is.
 *
 * One lock guards the lists of every cache, the shared arrays, the page map's changes and the page allocator; it is
 * taken once for a whole batch of objects, so that the fast path, which works on this CPU's own arrays, never needs it.
 * No constructor, destructor or hook is ever called with it held.
 */
import { type Address, type Memory, NULL, type PageAllocator } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import type { Latch } from "./latch.ts";
import * as L from "./layout.ts";
import { PageMap } from "./page-map.ts";

const NO_WORDS = new Uint32Array(0);

export class Hierarchy {
  readonly memory: Memory;
  readonly pages: PageAllocator;
  readonly root: Address;
  readonly map: PageMap;
  readonly cpus: number;
  /** This worker's CPU number. */
  readonly cpu: number;
  /** A linear memory's view; an empty one for any other, so that the fast paths find nothing there and step aside. */
  words: Uint32Array = NO_WORDS;
  /** Name that owner tracking writes: see Slabs.owner. */
  owner = "";
  /** Makes room when an allocation has found none; whether it is worth another try. Called without the lock. */
  reclaim: () => boolean = () => false;
  /** Makes all sound again after a worker has died with the lock. Called with the lock held. */
  repair: () => void = () => {};
  readonly #latch: Latch;
  readonly #linear: LinearMemory | undefined;

  constructor(memory: Memory, pages: PageAllocator, root: Address, cpu: number, latch: Latch) {
    this.memory = memory;
    this.pages = pages;
    this.root = root;
    this.cpu = cpu;
    this.#latch = latch;
    this.#linear = memory instanceof LinearMemory ? memory : undefined;
    this.cpus = memory.load32(root + L.ROOT_CPUS);
    const directory = root + L.ROOT_CACHE_CACHE + L.cacheBytes(this.cpus);
    const pageShift = memory.load32(root + L.ROOT_PAGE_SHIFT);
    this.map = new PageMap(memory, directory, memory.load32(root + L.ROOT_DIRECTORY_LENGTH), pageShift);
    this.takeViews();
  }

  /** Takes the memory's present view. */
  takeViews(): void {
    if (this.#linear === undefined) return;
    this.words = this.#linear.words;
  }

  /** Enters the section that one worker at a time may be in, with views that show what others have grown. */
  enter(): void {
    const sound = this.#latch.acquire();
    this.refresh();
    if (sound) return;
    try {
      this.repair();
      this.#latch.repaired();
    } catch (error) {
      this.#latch.release();
      throw error;
    }
  }

  leave(): void {
    this.#latch.release();
  }

  /** Frees the lock when the worker of `cpu`, which is dead, held it: whoever enters next repairs. */
  buryHolder(cpu: number): void {
    if (!this.#latch.isHeldBy(cpu)) return;
    this.store(L.ROOT_DEAD, cpu + 1);
    this.#latch.recover(cpu);
  }

  /** Sees another worker's growth of the memory. */
  refresh(): void {
    if (this.#linear?.wasm !== undefined) this.#linear.refresh();
  }

  load(field: number): number {
    return this.memory.load32(this.root + field);
  }

  store(field: number, value: number): void {
    this.memory.store32(this.root + field, value);
  }

  /** A run of `2^order` pages within the limit, or `NULL`. With the lock held. */
  takePages(order: number): Address {
    const held = this.load(L.ROOT_PAGES) + 2 ** order;
    const limit = this.load(L.ROOT_PAGE_LIMIT);
    if (order > this.pages.maxOrder || (limit !== 0 && held > limit)) return NULL;
    const run = this.#inPages(() => this.pages.allocatePages(order));
    if (run !== NULL) this.store(L.ROOT_PAGES, held);
    return run;
  }

  /**
   * As {@link Hierarchy.takePages}, with room in the page map for the run. What the map's leaves took stays taken.
   * With the lock held.
   */
  takeMappedPages(order: number): Address {
    const run = this.takePages(order);
    if (run === NULL || this.map.prepare(run, 2 ** order, () => this.takePages(0))) return run;
    this.givePages(run, order);
    return NULL;
  }

  /** Gives a run back; its entries in the map are cleared. With the lock held. */
  givePages(run: Address, order: number): void {
    if (this.map.entry(run) !== 0) this.map.set(run, 2 ** order, 0);
    this.#inPages(() => this.pages.freePages(run, order));
    this.store(L.ROOT_PAGES, this.load(L.ROOT_PAGES) - 2 ** order);
  }

  /** Marks that the page allocator is at work, for whoever finds this worker dead. */
  #inPages<T>(body: () => T): T {
    this.store(L.ROOT_IN_PAGES, 1);
    try {
      return body();
    } finally {
      this.store(L.ROOT_IN_PAGES, 0);
    }
  }

  /** The address of the descriptor of every cache, cache_cache first. */
  *caches(): Generator<Address> {
    for (let cache = this.load(L.ROOT_CHAIN); cache !== NULL; ) {
      yield cache;
      cache = this.memory.load32(cache + L.CACHE_NEXT);
    }
  }
}

/** Reads and writes the name of a kmem_cache. */
export const readName = (memory: Memory, cache: Address): string => {
  let name = "";
  for (let i = 0; i < L.NAME_BYTES; i++) {
    const code = memory.load8(cache + L.CACHE_NAME + i);
    if (code === 0) break;
    name += String.fromCharCode(code);
  }
  return name;
};

export const writeName = (memory: Memory, cache: Address, name: string): void => {
  memory.fill(cache + L.CACHE_NAME, L.NAME_BYTES, 0);
  for (let i = 0; i < name.length; i++) memory.store8(cache + L.CACHE_NAME + i, name.charCodeAt(i));
};
