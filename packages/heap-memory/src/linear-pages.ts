import {
  type Address,
  AttachError,
  InvalidArgumentError,
  type Memory,
  NULL,
  type PageSource,
} from "@heapwright/allocator";
import { claimHeap, expectHeap } from "./identity.ts";
import { LinearMemory } from "./linear-memory.ts";

/*
 * The header at the start of a linear heap, one 64-byte cache line:
 *
 *   start +0   magic "HPWR"
 *         +4   version of this layout
 *         +8   strategy: four letters of the strategy that lives here, 0 while none does
 *         +12  version of the strategy's layout
 *         +16  break: the first address not given out (low 32 bits; 0 stands for 2^32 once the memory is full)
 *         +20  root: an address for the strategy's own use, 0 at first
 *         +24  lock: two words for the strategy's own use as a FutexLock, 0 at first
 *         +32  end: the address that the break cannot pass; 0 for the memory's own end
 *         +36  reserved, zero
 *   start +64  the heap: the break begins here
 *
 * Invariant: every byte from the break to the end of the memory is zero. The break moves by compare-and-swap alone,
 * so that workers that share the memory get disjoint ranges without a lock.
 */
const MAGIC = 0x52575048;
const VERSION = 1;
const HEADER = 64;
const IDENTITY = 8;
const BREAK = 16;
const ROOT = 20;
const LOCK = 24;
const END = 32;
const LIMIT = 2 ** 32;

/**
 * A break that moves over a linear memory: what a malloc needs where there is no kernel. The memory grows under the
 * break when it can. A counting or checked memory serves too; only a {@link LinearMemory} is safe for several
 * workers.
 *
 * The break and the identity of the heap are held in the memory itself (64 bytes at `start`), so that another
 * worker, or a later run over a saved image, attaches to it. Several workers may call `sbrk` at once on a shared
 * memory.
 *
 * @example
 * ```ts
 * const pages = LinearPages.create(LinearMemory.growing());
 * pages.claim("mine", 1);
 * const block = pages.sbrk(4096);
 * // Elsewhere: LinearPages.attach(memory).expect("mine", 1);
 * ```
 */
export class LinearPages<M extends Memory = LinearMemory> implements PageSource {
  readonly memory: M;
  readonly pageSize: number = 4096;
  /** Where the 64-byte header of the heap stands. */
  readonly start: Address;
  /** The memory again, when it is one on which `Atomics` work. */
  readonly #linear: LinearMemory | undefined;

  private constructor(memory: M, start: Address) {
    this.memory = memory;
    this.start = start;
    this.#linear = memory instanceof LinearMemory ? memory : undefined;
  }

  /**
   * Begins a new heap. The memory from `start` on must be zero, as new memory is: nothing is cleared but the header.
   *
   * @param start Where: a multiple of 64. In a WebAssembly module's own memory, its `__heap_base` rounded up.
   * @param end Where the break stops: the memory's greatest length unless given. So several heaps, each with a
   * header of its own, share a memory side by side.
   * @throws InvalidArgumentError when `start` or `end` is no such address.
   */
  static create<M extends Memory = LinearMemory>(
    memory: M,
    start: Address = 0,
    end: Address = memory.maxByteLength,
  ): LinearPages<M> {
    expectStart(memory, start);
    if (!Number.isSafeInteger(end) || end < start + HEADER || end > memory.maxByteLength) {
      throw new InvalidArgumentError(
        "end",
        end,
        "an address after the heap's header, up to the end of the memory",
      );
    }
    if (!memory.grow(start + HEADER)) throw badStart(start);
    memory.fill(start, HEADER, 0);
    memory.store32(start, MAGIC);
    memory.store32(start + 4, VERSION);
    memory.store32(start + BREAK, start + HEADER);
    memory.store32(start + END, end === memory.maxByteLength ? 0 : end);
    return new LinearPages(memory, start);
  }

