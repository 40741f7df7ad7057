/*
 * A trace in memory: columns of typed arrays, 15 bytes an operation, so that 3.3 million operations take 50 MB.
 *
 *   kinds    u8    one of OpKind
 *   slots    u32   the slot that the operation works on
 *   sizes    u32   bytes; for calloc the size of one element; 0 for free
 *   extras   u32   calloc's element count, memalign's alignment, 0 otherwise
 *   threads  u16   the thread that the operation ran on
 *
 * A size or an extra of 2^32 - 1 or more does not fit its column: WIDE stands there and the value in a map beside.
 * Always: an allocating operation's slot is empty, every other one's slot is live (TraceBuilder checks it).
 */

/** What an operation of a trace does, as {@link Trace.kinds} holds it. */
export const OpKind: {
  /** `malloc(size)`, the line `a <slot> <size>`. */
  readonly ALLOCATE: 0;
  /** `calloc(count, size)`, the line `c <slot> <count> <size>`. */
  readonly ZEROED: 1;
  /** `memalign(alignment, size)`, the line `m <slot> <alignment> <size>`. */
  readonly ALIGNED: 2;
  /** `realloc(block, size)`, the line `r <slot> <size>`. */
  readonly REALLOCATE: 3;
  /** `free(block)`, the line `f <slot>`. */
  readonly FREE: 4;
} = { ALLOCATE: 0, ZEROED: 1, ALIGNED: 2, REALLOCATE: 3, FREE: 4 };

/** One of the values of {@link OpKind}. */
export type OpKindValue = (typeof OpKind)[keyof typeof OpKind];

/** The value of a `u32` column where the true one is too large for it. */
export const WIDE = 0xffffffff;

/** The columns of which a {@link Trace} is made, all of one length, and the values too wide for them. */
export interface TraceColumns {
  /** Operations, as {@link OpKind}. */
  readonly kinds: Uint8Array;
  /** Slots. */
  readonly slots: Uint32Array;
  /** Sizes in bytes, or {@link WIDE}. */
  readonly sizes: Uint32Array;
  /** Element counts and alignments, or {@link WIDE}. */
  readonly extras: Uint32Array;
  /** Threads. */
  readonly threads: Uint16Array;
  /** Sizes that are {@link WIDE}, by operation. */
  readonly wideSizes: ReadonlyMap<number, number>;
  /** Extras that are {@link WIDE}, by operation. */
  readonly wideExtras: ReadonlyMap<number, number>;
}

/** What a trace says of itself in its header. */
export interface TraceSummary {
  /** The program that was traced, in words. */
  readonly program: string;
  /** Highest slot + 1. */
  readonly slotCount: number;
  /** Largest sum of requested bytes live at once. */
  readonly peakLiveBytes: number;
  /** Distinct threads that ran an operation, and the main thread. */
  readonly threadCount: number;
}

/**
 * What a program asked of its `malloc`, operation by operation: which block (a *slot*, reused after its free), how
 * many bytes, on which thread.
 *
 * Hot loops read the columns; everything else calls the methods.
 *
 * @example
 * ```ts
 * import { OpKind, parseTrace } from "@heapwright/trace";
 *
 * const trace = parseTrace("# heap-trace 1\n# ops: 2\n# slots: 1\n# peak-live-bytes: 24\n# threads: 1\na 0 24\nf 0\n");
 * for (let op = 0; op < trace.length; op++) {
 *   if (trace.kinds[op] === OpKind.ALLOCATE) console.log(`malloc(${trace.size(op)})`);
 * }
 * ```
 */
export class Trace implements TraceSummary {
  /** Number of operations. */
  readonly length: number;
  /** The columns. */
  readonly columns: TraceColumns;
  readonly program: string;
  readonly slotCount: number;
  readonly peakLiveBytes: number;
  readonly threadCount: number;

  /** Made by {@link TraceBuilder} and the readers, which have checked the columns. */
  constructor(columns: TraceColumns, summary: TraceSummary) {
    this.columns = columns;
    this.length = columns.kinds.length;
    this.program = summary.program;
    this.slotCount = summary.slotCount;
    this.peakLiveBytes = summary.peakLiveBytes;
    this.threadCount = summary.threadCount;
  }

  /** The operations' kinds: values of {@link OpKind}. */
  get kinds(): Uint8Array {
    return this.columns.kinds;
  }
  /** The operations' slots. */
  get slots(): Uint32Array {
    return this.columns.slots;
  }
  /** The operations' threads; the main thread is 0. */
  get threads(): Uint16Array {
    return this.columns.threads;
  }

  /** What operation `op` does. */
  kind(op: number): OpKindValue {
    return this.columns.kinds[op] as OpKindValue;
  }
  /** The slot that operation `op` works on. */
  slot(op: number): number {
    return this.columns.slots[op]!;
  }
  /** The thread that operation `op` ran on. */
  thread(op: number): number {
    return this.columns.threads[op]!;
  }
  /** The size argument of operation `op` in bytes; for calloc that of one element; 0 for free. */
  size(op: number): number {
    const size = this.columns.sizes[op]!;
    return size === WIDE ? this.columns.wideSizes.get(op)! : size;
  }
  /** The first argument of calloc (element count) or of memalign (alignment in bytes); 0 for the other kinds. */
  extra(op: number): number {
    const extra = this.columns.extras[op]!;
    return extra === WIDE ? this.columns.wideExtras.get(op)! : extra;
  }
  /** Bytes that operation `op` asks for in all: `count * size` for calloc, the size otherwise, 0 for free. */
  bytes(op: number): number {
    return this.columns.kinds[op] === OpKind.ZEROED ? this.extra(op) * this.size(op) : this.size(op);
  }
}
