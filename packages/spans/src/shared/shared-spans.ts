/* The heaps of several workers in one shared memory. */
import {
  type Address,
  AttachError,
  DoubleFreeError,
  expectSize,
  HeapCorruptionError,
  type HeapFault,
  InvalidArgumentError,
  LockError,
  NULL,
  type Trimmer,
} from "@heapwright/allocator";
import { FutexLock, type LinearMemory } from "@heapwright/heap-memory";
import { attachHeap, createHeap, type HeapState, isShared, SHARED } from "../heap.ts";
import { checkHeap } from "../inspect.ts";
import * as layout from "../layout.ts";
import { addressOf, type RunHeap } from "../run-heap.ts";
import * as classes from "../size-classes.ts";
import { SpanHeap } from "../span-heap.ts";
import { Code, commonHeap, Directory, FIRST_ID, UNIT_GRANULES } from "./directory.ts";
import { rebuild } from "./repair.ts";
import { TerritoryHeap } from "./territory-heap.ts";

// V8 folds constants of the module itself into its code, but loads an imported one at each use.
const {
  CLASS_BITS,
  CLASS_SHIFT,
  FIRST,
  FIRST_BLOCK,
  GRANULE,
  GRANULE_SHIFT,
  KIND,
  LENGTH_SHIFT,
  LIVE,
  META_OWNER,
  OWNER_MASK,
  SPAN,
  UNIT_MASK,
  UNIT_SHIFT,
} = layout;
const { SMALL_MAX } = classes;

/** How a worker attaches to a shared heap. */
export interface SharedSpansOptions {
  /** Where the heap begins: a multiple of 64. 0 when left out. */
  readonly start?: Address;
  /**
   * Who this side is, for {@link SharedSpans.recover}: an integer from 1 to 2^28 - 1 that no other side has or had. Give it
   * where workers may be terminated, so that it is known of a worker that died while it attached.
   */
  readonly id?: number;
  /** Milliseconds after which an operation that waits for the common heap throws a LockError. 10,000 when left out. */
  readonly timeout?: number;
}

/**
 * The fast general-purpose malloc for several workers on one shared memory.
 *
 * Every worker has a heap of its own in the memory: lists of free blocks and 256 KiB territories from which they are
 * cut. So an operation takes no lock and costs what it costs in {@link Spans}; only a worker that needs a new territory locks
 * the common heap for some microseconds. A block may be freed by any worker: freed by another than its owner, it
 * is pushed on the owner's list (a Treiber stack, lock-free), and the owner takes it from there when it runs out of blocks.
 *
 * **Workers that end.** `close()` before a worker ends leaves its heap to the next one that attaches. When a worker
 * was terminated, whoever sees that (its `exit` event) calls `recover(id)`: then too its heap is repaired and used again, and a
 * lock that it held is freed. Until then nothing but its own heap is affected, except that others wait for a lock that
 * it may have held, at most `timeout` milliseconds, and then throw a LockError that names it.
 *
 * Blocks stay live when the worker that took them ends.
 *
 * @example
 * ```ts
 * const memory = LinearMemory.shared(1 << 20);
 * const heap = SharedSpans.create(memory);
 * // In a worker that was sent memory.buffer: SharedSpans.attach(LinearMemory.fixed(buffer))
 * const other = SharedSpans.attach(memory);
 * const block = heap.allocate(100);
 * other.deallocate(block);
 * ```
 */
export class SharedSpans extends SpanHeap implements Trimmer {
  /** Who this side is, for {@link SharedSpans.recover}: unlike all other sides' ids. */
  declare readonly id: number;
  declare private readonly slot: number;
  declare private readonly directory: Directory;
  declare private readonly territories: TerritoryHeap;
  declare private readonly lock: FutexLock;
  declare private readonly owners: Uint8Array;
  declare private readonly remote: number;
  declare private readonly remoteHead: number;
  private closed = false;

  private constructor(runs: TerritoryHeap, directory: Directory, slot: number, id: number, lock: FutexLock) {
    super(runs);
    this.territories = runs;
    this.directory = directory;
    this.slot = slot;
    this.id = id;
    this.lock = lock;
    this.owners = directory.owners;
    this.remote = directory.remote;
    this.remoteHead = directory.remoteHead(slot);
  }

  /**
   * Begins a heap in a shared memory and attaches to it.
   *
   * @throws InvalidArgumentError when the memory is not shared or has no room: at least 256 KiB behind `start`.
   */
  static create(memory: LinearMemory, options: SharedSpansOptions = {}): SharedSpans {
    if (!isShared(memory))
      throw new InvalidArgumentError("memory", "ArrayBuffer", "a memory that workers can share");
    const start = options.start ?? 0;
    const { pages } = createHeap(memory, start, SHARED, false);
    if (!Directory.create(pages, commonHeap(pages))) {
      throw new InvalidArgumentError("start", start, "an address with 256 KiB of memory behind it");
    }
    return SharedSpans.attach(memory, options);
  }

