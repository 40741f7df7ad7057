import { OpKind, type OpKindValue, Trace, WIDE } from "./trace.ts";

/** Slots and threads beyond these are taken for damage: no program that was ever traced comes near them. */
const MAX_SLOTS = 2 ** 24;
const MAX_THREADS = 2 ** 16;
const ABSENT = -1;

/** What is wrong with a number that a trace could not hold. */
const notWhole = (what: string, value: number): string | undefined =>
  Number.isSafeInteger(value) && value >= 0
    ? undefined
    : `the ${what} ${value} is no whole number below 2^53`;

/** Doubles a column, to `limit` elements at most. */
const enlarge = <Column extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(
  column: Column,
  length: number,
): Column => {
  const larger = new (column.constructor as new (length: number) => Column)(length);
  larger.set(column);
  return larger;
};

/**
 * Makes a {@link Trace} operation by operation, and keeps its invariants: an allocating operation's slot is empty,
 * every other one's slot is live, no `realloc` is to 0 bytes. Each method returns what is wrong with the operation,
 * in words, and then has added nothing; `undefined` when it was added.
 *
 * Cost: O(1) each, amortised.
 */
export class TraceBuilder {
  #kinds: Uint8Array;
  #slots: Uint32Array;
  #sizes: Uint32Array;
  #extras: Uint32Array;
  #threads: Uint16Array;
  readonly #wideSizes: Map<number, number> = new Map<number, number>();
  readonly #wideExtras: Map<number, number> = new Map<number, number>();
  readonly #limit: number;
  readonly #anyAlignment: boolean;

  /** Requested bytes of the live block in each slot, ABSENT where there is none. */
  #live: Float64Array = new Float64Array(64).fill(ABSENT);
  #length = 0;
  #slotCount = 0;
  #liveBytes = 0;
  #peakLiveBytes = 0;
  #thread = 0;
  #lastThread = 0;
  readonly #threadsSeen: Set<number> = new Set([0]);

  /**
   * @param limit The number of operations that will come, when it is known: the columns then end exactly so long.
   * @param anyAlignment Whether an alignment may be any number, as glibc's `memalign` takes it (and rounds it up);
   * the contract of `AlignedAllocator` only knows powers of two.
   */
  constructor(limit: number = Number.POSITIVE_INFINITY, anyAlignment: boolean = false) {
    this.#limit = limit;
    this.#anyAlignment = anyAlignment;
    const capacity = Math.min(limit, 4096);
    this.#kinds = new Uint8Array(capacity);
    this.#slots = new Uint32Array(capacity);
    this.#sizes = new Uint32Array(capacity);
    this.#extras = new Uint32Array(capacity);
    this.#threads = new Uint16Array(capacity);
  }

  /** Operations added so far. */
  get length(): number {
    return this.#length;
  }
  /** Highest slot used so far + 1. */
  get slotCount(): number {
    return this.#slotCount;
  }
  /** Largest sum of requested bytes live at once so far. */
  get peakLiveBytes(): number {
    return this.#peakLiveBytes;
  }
  /** Distinct threads that ran an operation so far, and the main thread. */
  get threadCount(): number {
    return this.#threadsSeen.size;
  }
  /** Whether the slot holds a live block. */
  isLive(slot: number): boolean {
    return slot < this.#live.length && this.#live[slot] !== ABSENT;
  }

  /** Adds `malloc(size)`. */
  allocate(slot: number, size: number): string | undefined {
    return notWhole("size", size) ?? this.#begin(slot, size) ?? this.#add(OpKind.ALLOCATE, slot, size, 0);
  }

  /** Adds `calloc(count, size)`. */
  zeroed(slot: number, count: number, size: number): string | undefined {
    const fault = notWhole("count", count) ?? notWhole("size", size);
    if (fault !== undefined) return fault;
    const bytes = count * size;
    if (!Number.isSafeInteger(bytes)) return `${count} * ${size} bytes is beyond 2^53 - 1`;
    return this.#begin(slot, bytes) ?? this.#add(OpKind.ZEROED, slot, size, count);
  }

