/*
 * ThreadHeap: malloc as one thread calls it, in C's words.
 *
 * The two fast paths are here: a malloc that pops from the tcache and a free that pushes on it, on a linear memory with 4-byte
 * words. They read its views directly, because an accessor per access would double their cost, and handle only the case in which
 * every test of glibc's would pass; everything else they leave, from the start and in glibc's order, to the slow functions.
 */
import { type Address, expectSize, InvalidArgumentError } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import { leaveArena } from "./arenas/arena.ts";
import { NON_MAIN_ARENA as ARENA_FLAG, IS_MMAPPED } from "./core.ts";
import { corrupted } from "./errors.ts";
import { makeExpress } from "./express/express.ts";
import { LEAVE as LEAVES } from "./express/paths.ts";
import { TCACHE_BINS } from "./layout/geometry.ts";
import { PARAMETER } from "./layout/statics.ts";
import { callocSlow, expectFromMain, freeSlow, mallocSlow, memalignSlow, reallocSlow } from "./ops/entry.ts";
import { ThreadState } from "./thread-state.ts";

const LEAVE = LEAVES;
const NON_MAIN_ARENA = ARENA_FLAG;
/** No request from here on is cached. */
const FAST_LIMIT = 1024;
/** Where the tcache's entries begin, in 4-byte words: behind 64 half words of counts. */
const FAST_ENTRIES = 32;
/** Offsets from the main arena, in 4-byte words. */
const HAVE_FAST = 2;
const FAST_BINS = 3;
const SYSTEM_MEM = 277;
/** Bits of a size word that keep a chunk off the fast path: mapped, or a size that is no multiple of 16. */
const NOT_FAST = IS_MMAPPED | 8;

/** errno values of posix_memalign. */
const EINVAL = 22;
const ENOMEM = 12;

/** A size that may be anything up to SIZE_MAX: an integer of JavaScript. Short enough to be inlined everywhere. @internal */
export const expectBytes = (bytes: number): void => {
  if (bytes >>> 0 !== bytes) expectSize(bytes);
};

/** The heap as one thread sees it: `heap.thread(n)`. Thread 0 is the main thread. */
export class ThreadHeap extends ThreadState {
  override arm(): void {
    super.arm();
    const { core } = this;
    const serves =
      this.fastBins !== 0 &&
      core.profile.express &&
      !core.multiThreaded() &&
      core.load32(core.perturbAt) === 0 &&
      core.parameter(PARAMETER.tcacheUnsortedLimit) === 0;
    this.express = serves ? makeExpress(this) : undefined;
    this.fastFrees = serves ? Math.min(core.load32(core.maxFastAt) >>> 4, this.bins) : 0;
  }

  /**
   * C's `malloc`.
   *
   * @param bytes From 0; 0 gives a block of its own.
   * @returns the address of at least `bytes` bytes, contents undefined, or 0 when exhausted.
   * @throws HeapCorruptionError with glibc's message when one of its tests fails.
   */
  malloc(bytes: number): Address {
    // The newest chunk of the bin, if it has one: three loads and three stores.
    if (bytes >>> 0 === bytes && bytes < FAST_LIMIT) {
      const { words, halves, tcache } = this;
      const bin = (bytes + 3) >>> 4;
      if (bin < this.fastBins) {
        const counted = (tcache >>> 1) + bin;
        const count = halves[counted]!;
        if (count > 0) {
          const head = (tcache >>> 2) + FAST_ENTRIES + bin;
          const mem = words[head]!;
          if ((mem & 15) !== 0) return mallocSlow(this.core, this, bytes);
          const entry = mem >>> 2;
          words[head] = ((mem >>> 12) & this.fastMangle) ^ words[entry]!;
          halves[counted] = count - 1;
          words[entry + 1] = 0;
          return mem;
        }
      }
    } else expectBytes(bytes);
    return this.mallocOther(bytes);
  }

  /**
   * Renews the views when they are of nothing: a WebAssembly module has grown its own memory and told nobody. The fast paths
   * leave to the others then, since what they read is `undefined`.
   */
  protected wake(): void {
    const { mem } = this.core;
    if (mem instanceof LinearMemory && mem.words.length === 0) mem.refresh();
  }

  /** What malloc does where its fast path does not serve. */
  protected mallocOther(bytes: number): Address {
    if (this.words.length === 0) this.wake();
    const { express } = this;
    if (express !== undefined) {
      const mem = express.malloc(bytes);
      if (mem !== LEAVE) {
        if ((this.words[(mem - 4) >>> 2]! & 6) !== 0) expectFromMain(this.core, mem, "malloc");
        return mem;
      }
    }
    return mallocSlow(this.core, this, bytes);
  }

  /**
   * C's `free`. 0 does nothing.
   *
   * @throws HeapCorruptionError with glibc's message when one of its tests fails.
   */
  free(mem: Address): void {
    if (mem === 0) return;
    // A chunk of a size that is cached, not marked as cached, whose bin has room: four loads and four stores.
    const { words, halves, tcache, fastKey } = this;
    const entry = mem >>> 2;
    const head = words[entry - 1]!;
    const bin = (head >>> 4) - 1;
    if (((head & NOT_FAST) | (mem & 15)) === 0 && bin >>> 0 < this.fastBins) {
      if ((words[entry + 1]! | 0) === fastKey) {
        this.freeMarked(mem);
        return;
      }
      const counted = (tcache >>> 1) + bin;
      const count = halves[counted]!;
      if (count < this.room) {
        const first = (tcache >>> 2) + FAST_ENTRIES + bin;
        words[entry + 1] = fastKey;
        words[entry] = ((mem >>> 12) & this.fastMangle) ^ words[first]!;
        words[first] = mem;
        halves[counted] = count + 1;
        return;
      }
      // Its bin is full. A chunk for the fast bins, the one behind it sound, not the fast bin's head: three loads, three stores.
      if (bin < this.fastFrees && (head & NON_MAIN_ARENA) === 0) {
        const { arena32 } = this;
        const fast = arena32 + FAST_BINS + 2 * bin;
        const nextHead = words[entry + ((head >>> 2) & -2) - 1]!;
        const old = words[fast]!;
        if (nextHead > 8 && nextHead < words[arena32 + SYSTEM_MEM]! && old !== mem - 8) {
          words[entry] = (mem >>> 12) ^ old;
          words[fast] = mem - 8;
          words[arena32 + HAVE_FAST] = 1;
          return;
        }
      }
    }
    this.freeOther(mem);
  }

  /** What free does where the tcache does not take the block. */
  protected freeOther(mem: Address): void {
    if (this.words.length === 0) this.wake();
    const { express } = this;
    if (express === undefined || !express.free(mem)) freeSlow(this.core, this, mem);
  }

  /** What free does with a block that is marked as cached: it is a double free, or its data look so by chance. */
  protected freeMarked(mem: Address): void {
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
