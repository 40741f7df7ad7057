/*
 * ThreadHeap: malloc as one thread calls it, in C's words.
 *
 * Three codes serve: the fast paths, which know the tcache only (fast-paths.ts); the express code (express/paths.ts); and the
 * general code (ops), which serves any heap.
 */
import { type Address, expectSize, InvalidArgumentError } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import { leaveArena } from "./arenas/arena.ts";
import { IS_MMAPPED } from "./core.ts";
import { corrupted } from "./errors.ts";
import { makeExpress } from "./express/express.ts";
import { LEAVE as LEAVES } from "./express/paths.ts";
import { type FastPaths, makeFastPaths } from "./fast-paths.ts";
import { TCACHE_BINS } from "./layout/geometry.ts";
import { PARAMETER } from "./layout/statics.ts";
import { callocSlow, expectFromMain, freeSlow, mallocSlow, memalignSlow, reallocSlow } from "./ops/entry.ts";
import { ThreadState } from "./thread-state.ts";

const LEAVE = LEAVES;

/** errno values of posix_memalign. */
const EINVAL = 22;
const ENOMEM = 12;

/** A size that may be anything up to SIZE_MAX: an integer of JavaScript. Short enough to be inlined everywhere. @internal */
export const expectBytes = (bytes: number): void => {
  if (bytes >>> 0 !== bytes) expectSize(bytes);
};

/** The heap as one thread sees it: `heap.thread(n)`. Thread 0 is the main thread. */
export class ThreadHeap extends ThreadState {
  /** @internal The fast paths, where there is a tcache on a linear memory with 4-byte words and no probe wants to be told. */
  fastMalloc: FastPaths["malloc"] | undefined = undefined;
  /** @internal */
  fastFree: FastPaths["free"] | undefined = undefined;

  override arm(): void {
    super.arm();
    const { core } = this;
    const fast = this.tcache !== 0 && core.probe === undefined && this.words.length > 0;
    const serves =
      fast &&
      core.profile.express &&
      !core.multiThreaded() &&
      core.load32(core.perturbAt) === 0 &&
      core.parameter(PARAMETER.tcacheUnsortedLimit) === 0;
    this.express = serves ? makeExpress(this) : undefined;
    const paths = fast ? makeFastPaths(this, this.express) : undefined;
    this.fastMalloc = paths?.malloc;
    this.fastFree = paths?.free;
  }

  /**
   * C's `malloc`.
   *
   * @param bytes From 0; 0 gives a block of its own.
   * @returns the address of at least `bytes` bytes, contents undefined, or 0 when exhausted.
   * @throws HeapCorruptionError with glibc's message when one of its tests fails.
   */
  malloc(bytes: number): Address {
    const { fastMalloc } = this;
    if (bytes >>> 0 !== bytes || fastMalloc === undefined) return this.mallocOther(bytes);
    return fastMalloc(bytes);
  }

  /**
   * Renews the views when they are of nothing: a WebAssembly module has grown its own memory and told nobody. The fast paths
   * leave to the others then, since what they read is `undefined`.
   */
  protected wake(): void {
    const { mem } = this.core;
    if (mem instanceof LinearMemory && mem.words.length === 0) mem.refresh();
  }

  /** What malloc does where neither the fast path nor the express code serves. @internal */
  mallocOther(bytes: number): Address {
    expectBytes(bytes);
    if (this.words.length === 0) this.wake();
    return mallocSlow(this.core, this, bytes);
  }

  /**
   * C's `free`. 0 does nothing.
   *
   * @throws HeapCorruptionError with glibc's message when one of its tests fails.
   */
  free(mem: Address): void {
    if (mem === 0) return;
    const { fastFree } = this;
    if (fastFree === undefined) this.freeOther(mem);
    else fastFree(mem);
  }

  /** What free does where neither the fast path nor the express code serves. @internal */
  freeOther(mem: Address): void {
    if (this.words.length === 0) this.wake();
    freeSlow(this.core, this, mem);
  }

  /** C's `calloc`: `count * size` bytes, all zero; or 0 when exhausted or when the product is too large. */
  calloc(count: number, size: number): Address {
    expectBytes(count);
    expectBytes(size);
    const bytes = count * size;
    if (bytes > this.core.g.requestMax) return 0;
    if (this.words.length === 0) this.wake();
    const { express } = this;
    if (express !== undefined) {
      const mem = express.calloc(bytes);
      if (mem !== LEAVE) {
        if ((this.words[(mem - 4) >>> 2]! & 6) !== 0) expectFromMain(this.core, mem, "calloc");
        return mem;
      }
    }
    return callocSlow(this.core, this, bytes);
  }