  /** Adds `memalign(alignment, size)`. */
  aligned(slot: number, alignment: number, size: number): string | undefined {
    const power =
      alignment >= 1 && alignment <= 2 ** 31 && 2 ** Math.round(Math.log2(alignment)) === alignment;
    if (!power && !this.#anyAlignment) {
      return `alignment ${alignment} is not a power of two from 1 to 2^31`;
    }
    const fault = notWhole("alignment", alignment) ?? notWhole("size", size);
    return fault ?? this.#begin(slot, size) ?? this.#add(OpKind.ALIGNED, slot, size, alignment);
  }

  /** Adds `realloc` of the block in `slot` to `size` bytes. */
  reallocate(slot: number, size: number): string | undefined {
    if (!this.isLive(slot)) return `slot ${slot} holds no block to reallocate`;
    if (size === 0) return "a reallocation to 0 bytes is a free: write f";
    const fault = notWhole("size", size);
    if (fault !== undefined) return fault;
    this.#liveBytes += size - this.#live[slot]!;
    this.#live[slot] = size;
    return this.#add(OpKind.REALLOCATE, slot, size, 0);
  }

  /** Adds `free` of the block in `slot`. */
  free(slot: number): string | undefined {
    if (!this.isLive(slot)) return `slot ${slot} holds no block to free`;
    this.#liveBytes -= this.#live[slot]!;
    this.#live[slot] = ABSENT;
    return this.#add(OpKind.FREE, slot, 0, 0);
  }

  /** The operations that follow run on this thread. The main thread is 0. */
  switchThread(thread: number): string | undefined {
    if (!Number.isInteger(thread) || thread < 0 || thread >= MAX_THREADS) {
      return `thread ${thread} is not from 0 to ${MAX_THREADS - 1}`;
    }
    this.#thread = thread;
    return undefined;
  }

  /** The trace of all operations added. The builder must not be used afterwards. */
  finish(program: string): Trace {
    const length = this.#length;
    return new Trace(
      {
        kinds: this.#kinds.subarray(0, length),
        slots: this.#slots.subarray(0, length),
        sizes: this.#sizes.subarray(0, length),
        extras: this.#extras.subarray(0, length),
        threads: this.#threads.subarray(0, length),
        wideSizes: this.#wideSizes,
        wideExtras: this.#wideExtras,
      },
      {
        program,
        slotCount: this.#slotCount,
        peakLiveBytes: this.#peakLiveBytes,
        threadCount: this.#threadsSeen.size,
      },
    );
  }

  /** Makes `slot` live with `bytes` bytes. */
  #begin(slot: number, bytes: number): string | undefined {
    if (!Number.isInteger(slot) || slot < 0 || slot >= MAX_SLOTS) {
      return `slot ${slot} is not from 0 to ${MAX_SLOTS - 1}`;
    }
    if (slot >= this.#live.length) {
      const old = this.#live.length;
      this.#live = enlarge(this.#live, Math.min(MAX_SLOTS, 2 ** Math.ceil(Math.log2(slot + 1))));
      this.#live.fill(ABSENT, old);
    }
    if (this.#live[slot] !== ABSENT) return `slot ${slot} already holds a block`;
    this.#live[slot] = bytes;
    this.#liveBytes += bytes;
    if (slot >= this.#slotCount) this.#slotCount = slot + 1;
    return undefined;
  }

  #add(kind: OpKindValue, slot: number, size: number, extra: number): undefined {
    const op = this.#length;
    if (op === this.#kinds.length) this.#enlarge();
    this.#kinds[op] = kind;
    this.#slots[op] = slot;
    this.#sizes[op] = Math.min(size, WIDE);
    this.#extras[op] = Math.min(extra, WIDE);
    this.#threads[op] = this.#thread;
    if (size >= WIDE) this.#wideSizes.set(op, size);
    if (extra >= WIDE) this.#wideExtras.set(op, extra);
    this.#length = op + 1;
    if (this.#thread !== this.#lastThread) this.#threadsSeen.add(this.#thread);
    this.#lastThread = this.#thread;
    if (this.#liveBytes > this.#peakLiveBytes) this.#peakLiveBytes = this.#liveBytes;
    return undefined;
  }

  #enlarge(): void {
    const capacity = Math.max(this.#length + 1, Math.min(this.#limit, this.#length * 2));
    this.#kinds = enlarge(this.#kinds, capacity);
    this.#slots = enlarge(this.#slots, capacity);
    this.#sizes = enlarge(this.#sizes, capacity);
    this.#extras = enlarge(this.#extras, capacity);
    this.#threads = enlarge(this.#threads, capacity);
  }
}
