/// <reference lib="esnext.disposable" preserve="true" />
/*
 * Ptmalloc: glibc's malloc as an allocator.
 *
 * Why this algorithm: it is what most of the world's Linux programs run on. Neither the fastest nor the most compact, it is
 * consistently both: small blocks are recycled by exact size from stacks that need no search, middling ones by best fit with
 * boundary tags and deferred coalescing, large ones go straight to the system.
 *
 * Vital statistics (defaults; i386 / x86-64):
 *   alignment           16 / 16 bytes
 *   overhead            4 / 8 bytes a block in use; mapped blocks one word more
 *   smallest block      12 / 24 usable bytes in a chunk of 16 / 32
 *   malloc, free        O(1) for cached sizes; O(log sizes) to O(free chunks) else; at most 10000 chunks sorted a call
 *   state               1116 / 2200 bytes an arena, 384 / 640 bytes a thread, all in the memory
 *
 * What must always hold is what {@link Ptmalloc.check} verifies.
 */
import {
  type Address,
  expectSize,
  type Footprint,
  type HeapFault,
  type HeapStats,
  type Inspectable,
  InvalidArgumentError,
  type Memory,
  type Owner,
  type PageSource,
  type Trimmer,
} from "@heapwright/allocator";
import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { AllocatorHeap } from "./allocator-heap.ts";
import { arenasOf } from "./arenas/arena.ts";
import { lock, unlock } from "./arenas/lock.ts";
import { Core } from "./core.ts";
import { endHeap } from "./end.ts";
import { checkHeap } from "./inspect/check.ts";
import { type Mallinfo2, mallinfo2, mallocInfo, mallocStats } from "./inspect/info.ts";
import { type ChunkInfo, statsOf, walkHeap } from "./inspect/walk.ts";
import type { Abi } from "./layout/abi.ts";
import type { ProfileName } from "./layout/profile.ts";
import { HEADER, PARAMETER } from "./layout/statics.ts";
import { mallopt } from "./mallopt.ts";
import type { PtmallocOptions } from "./options.ts";
import type { Probe } from "./probe.ts";
import { beginHeap, findHeap } from "./state.ts";
import { trimArena } from "./system/trim.ts";
import { ThreadHeap } from "./thread.ts";
import { bytesOf, type TypedArray, type TypedArrayKind, viewAt } from "./typed-arrays.ts";

/**
 * Length of the memory that a heap makes for itself, in bytes. Pages that are never touched cost nothing; but the first growth
 * replaces the buffer, and V8 then tests at every access of every view whether its buffer is still there.
 */
const INITIAL_MEMORY = 2 ** 27;

/**
 * glibc's malloc over a page source: a linear memory, or a process. The object itself is the heap as the main thread calls it;
 * {@link Ptmalloc.thread} gives it as other threads do.
 *
 * @example
 * ```ts
 * import { Ptmalloc } from "@heapwright/ptmalloc";
 *
 * const heap = new Ptmalloc();
 * const block = heap.malloc(100);
 * heap.memory.store32(block, 42);
 * heap.free(block);
 * ```
 */
export class Ptmalloc extends AllocatorHeap implements Owner, Trimmer, Inspectable, Footprint {
  declare readonly memory: Memory;
  readonly #threads: ThreadHeap[] = [];

  /**
   * Begins a heap.
   *
   * @param source Where its memory comes from. Default: a WebAssembly.Memory of its own, of 128 MiB at first (of which only
   * what is used costs anything), that grows up to 4 GiB.
   * @throws InvalidArgumentError on an option out of range, or when the source has no room for the state.
   */
  constructor(source?: PageSource, options?: PtmallocOptions);
  /** @internal */
  constructor(source: PageSource, options: Core);
  constructor(
    source: PageSource = LinearPages.create(LinearMemory.growing({ initial: INITIAL_MEMORY })),
    options: PtmallocOptions | Core = {},
  ) {
    super(options instanceof Core ? options : beginHeap(source, options), 0);
    this.memory = this.core.mem;
    this.#threads[0] = this;
    if (!(options instanceof Core)) this.probe = options.probe;
  }

  /**
   * Finds a heap that was begun before: by another worker on the same buffer, or in a saved image of the memory.
   *
   * @param source A linear heap, or any source together with the address of the state area.
   * @throws AttachError when there is no heap of this kind and version.
   */
  static attach(source: PageSource, stateAddress?: Address): Ptmalloc {
    return new Ptmalloc(source, findHeap(source, stateAddress));
  }

  /** Where malloc's own state lies: what {@link Ptmalloc.attach} asks for on a source without a header of its own. */
  get stateAddress(): Address {
    return this.core.state;
  }

  /** The profile that the heap behaves by. */
  get profile(): ProfileName {
    return this.core.profile.name;
  }

  /** The ABI of the heap. */
  get abi(): Abi {
    return this.core.wide ? "x86_64" : "i386";
  }

  /** Listens to every decision, or to none when undefined. */
  get probe(): Probe | undefined {
    return this.core.probe;
  }

  set probe(probe: Probe | undefined) {
    this.core.probe = probe;
    this.#arm();
  }

  #arm(): void {
    for (const thread of this.#threads) thread?.arm();
  }