  /**
   * Finds the heap that `create` began, from another worker or in a restored image.
   *
   * @throws AttachError when no heap of this version begins at `start`.
   */
  static attach<M extends Memory = LinearMemory>(memory: M, start: Address = 0): LinearPages<M> {
    expectStart(memory, start);
    if (memory instanceof LinearMemory) memory.refresh();
    const where = `0x${start.toString(16)}`;
    if (start + HEADER > memory.byteLength || memory.load32(start) !== MAGIC) {
      throw new AttachError(`no heap at ${where}`);
    }
    const version = memory.load32(start + 4);
    if (version !== VERSION) throw new AttachError(`heap version ${version} at ${where}, not ${VERSION}`);
    const pages = new LinearPages(memory, start);
    const end = pages.sbrk(0);
    if (end < start + HEADER || !memory.grow(end)) {
      throw new AttachError(
        `the heap at ${where} ends at 0x${end.toString(16)}, the memory at ${memory.byteLength}`,
      );
    }
    return pages;
  }

  /** The first address of the heap itself, after the header. */
  get base(): Address {
    return this.start + HEADER;
  }

  /** An address that the strategy keeps here to find its structures by; 0 until it is set. */
  get root(): Address {
    return this.memory.load32(this.start + ROOT);
  }
  set root(address: Address) {
    this.memory.store32(this.start + ROOT, address);
  }

  /** The address that the break cannot pass. */
  get end(): Address {
    return this.memory.load32(this.start + END) || this.memory.maxByteLength;
  }

  /** Where a `FutexLock` of the strategy may lie: two words, zero at first. */
  get lockAddress(): Address {
    return this.start + LOCK;
  }

  /**
   * Marks the heap as a strategy's own.
   *
   * @param strategy Four printable ASCII letters.
   * @param version Version of the strategy's layout in memory, from 1.
   * @throws AttachError when another strategy or version has claimed it.
   */
  claim(strategy: string, version: number): void {
    claimHeap(this.memory, this.start + IDENTITY, strategy, version);
  }

  /**
   * Verifies that the heap is a strategy's own before it attaches.
   *
   * @throws AttachError when nobody, another strategy or another version has claimed it.
   */
  expect(strategy: string, version: number): void {
    expectHeap(this.memory, this.start + IDENTITY, strategy, version);
  }

  /**
   * As {@link PageSource.sbrk}. On a shared memory, any number of workers may call it at once with increments of 0 or
   * more. A negative one gives back the bytes below the break as it stands, whoever asked for them: only call it
   * while no other worker does; it returns NULL when the break moved meanwhile.
   */
  sbrk(increment: number): Address {
    const { memory, start } = this;
    const linear = this.#linear;
    const index = (start + BREAK) >>> 2;
    const limit = this.end;
    for (;;) {
      const word = linear === undefined ? memory.load32(start + BREAK) : Atomics.load(linear.words, index);
      const old = word || LIMIT;
      const end = old + increment;
      // Written so that NaN is refused too.
      if (!(end >= start + HEADER && end <= limit) || end % 1 !== 0) return NULL;
      if (end > memory.byteLength && !this.#reach(end, limit)) return NULL;
      if (increment < 0) memory.fill(end, -increment, 0);
      if (linear === undefined) {
        memory.store32(start + BREAK, end);
        return old;
      }
      // The growth may have replaced the views: `words` is read anew.
      if (Atomics.compareExchange(linear.words, index, word, end) === word) return old;
      if (increment < 0) return NULL;
    }
  }

  /**
   * Grows the memory under a break that is to be at `end`. By an eighth more than that when it can: each growth of a
   * WebAssembly.Memory replaces the buffer and all views of it, so a break that moves in small steps must not cause one
   * at each.
   */
  #reach(end: number, limit: number): boolean {
    const { memory } = this;
    return memory.grow(Math.min(Math.ceil(end * 1.125), limit)) || memory.grow(end);
  }
}

const badStart = (start: Address): InvalidArgumentError =>
  new InvalidArgumentError("start", start, "a multiple of 64 that leaves room for a heap");

const expectStart = (memory: Memory, start: Address): void => {
  if (start % HEADER !== 0 || start < 0 || start + HEADER > memory.maxByteLength) throw badStart(start);
};
