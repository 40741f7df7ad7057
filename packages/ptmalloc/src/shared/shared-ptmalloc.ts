/*
 * SharedPtmalloc: malloc as one of several workers calls it, all at once, on one shared memory.
 *
 * The tcache belongs to its worker, so the fast paths are those of every heap and take no lock. Whatever they leave is done
 * here, to one arena at a time, under its lock: the functions of malloc's core do the work and know nothing of workers.
 */
import {
  type Address,
  AttachError,
  expectSize,
  type HeapFault,
  type HeapStats,
  InvalidArgumentError,
  LockError,
  type Trimmer,
} from "@heapwright/allocator";
import { FutexLock, type LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { AllocatorHeap } from "../allocator-heap.ts";
import { trimHeap } from "../arenas/heap-trim.ts";
import { consolidate } from "../bins/fastbins.ts";
import { tcacheGet, tcacheIndex, tcacheServes } from "../bins/tcache.ts";
import { IS_MMAPPED } from "../core.ts";
import { checkHeap } from "../inspect/check.ts";
import { statsOf } from "../inspect/walk.ts";
import type { ProfileName } from "../layout/profile.ts";
import { PARAMETER, THREAD, THREAD_BYTES, THREADS_AT } from "../layout/statics.ts";
import { intFree } from "../ops/free.ts";
import { intMalloc } from "../ops/malloc.ts";
import { intMemalign } from "../ops/memalign.ts";
import { intRealloc } from "../ops/realloc.ts";
import type { Tunables } from "../options.ts";
import { remapChunk, slideThresholds, unmapChunk } from "../system/mapped.ts";
import { SharedArenas } from "./arenas.ts";
import { beginShared, findShared, openShared, type SharedState } from "./begin.ts";
import { FIRST_ID, SHARED } from "./layout.ts";
import type { SharedMappings } from "./mappings.ts";
import { Workers } from "./workers.ts";

/** How a worker attaches to a shared heap. */
export interface SharedPtmallocOptions {
  /** Where the heap begins: a multiple of 64. 0 when left out. */
  readonly start?: Address;
  /**
   * Who this side is, for {@link SharedPtmalloc.recover}: an integer from 1 to 2^28 - 1 that no other side has or had. Give it
   * where workers may be terminated, so that it is known of a worker that died while it attached.
   */
  readonly id?: number;
  /** Milliseconds after which an operation that waits for a lock throws a LockError. 10,000 when left out. */
  readonly timeout?: number;
}

/** What a new shared heap is to be. */
export interface NewSharedPtmallocOptions extends SharedPtmallocOptions {
  /** The version of malloc to be. Default `"glibc-2.36"`. */
  readonly profile?: ProfileName;
  /** glibc's tunables. `arena_max` and `arena_test` mean nothing here: there is an arena for each worker. */
  readonly tunables?: Tunables;
  /** How many workers can be attached at a time. Default 64. */
  readonly workers?: number;
}

/**
 * glibc's malloc for several workers on one shared memory, with 4-byte words.
 *
 * Each worker has a tcache, for which it needs no lock, and an arena of its own, with a futex lock that another worker takes
 * only to free a block that came from it. Large blocks are runs of pages of their own.
 *
 * **Workers that end.** `close()` before a worker ends gives back what it has cached, and its arena serves the next one. When
 * a worker was terminated, whoever sees that (its `exit` event) calls `recover(id)`: its locks are freed and what it has cached is
 * given back. If it died inside an arena, that arena is taken out of service: live blocks in it stay as they are, but
 * nothing in it is used again. Until `recover` is called, who waits for a lock of the dead worker's throws a LockError that
 * names it after `timeout` milliseconds.
 *
 * Blocks stay live when the worker that took them ends.
 *
 * @example
 * ```ts
 * import { LinearMemory } from "@heapwright/heap-memory";
 * import { SharedPtmalloc } from "@heapwright/ptmalloc";
 *
 * const memory = LinearMemory.shared(2 ** 23);
 * const heap = SharedPtmalloc.create(memory);
 * // In a worker that was sent memory.buffer: SharedPtmalloc.attach(LinearMemory.fixed(buffer))
 * const other = SharedPtmalloc.attach(memory);
 * const block = heap.malloc(100);
 * other.free(block);
 * ```
 */
export class SharedPtmalloc extends AllocatorHeap implements Trimmer {
  declare readonly memory: LinearMemory;
  /** Who this side is, for {@link SharedPtmalloc.recover}: unlike all other sides' ids. */
  readonly id: number;
  readonly #source: SharedMappings;
  readonly #arenas: SharedArenas;
  readonly #workers: Workers;
  #closed = false;

  private constructor(state: SharedState, workers: Workers, id: number, index: number, timeout?: number) {
    super(state.core, index);
    const { memory } = state.pages;
    this.memory = memory;
    this.id = id;
    this.#source = state.source;
    this.#workers = workers;
    const list = new FutexLock(memory, state.shared + SHARED.listLock, id, timeout);
    this.#arenas = new SharedArenas(state.core, memory, state.source, state.shared, list);
    this.#beginTcache();
  }

  /**
   * Begins a heap and attaches to it.
   *
   * @param memory Shared, and able to hold an arena of 1 MiB at a multiple of 1 MiB for each worker: where there is no room for
   * one, workers share arenas, and without any each block is a mapping of whole pages.
   * @throws InvalidArgumentError on an option out of range, when the memory cannot be shared, or has no room for the state.
   */
  static create(memory: LinearMemory, options: NewSharedPtmallocOptions = {}): SharedPtmalloc {
    if (!isShared(memory)) throw new InvalidArgumentError("memory", "not shared", "a shared memory");
    const pages = LinearPages.create(memory, options.start ?? 0);
    return SharedPtmalloc.#enter(memory, pages, options, true);
  }

  /**
   * Attaches to the heap that another worker began.
   *
   * @throws AttachError when there is no heap at `start`, one of another strategy or version, or no place for one more worker.
   * @throws LockError when a lock was not free within the timeout.
   */
  static attach(memory: LinearMemory, options: SharedPtmallocOptions = {}): SharedPtmalloc {
    if (!isShared(memory))
      throw new AttachError("the memory is not shared: an ArrayBuffer belongs to one worker");
    return SharedPtmalloc.#enter(memory, LinearPages.attach(memory, options.start ?? 0), options, false);
  }

  static #enter(
    memory: LinearMemory,
    pages: LinearPages,
    options: NewSharedPtmallocOptions,
    fresh: boolean,
  ): SharedPtmalloc {
    const { timeout } = options;
    if (fresh) beginShared(pages, options);
    const shared = findShared(pages);
    const workers = new Workers(memory, shared);
    const id = options.id ?? workers.newId();
    if (!Number.isInteger(id) || id < 1 || (options.id !== undefined && id >= FIRST_ID))
      throw new InvalidArgumentError("id", id, "an integer from 1 to 2^28 - 1");
    const index = workers.claim(id);
    try {
      return new SharedPtmalloc(openShared(pages, shared, id, timeout), workers, id, index, timeout);
    } catch (error) {
      workers.leave(id);
      workers.left(index);
      throw error;
    }
  }

  /** C's `calloc`: `count * size` bytes, all zero; or 0 when exhausted or when the product is too large. */
  override calloc(count: number, size: number): Address {
    expectSize(count);
    expectSize(size);
    const bytes = count * size;
    if (bytes > this.core.g.requestMax) return 0;
    const mem = this.malloc(bytes);
    // A mapping is zero when it comes.
    if (mem !== 0 && (this.core.head(mem - this.core.header) & IS_MMAPPED) === 0)
      this.memory.fill(mem, bytes, 0);
    return mem;
  }

  /** C's `realloc`, as in {@link ThreadHeap.realloc}; another worker's block too. */
  override realloc(mem: Address, bytes: number): Address {
    expectSize(bytes);
    if (mem === 0) return this.malloc(bytes);
    if (bytes === 0) {
      this.free(mem);
      return 0;
    }
    this.#renew();
    const { core } = this;
    const needed = core.chunkSizeFor(bytes);
    if (needed < 0) return 0;
    const chunk = mem - core.header;
    if ((core.head(chunk) & IS_MMAPPED) !== 0) {
      const remapped = remapChunk(core, chunk, needed);
      if (remapped !== 0) return remapped + core.header;
      return core.size(chunk) - core.word >= needed ? mem : this.#move(mem, bytes);
    }
    const arena = core.arenaFor(chunk);
    let moved = 0;
    if (this.#arenas.enter(arena)) {
      try {
        moved = intRealloc(core, this, arena, chunk, core.size(chunk), needed);
      } finally {
        this.#arenas.leave(arena);
      }
    }
    return moved === 0 ? this.#move(mem, bytes) : moved;
  }

  /** `memalign`, as in {@link ThreadHeap.memalign}. */
  override memalign(alignment: number, bytes: number): Address {
    expectSize(alignment);
    expectSize(bytes);
    const { core } = this;
    if (alignment <= core.alignMask + 1) return this.malloc(bytes);
    if (alignment > core.g.requestMax) return 0;
    let power = core.minSize;
    while (power < alignment) power *= 2;
    this.#renew();
    return this.#serve(bytes, power);
  }

  override mallocUsableSize(mem: Address): number {
    this.#renew();
    return super.mallocUsableSize(mem);
  }

  /** The same as {@link SharedPtmalloc.close}. */
  override exit(): void {
    this.close();
  }

  // ---- heap-wide -----------------------------------------------------------------------------------------------------

  /**
   * Gives the free ends of all arenas in service back, for other arenas, each keeping `keep` bytes at its top.
   *
   * @returns the bytes given back.
   */
  trim(keep: number): number {
    expectSize(keep);
    this.#renew();
    const { core } = this;
    let released = 0;
    for (let arena = this.#arenas.first(); arena !== 0; arena = this.#arenas.next(arena)) {
      try {
        const before = core.systemMem(arena);
        consolidate(core, arena);
        trimHeap(core, core.heapFor(core.top(arena)), keep);
        released += before - core.systemMem(arena);
      } finally {
        this.#arenas.leave(arena);
      }
    }
    return released;
  }

  /**
   * Verifies every invariant of all arenas in service and of all tcaches; blocks that are mappings of their own are on no list, so
   * they are not among what is seen. No other worker may use the heap meanwhile. Empty when it is sound.
   */
  checkArenas(): readonly HeapFault[] {
    this.#renew();
    return checkHeap(this.core, this.#arenas.lost());
  }

  /** How many arenas are out of service, because a worker died inside them and left them half changed. */
  get arenasLost(): number {
    return this.#arenas.lost().size;
  }

  /** The heap in numbers, over all workers. No other worker may use it meanwhile. */
  totals(): HeapStats {
    this.#renew();
    const { core } = this;
    const stats = statsOf(core, this.#arenas.inService());
    return {
      ...stats,
      liveBlocks: stats.liveBlocks + core.parameter(PARAMETER.mmaps),
      allocatedBytes: stats.allocatedBytes + core.parameter(PARAMETER.mmappedMem),
    };
  }

  // ---- workers -------------------------------------------------------------------------------------------------------

  /**
   * Gives back what this worker has cached, and leaves its arena to another. Live blocks stay. Afterwards every operation
   * of this side throws a LockError.
   */
  close(): void {
    if (this.#closed) return;
    if (this.#workers.leave(this.id) < 0) throw new LockError(`worker ${this.id} was given up as dead`);
    this.#giveUp(this.record);
    this.#workers.left(this.index);
    this.tcache = 0;
    this.arm();
    this.#closed = true;
  }

  /**
   * Says that the worker whose side had this id is gone for ever, so that what it held can be used again.
   *
   * @returns whether it was attached.
   */
  recover(id: number): boolean {
    this.#renew();
    this.#source.recover(id);
    this.#arenas.recover(id);
    const index = this.#workers.leave(id);
    if (index < 0) return false;
    this.#giveUp(this.core.state + THREADS_AT + index * THREAD_BYTES);
    this.#workers.left(index);
    return true;
  }

  // ---- the slow paths ------------------------------------------------------------------------------------------------

  /** @internal */
  override mallocOther(bytes: number): Address {
    expectSize(bytes);
    this.#renew();
    const { core } = this;
    const needed = core.chunkSizeFor(bytes);
    if (needed < 0) return 0;
    if (this.tcache === 0) this.#beginTcache();
    const index = tcacheIndex(core, needed);
    if (tcacheServes(this, index) && core.mem.load16(this.tcache + 2 * index) !== 0)
      return tcacheGet(core, this.tcache, index);
    return this.#serve(bytes, 0);
  }

  /** A block that the tcache does not take: large, its bin full, or not of this heap. One lock, of the block's arena. @internal */
  override freeOther(mem: Address): void {
    this.#renew();
    this.#freeToArena(mem);
  }

  #freeToArena(mem: Address): void {
    const { core } = this;
    const chunk = mem - core.header;
    if ((core.head(chunk) & IS_MMAPPED) !== 0) {
      slideThresholds(core, chunk);
      unmapChunk(core, chunk);
      return;
    }
    const arena = core.arenaFor(chunk);
    if (!this.#arenas.enter(arena)) return;
    try {
      intFree(core, this, arena, chunk, false);
    } finally {
      this.#arenas.leave(arena);
    }
  }

  /** Allocates from the worker's arena; when that is exhausted, from any other. */
  #serve(bytes: number, alignment: number): Address {
    const arenas = this.#arenas;
    const own = arenas.acquire(this, bytes + alignment);
    if (own === 0) return alignment === 0 ? intMalloc(this.core, this, 0, bytes) : 0;
    const mem = this.#serveFrom(own, bytes, alignment);
    if (mem !== 0) return mem;
    for (let arena = arenas.first(); arena !== 0; arena = arenas.next(arena)) {
      const other = this.#serveFrom(arena, bytes, alignment);
      if (other !== 0) return other;
    }
    return 0;
  }

  /** Allocates from an arena that is locked, and unlocks it. */
  #serveFrom(arena: Address, bytes: number, alignment: number): Address {
    try {
      return alignment === 0
        ? intMalloc(this.core, this, arena, bytes)
        : intMemalign(this.core, this, arena, alignment, bytes);
    } finally {
      this.#arenas.leave(arena);
    }
  }

  /** Moves a block; 0 with the old one untouched when exhausted. */
  #move(mem: Address, bytes: number): Address {
    const moved = this.malloc(bytes);
    if (moved === 0) return 0;
    const { core } = this;
    core.mem.copy(moved, mem, Math.min(bytes, core.usable(mem - core.header)));
    this.free(mem);
    return moved;
  }

  /** Gets this worker its tcache, if the profile has one and there is room. */
  #beginTcache(): void {
    const { core } = this;
    const bytes = core.g.tcacheBytes;
    if (!core.profile.tcache) return;
    const mem = this.#serve(bytes, 0);
    if (mem === 0) return;
    core.mem.fill(mem, bytes, 0);
    this.setTcache(mem);
  }

  /** Frees what a worker's tcache holds, and the tcache; then detaches the worker from its arena. */
  #giveUp(record: Address): void {
    const { core } = this;
    const own = this.tcache;
    const tcache = core.mem.load32(record + THREAD.tcache);
    core.mem.store32(record + THREAD.tcache, 0);
    if (tcache !== 0) {
      // What is freed now must not be cached again.
      this.tcache = 0;
      try {
        this.#flush(tcache);
      } finally {
        this.tcache = own;
      }
    }
    this.#arenas.detach(record);
  }

  /** A worker may have died anywhere: whatever does not look like a cached chunk ends its list, and the rest is lost. */
  #flush(tcache: Address): void {
    const { core } = this;
    for (let bin = 0; bin < this.bins; bin++) {
      let entry = core.load(tcache + core.g.tcacheEntriesAt + bin * core.word);
      for (let steps = 0; steps < this.room && this.#isCached(entry, tcache, bin); steps++) {
        const next = core.mangle(entry, core.load(entry));
        this.#freeToArena(entry);
        entry = next;
      }
    }
    this.#freeToArena(tcache);
  }

  #isCached(entry: Address, tcache: Address, bin: number): boolean {
    const { core } = this;
    if (entry === 0 || (entry & core.alignMask) !== 0 || entry >= this.memory.byteLength) return false;
    return (
      core.load(entry + core.word) === core.tcacheKey(tcache) &&
      tcacheIndex(core, core.size(entry - core.header)) === bin
    );
  }

  #renew(): void {
    if (this.#closed) throw new LockError(`the worker's heap with id ${this.id} is closed`);
    this.#source.reach();
  }

  protected override expectBlock(address: Address): void {
    this.#renew();
    super.expectBlock(address);
  }
}

const isShared = (memory: LinearMemory): boolean => !(memory.buffer instanceof ArrayBuffer);