  /**
   * Attaches a worker to the heap in a shared memory.
   *
   * @throws AttachError when there is no heap at `start`, one of another strategy or version, or 29 workers are
   * attached already.
   * @throws LockError when the common heap was not free within the timeout.
   */
  static attach(memory: LinearMemory, options: SharedSpansOptions = {}): SharedSpans {
    if (!isShared(memory))
      throw new AttachError("the memory is not shared: an ArrayBuffer belongs to one worker");
    const { pages, heap }: HeapState = attachHeap(memory, options.start ?? 0, SHARED);
    if (pages.root === NULL)
      throw new AttachError(`the heap at 0x${pages.start.toString(16)} is not finished yet`);
    const directory = new Directory(pages);
    const id = options.id ?? directory.newId();
    if (!(Number.isInteger(id) && id >= 1 && (id < FIRST_ID || options.id === undefined))) {
      throw new InvalidArgumentError("id", id, "an integer from 1 to 2^28 - 1");
    }
    const lock = new FutexLock(memory, pages.lockAddress, id, options.timeout);
    const common = commonHeap(pages);
    const { slot, before } = directory.claim(id);
    try {
      if (directory.arenaOf(slot) === 0) {
        const helper = new TerritoryHeap(pages, common, directory, slot, lock);
        const arena = helper.locked(() => newArena(common, heap));
        if (arena === 0) throw new AttachError("the memory has no room for another worker");
        directory.setArena(slot, arena);
      }
      const runs = new TerritoryHeap(pages, common, directory, slot, lock);
      if (before === Code.DEAD) rebuild(runs, runs.regions(), directory);
      return new SharedSpans(runs, directory, slot, id, lock);
    } catch (error) {
      directory.leave(id, before);
      throw error;
    }
  }

  /**
   * O(1). This worker's small block: as in {@link Spans}, with two more words read: whose the block is, and whether
   * another worker has freed it already. Another worker's block: about 50 ns, two atomic operations.
   */
  deallocate(address: Address): void {
    const granule = address >>> GRANULE_SHIFT;
    if ((granule - this.first) >>> 0 < this.count && address >>> 0 === address) {
      const { words } = this;
      const at = (this.table + granule) | 0;
      const tag = words[at]!;
      const unit = address >>> UNIT_SHIFT;
      const bit = FIRST_BLOCK << (unit & UNIT_MASK);
      if (
        (tag & (bit | KIND)) === (bit | SPAN) &&
        (address & UNIT_MASK) === 0 &&
        this.owners[address >>> 16] === this.slot &&
        (words[this.remote + (unit >>> 5)]! & (1 << unit)) === 0
      ) {
        words[at] = tag ^ bit;
        const head = (this.heads + ((tag & CLASS_BITS) >>> CLASS_SHIFT)) | 0;
        words[address >>> 2] = words[head]!;
        words[head] = address;
        return;
      }
    }
    this.deallocateOther(address);
  }

  /**
   * Leaves this worker's heap, with its live blocks and free memory, to the next one that attaches. Afterwards every
   * operation of this side throws a LockError.
   */
  close(): void {
    if (this.closed) return;
    this.trim(0);
    this.closed = true;
    this.count = 0;
    this.heads = this.runs.arena + layout.NO_HEADS;
    this.directory.leave(this.id, Code.CLOSED);
  }

  /**
   * Says that the worker whose side had this id is gone for ever, so that what it held can be used again.
   *
   * @returns whether it was attached.
   */
  recover(id: number): boolean {
    this.lock.recover(id);
    return this.directory.leave(id, Code.DEAD);
  }

  /**
   * Gives territories without live blocks back to the common heap, for other workers. Territories are given whole or
   * not at all, whatever `keep` says.
   */
  trim(keep: number): number {
    expectSize(keep);
    this.renew();
    this.drain();
    this.pool.reclaim();
    return this.territories.leaveEmpty() * GRANULE;
  }

  /** As for every heap, over all workers' heaps: no other worker may change its own meanwhile. */
  override check(): readonly HeapFault[] {
    this.renew();
    const { directory, runs } = this;
    const common = runs.heap + layout.HEAP_WORDS;
    const arenas = directory.arenas();
    const arenaAt = (granule: number): number => {
      const slot = this.owners[granule / UNIT_GRANULES]!;
      return slot === 0 ? common : directory.arenaOf(slot);
    };
    return checkHeap(runs, [common, ...arenas], (granule) => arenaAt(granule - (granule % UNIT_GRANULES)));
  }

  protected override renew(): boolean {
    if (this.closed) throw new LockError(`the worker's heap with id ${this.id} is closed`);
    return super.renew();
  }

  protected override allocateFromSpan(sizeClass: number): Address {
    if (this.renew() || this.drain()) return this.allocate(sizeClass << UNIT_SHIFT);
    return super.allocateFromSpan(sizeClass);
  }