  /**
   * C's `realloc`: changes the block's size, moving it when it must; 0 as the block makes this a malloc, 0 bytes a free.
   *
   * @returns the block's address, or 0 when exhausted, with the old block untouched, or when `bytes` is 0.
   * @throws HeapCorruptionError with glibc's message when one of its tests fails.
   */
  realloc(mem: Address, bytes: number): Address {
    expectBytes(bytes);
    if (mem === 0) return this.malloc(bytes);
    if (bytes === 0) {
      this.free(mem);
      return 0;
    }
    if (this.words.length === 0) this.wake();
    const { express } = this;
    if (express !== undefined) {
      const moved = express.realloc(mem, bytes);
      if (moved !== LEAVE) {
        if ((this.words[(moved - 4) >>> 2]! & 6) !== 0) expectFromMain(this.core, moved, "realloc");
        return moved;
      }
    }
    return reallocSlow(this.core, this, mem, bytes);
  }

  /** `reallocarray`: {@link realloc} to `count * size` bytes, or 0 when the product is too large. */
  reallocarray(mem: Address, count: number, size: number): Address {
    expectBytes(count);
    expectBytes(size);
    const bytes = count * size;
    return bytes > this.core.g.requestMax ? 0 : this.realloc(mem, bytes);
  }

  /**
   * `memalign`: `bytes` bytes at a multiple of `alignment`, which is rounded up to a power of two.
   *
   * @returns the address, or 0 when exhausted or when the alignment is beyond half the address space.
   */
  memalign(alignment: number, bytes: number): Address {
    expectBytes(alignment);
    expectBytes(bytes);
    const { core } = this;
    if (alignment <= core.alignMask + 1) return this.malloc(bytes);
    if (alignment > core.g.requestMax) return 0;
    let power = core.minSize;
    while (power < alignment) power *= 2;
    if (this.words.length === 0) this.wake();
    return memalignSlow(core, this, power, bytes);
  }

  /** C11's `aligned_alloc`; in glibc the same as {@link memalign}. */
  alignedAlloc(alignment: number, bytes: number): Address {
    return this.memalign(alignment, bytes);
  }

  /**
   * `posix_memalign`: stores the address of the block at `target`.
   *
   * @returns 0, or 22 (EINVAL) for an alignment that is no power of two or no multiple of a word, or 12 (ENOMEM).
   */
  posixMemalign(target: Address, alignment: number, bytes: number): 0 | 12 | 22 {
    const { core } = this;
    expectBytes(alignment);
    if (alignment === 0 || alignment % core.word !== 0 || 2 ** Math.round(Math.log2(alignment)) !== alignment)
      return EINVAL;
    const mem = this.memalign(alignment, bytes);
    if (mem === 0) return ENOMEM;
    core.store(target, mem);
    return 0;
  }

  /** `valloc`: at a page boundary. */
  valloc(bytes: number): Address {
    return this.memalign(this.core.pageSize, bytes);
  }

  /** `pvalloc`: at a page boundary, rounded up to whole pages. */
  pvalloc(bytes: number): Address {
    expectBytes(bytes);
    return this.memalign(this.core.pageSize, this.core.pageUp(bytes));
  }

  /** `malloc_usable_size`: bytes of the block that may be used; 0 for 0 and for a block that its neighbour says is free. */
  mallocUsableSize(mem: Address): number {
    if (mem === 0) return 0;
    if (this.words.length === 0) this.wake();
    const { core } = this;
    const chunk = mem - core.header;
    const size = core.size(chunk);
    const mapped = (core.head(chunk) & IS_MMAPPED) !== 0;
    return mapped || core.inUseAt(chunk, size) ? core.usable(chunk) : 0;
  }

  /**
   * The thread ends: its cached chunks are freed to their arenas, and its arena can go to another thread.
   *
   * The main thread's end is the process's; it has none here.
   *
   * @throws InvalidArgumentError on thread 0.
   */
  exit(): void {
    if (this.index === 0) throw new InvalidArgumentError("thread", 0, "a thread other than the main one");
    this.#flushTcache();
    leaveArena(this.core, this);
    this.shuttingDown = false;
  }

  #flushTcache(): void {
    const { core, tcache } = this;
    this.shuttingDown = true;
    if (tcache === 0) return;
    this.setTcache(0);
    for (let bin = 0; bin < TCACHE_BINS; bin++) {
      const head = tcache + core.g.tcacheEntriesAt + bin * core.word;
      for (let entry = core.load(head); entry !== 0; entry = core.load(head)) {
        if (core.safeLinking && (entry & core.alignMask) !== 0)
          throw corrupted(entry, "tcache_thread_shutdown(): unaligned tcache chunk detected");
        core.store(head, core.mangle(entry, core.load(entry)));
        freeSlow(core, this, entry);
      }
    }
    freeSlow(core, this, tcache);
  }
}
