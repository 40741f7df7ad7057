/*
 * Arenas and their locks where several workers share a heap. Each worker is attached to an arena of its own as long as there is
 * room for one more; all that is done to an arena is done under its lock. The main arena is never used: it lives on a break
 * that nobody else moves, and here all do.
 *
 * Order of locks: the list of arenas, then one arena, then the pages. Nobody waits for the list or for a second arena
 * while he holds an arena.
 *
 * An arena whose owner died inside it is verified; if it is not sound, it is *out of service*: what is live in it stays as it
 * is, nothing is allocated from it and what is freed into it is lost. Its lock says so, for ever.
 */
import { type Address, HeapCorruptionError } from "@heapwright/allocator";
import { FutexLock, type LinearMemory } from "@heapwright/heap-memory";
import { arenasOf, attachedThreads, newArena } from "../arenas/arena.ts";
import type { Core } from "../core.ts";
import { isArenaSound } from "../inspect/check.ts";
import { HEADER, PARAMETER, THREAD, THREAD_BYTES, THREADS_AT } from "../layout/statics.ts";
import type { ThreadState } from "../thread-state.ts";
import { LOCK_ARENA, LOCK_BYTES, locksAt, MAX_LOCKS, SHARED } from "./layout.ts";
import type { SharedMappings } from "./mappings.ts";

/** The arenas of a shared heap, as one worker sees them. */
export class SharedArenas {
  readonly #core: Core;
  readonly #memory: LinearMemory;
  readonly #source: SharedMappings;
  readonly #shared: Address;
  readonly #locksAt: Address;
  readonly #list: FutexLock;
  /** The locks by number, made as they are met. */
  readonly #locks: (FutexLock | undefined)[] = [];

  constructor(core: Core, memory: LinearMemory, source: SharedMappings, shared: Address, list: FutexLock) {
    this.#core = core;
    this.#memory = memory;
    this.#source = source;
    this.#shared = shared;
    this.#locksAt = shared + locksAt(core.mem.load32(shared + SHARED.workers));
    this.#list = list;
  }

  /**
   * Locks an arena. Returns false, and holds nothing, when it is out of service.
   *
   * @throws LockError when it was not free within the timeout.
   */
  enter(arena: Address): boolean {
    const lock = this.#lockOf(arena);
    const sound = lock.acquire();
    this.#source.reach();
    if (!sound) lock.release();
    return sound;
  }

  /** Unlocks an arena. */
  leave(arena: Address): void {
    this.#lockOf(arena).release();
  }

  /** The worker's arena, locked; another one when it has none or its own is out of service. 0 when there is none. */
  acquire(worker: ThreadState, bytes: number): Address {
    const own = worker.arena;
    if (own !== 0 && this.enter(own)) return own;
    const arena = this.#listed(() => this.#assign(worker, bytes));
    if (arena !== 0 && this.enter(arena)) return arena;
    return this.#next(0);
  }

  /** The first arena in service, locked; or 0. */
  first(): Address {
    return this.#next(0);
  }

  /** The arenas out of service. */
  lost(): Set<Address> {
    const lost = new Set<Address>();
    for (let number = 1; number <= this.#made; number++)
      if (this.#isLost(number)) lost.add(this.#arenaOf(number));
    return lost;
  }

  /** The arenas in service. */
  inService(): Address[] {
    const lost = this.lost();
    return arenasOf(this.#core).filter((arena) => arena !== this.#core.main && !lost.has(arena));
  }

  /** The next arena in service after `arena` in the order of their making, locked; or 0. */
  next(arena: Address): Address {
    return this.#next(this.#core.mem.load32(arena));
  }

  /** Detaches a thread record from its arena, which can then serve another worker. */
  detach(record: Address): void {
    this.#listed(() => {
      this.#core.mem.store32(record + THREAD.arena, 0);
      this.#recount();
    });
  }

  /** Frees the locks that a dead worker held; the arena that it was in goes out of service unless it is sound. */
  recover(dead: number): void {
    this.#source.reach();
    this.#list.recover(dead);
    for (let number = 1; number <= this.#made; number++)
      if (this.#lock(number).recover(dead)) this.#verify(number);
  }

  get #made(): number {
    return this.#memory.words[(this.#shared + SHARED.locksMade) >>> 2]!;
  }

  #entry(number: number): Address {
    return this.#locksAt + (number - 1) * LOCK_BYTES;
  }

  #lock(number: number): FutexLock {
    const known = this.#locks[number];
    if (known !== undefined) return known;
    const { id, timeout } = this.#list;
    const lock = new FutexLock(this.#memory, this.#entry(number), id, timeout);
    this.#locks[number] = lock;
    return lock;
  }

  #lockOf(arena: Address): FutexLock {
    const number = this.#core.mem.load32(arena);
    // The arena of a chunk is found through its address; what does not lead back here is no chunk.
    if (number > MAX_LOCKS || number === 0 || this.#arenaOf(number) !== arena)
      throw new HeapCorruptionError(arena, "free(): invalid pointer");
    return this.#lock(number);
  }

  #arenaOf(number: number): Address {
    return this.#memory.words[(this.#entry(number) + LOCK_ARENA) >>> 2]!;
  }