  protected override allocateLarge(size: number): Address {
    if (this.closed || this.count === 0) this.renew();
    if (this.words[this.remoteHead] !== 0) this.drain();
    return super.allocateLarge(size);
  }

  /** Another worker's block can be shortened or lengthened only by that one. */
  protected override resize(address: Address, old: number, size: number, worth: number): boolean {
    if (this.owners[address >>> 16] === this.slot || old <= SMALL_MAX)
      return super.resize(address, old, size, worth);
    return size <= old && size >= worth;
  }

  /** Large blocks, other workers' blocks, NULL, a heap that grew elsewhere, or misuse. */
  protected override deallocateOther(address: Address): void {
    if (address === NULL) return;
    if (!this.isLiveBlock(address)) {
      if (!this.renew()) throw this.fault(address);
      this.deallocate(address);
    } else if (this.owners[address >>> 16] !== this.slot) this.pass(address);
    else if (this.isPassed(address)) throw new DoubleFreeError(address);
    else this.take(address);
  }

  /** Whether a live block begins at `address`, whoever's. */
  private isLiveBlock(address: Address): boolean {
    const granule = address >>> GRANULE_SHIFT;
    if (granule - this.first < 0 || granule - this.first >= this.count || address >>> 0 !== address)
      return false;
    const tag = this.words[this.table + granule]!;
    if ((tag & KIND) === SPAN) return (address & UNIT_MASK) === 0 && this.isLive(address);
    return (tag & KIND) === LIVE && (tag & OWNER_MASK) !== META_OWNER && (address & (GRANULE - 1)) === 0;
  }

  private isPassed(address: Address): boolean {
    return (Atomics.load(this.words, this.remote + (address >>> 9)) & (1 << (address >>> UNIT_SHIFT))) !== 0;
  }

  /** Passes another worker's block on to its owner. */
  private pass(address: Address): void {
    const { words } = this;
    const bit = 1 << (address >>> UNIT_SHIFT);
    const before = Atomics.or(words, this.remote + (address >>> 9), bit);
    if ((before & bit) !== 0) throw new DoubleFreeError(address);
    const head = this.directory.remoteHead(this.owners[address >>> 16]!);
    for (;;) {
      const next = Atomics.load(words, head);
      words[address >>> 2] = next;
      if (Atomics.compareExchange(words, head, next, address | 0) === next) return;
    }
  }

  /** Takes back the blocks that others have freed. Returns whether there were any. */
  private drain(): boolean {
    const { remoteHead } = this;
    let any = false;
    for (;;) {
      const { words } = this;
      const block = Atomics.load(words, remoteHead) >>> 0;
      if (block === 0) return any;
      // Only this side takes from the list, so the head that is seen again is the same one.
      const next = Atomics.load(words, block >>> 2);
      if (Atomics.compareExchange(words, remoteHead, block | 0, next) !== (block | 0)) continue;
      // It may lie in what this side has added to the heap itself since it last looked.
      if (!this.isLiveBlock(block)) this.renew();
      if (!this.isLiveBlock(block) || !this.isPassed(block)) {
        throw new HeapCorruptionError(
          block,
          `a freed block was written to: 0x${block.toString(16)} is no block`,
        );
      }
      Atomics.and(words, this.remote + (block >>> 9), ~(1 << (block >>> UNIT_SHIFT)));
      this.take(block);
      any = true;
    }
  }

  /** Frees a live block of this worker's. */
  private take(address: Address): void {
    const { words } = this;
    const granule = address >>> GRANULE_SHIFT;
    const at = this.table + granule;
    const tag = words[at]!;
    if ((tag & KIND) === SPAN) {
      words[at] = tag ^ (FIRST_BLOCK << ((address >>> UNIT_SHIFT) & UNIT_MASK));
      const head = this.heads + ((tag & CLASS_BITS) >>> CLASS_SHIFT);
      words[address >>> 2] = words[head]!;
      words[head] = address;
    } else this.runs.give(granule, tag >>> LENGTH_SHIFT);
  }
}

/** Makes an arena in the common heap. Returns its word index, or 0. */
const newArena = (common: RunHeap, heap: number): number => {
  const granules = Math.ceil((layout.ARENA_WORDS * 4) / GRANULE);
  const run = common.obtain(granules);
  if (run === 0) return 0;
  common.own(run);
  const arena = run * (GRANULE / 4);
  const { words } = common;
  const end = addressOf(words[heap + FIRST]!);
  words.fill(0, arena, arena + granules * (GRANULE / 4));
  words.fill(end, arena + layout.HEADS, arena + layout.HEADS + layout.CLASS_ROOM);
  words.fill(end, arena + layout.NO_HEADS, arena + layout.NO_HEADS + layout.CLASS_ROOM);
  return arena;
};