  /**
   * The heap as thread `index` calls it. The first call for a number above 0 starts the thread: from then on the heap is
   * multi-threaded for good, as a process is, and each thread gets an arena at its first allocation.
   *
   * @param index From 0, the main thread, to the heap's `maxThreads - 1`.
   * @throws InvalidArgumentError when `index` is out of that range.
   */
  thread(index: number): ThreadHeap {
    const known = this.#threads[index];
    if (known !== undefined) return known;
    const threads = this.memory.load32(this.core.state + HEADER.threads);
    if (index >>> 0 !== index || index >= threads)
      throw new InvalidArgumentError("thread", index, `an integer from 0 to ${threads - 1}`);
    this.core.setParameter(PARAMETER.multiThreaded, 1);
    const thread = new ThreadHeap(this.core, index);
    this.#threads[index] = thread;
    this.#arm();
    return thread;
  }

  /** The addresses of the arenas (`struct malloc_state`), the main one first. */
  arenas(): Address[] {
    return arenasOf(this.core);
  }

  /**
   * Holds an arena's lock, as a thread inside malloc does, to see what others then choose.
   *
   * @throws InvalidArgumentError when `arena` is none of {@link Ptmalloc.arenas}.
   * @throws LockError when it is held already.
   */
  holdArena(arena: Address): void {
    this.#expectArena(arena);
    lock(this.core, arena);
  }

  /** Releases what {@link Ptmalloc.holdArena} holds. */
  releaseArena(arena: Address): void {
    this.#expectArena(arena);
    unlock(this.core, arena);
  }

  #expectArena(arena: Address): void {
    if (!this.arenas().includes(arena))
      throw new InvalidArgumentError("arena", arena, "the address of an arena");
  }

  // ---- C, heap-wide --------------------------------------------------------------------------------------------------

  /**
   * `mallopt`: sets a parameter (see {@link Mallopt}); a C int.
   *
   * @returns 1, or 0 when the value is out of the parameter's range.
   */
  mallopt(parameter: number, value: number): 0 | 1 {
    const inRange = mallopt(this.core, parameter, value);
    this.#arm();
    return inRange;
  }

  /** `malloc_trim`: gives free memory back to the system, keeping `pad` bytes at the top. Returns 1 if any was. */
  mallocTrim(pad: number): 0 | 1 {
    return this.trim(pad) > 0 ? 1 : 0;
  }

  /** `mallinfo2`: the heap in numbers. */
  mallinfo2(): Mallinfo2 {
    return mallinfo2(this.core);
  }

  /** `malloc_stats`: the text that it prints. */
  mallocStats(): string {
    return mallocStats(this.core);
  }

  /** `malloc_info`: the XML that it prints. */
  mallocInfo(): string {
    return mallocInfo(this.core);
  }

  // ---- the contract --------------------------------------------------------------------------------------------------

  owns(address: Address): boolean {
    if (address === 0 || address >>> 0 !== address) return false;
    for (const block of walkHeap(this.core)) {
      if (address < block.address) continue;
      if (address < block.address + block.size) return block.state !== "meta";
    }
    return false;
  }

  trim(keep: number): number {
    expectSize(keep);
    let released = 0;
    for (const arena of arenasOf(this.core)) released += trimArena(this.core, arena, keep);
    return released;
  }

  /** Every chunk of every arena, and the mapped chunks that this object has seen, in ascending address order. */
  walk(): Iterable<ChunkInfo> {
    return walkHeap(this.core);
  }

  check(): readonly HeapFault[] {
    return checkHeap(this.core);
  }

  stats(): HeapStats {
    return statsOf(this.core);
  }

  footprint(): number {
    let bytes = this.core.parameter(PARAMETER.mmappedMem);
    for (const arena of arenasOf(this.core)) bytes += this.core.systemMem(arena);
    return bytes;
  }

  // ---- for JavaScript ------------------------------------------------------------------------------------------------

  /**
   * Allocates `length` elements and gives the view of them, contents undefined; or undefined when exhausted.
   *
   * A growth of the heap replaces the buffer of a WebAssembly.Memory that is not shared, and leaves views made before without
   * bytes: take them again by {@link Ptmalloc.arrayAt}, from the `byteOffset` kept.
   *
   * @throws InvalidArgumentError when `length` is no count, or when the heap is not on a linear memory.
   * @example
   * ```ts
   * import { Ptmalloc } from "@heapwright/ptmalloc";
   *
   * const heap = new Ptmalloc();
   * const floats = heap.allocateArray(Float32Array, 3);
   * floats?.set([1, 2, 3]);
   * if (floats) heap.deallocateArray(floats);
   * ```
   */
  allocateArray<T extends TypedArray>(kind: TypedArrayKind<T>, length: number): T | undefined {
    const address = this.malloc(bytesOf(kind, length));
    return address === 0 ? undefined : viewAt(this.memory, kind, address, length);
  }

  /** The view of `length` elements of the live block at `address`. */
  arrayAt<T extends TypedArray>(kind: TypedArrayKind<T>, address: Address, length: number): T {
    bytesOf(kind, length);
    return viewAt(this.memory, kind, address, length);
  }

  /** Gives back what {@link Ptmalloc.allocateArray} gave. The view must still have its bytes. */
  deallocateArray(array: TypedArray): void {
    this.deallocate(array.byteOffset);
  }

  /**
   * Ends the heap, live blocks and all: its mappings are unmapped and the break moves back to where it was, if nobody else moved
   * it since. The heap must not be used after.
   */
  [Symbol.dispose](): void {
    endHeap(this.core);
  }
}