  /** Puts an arena whose owner died inside it back into service if it was between two changes that belong together. O(arena). */
  #verify(number: number): void {
    const lock = this.#lock(number);
    lock.acquire();
    try {
      this.#source.reach();
      if (isArenaSound(this.#core, this.#arenaOf(number))) lock.repaired();
    } finally {
      lock.release();
    }
  }

  #isLost(number: number): boolean {
    return Atomics.load(this.#memory.words, (this.#entry(number) + 4) >>> 2) !== 0;
  }

  #next(after: number): Address {
    for (let number = after + 1; number <= this.#made; number++) {
      const arena = this.#arenaOf(number);
      if (this.enter(arena)) return arena;
    }
    return 0;
  }

  /** Does something while nobody else changes the list of arenas or who is attached to which. */
  #listed<T>(action: () => T): T {
    const sound = this.#list.acquire();
    try {
      this.#source.reach();
      if (!sound) {
        this.#recount();
        this.#list.repaired();
      }
      return action();
    } finally {
      this.#list.release();
    }
  }

  /** Attaches the worker to an arena: one without workers, else a new one, else the one with the fewest. */
  #assign(worker: ThreadState, bytes: number): Address {
    worker.arena = 0;
    this.#recount();
    let fewest = this.#leastUsed();
    if (fewest === 0 || attachedThreads(this.#core, fewest) > 0)
      fewest = this.#create(worker, bytes) || fewest;
    worker.arena = fewest;
    this.#recount();
    return fewest;
  }

  #leastUsed(): Address {
    let found = 0;
    for (let number = 1; number <= this.#made; number++) {
      if (this.#isLost(number)) continue;
      const arena = this.#arenaOf(number);
      if (found === 0 || attachedThreads(this.#core, arena) < attachedThreads(this.#core, found))
        found = arena;
    }
    return found;
  }

  /** Makes an arena and its lock. Returns 0 when there is no room or when there are too many. */
  #create(worker: ThreadState, bytes: number): Address {
    const number = this.#made + 1;
    if (number > MAX_LOCKS) return 0;
    const core = this.#core;
    const arena = newArena(core, worker, bytes);
    if (arena === 0) return 0;
    core.mem.store32(arena, number);
    core.mem.store32(this.#entry(number) + LOCK_ARENA, arena);
    Atomics.store(this.#memory.words, (this.#shared + SHARED.locksMade) >>> 2, number);
    return arena;
  }

  /** Counts the arenas, and the workers of each, anew. O(arenas x workers). */
  #recount(): void {
    const core = this.#core;
    const { mem, state } = core;
    const arenas = arenasOf(core);
    const workers = new Map<Address, number>();
    for (let index = 0; index < mem.load32(state + HEADER.threads); index++) {
      const arena = mem.load32(state + THREADS_AT + index * THREAD_BYTES + THREAD.arena);
      workers.set(arena, (workers.get(arena) ?? 0) + 1);
    }
    for (const arena of arenas) core.store(arena + core.g.attachedAt, workers.get(arena) ?? 0);
    core.setParameter(PARAMETER.narenas, arenas.length);
  }
}
