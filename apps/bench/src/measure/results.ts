/** What one timed run found. */
export interface TimeResult {
  /** Nanoseconds for an operation of the trace, the driver's own cost included. */
  readonly nsPerOp: number;
  /** Allocations that returned NULL. */
  readonly failed: number;
}

/** What one run for memory found. Bytes, and shares from 0 to 1; null where an allocator does not tell. */
export interface MemoryResult {
  /** Most bytes that the allocator held of its memory at once. */
  readonly peakHeapBytes: number;
  /** Most requested bytes live at once, divided by `peakHeapBytes`. */
  readonly utilisation: number | null;
  /** Share of the bytes of live blocks, headers and rounding included, that nobody asked for; at the peak of live bytes. */
  readonly internal: number | null;
  /** Share of the free bytes that does not lie in the largest free block; at the peak of live bytes. */
  readonly external: number | null;
  /** Share of the held bytes that nobody asked for, on average over all operations. */
  readonly averageFragmentation: number | null;
  /** Allocations that returned NULL. */
  readonly failed: number;
}

/** What one counted run found: per operation, the same on every machine. */
export interface CostResult {
  /** The first operation counted. */
  readonly from: number;
  /** Operations counted. */
  readonly ops: number;
  /** 32-bit words of the heap that are loaded and stored (a narrower access is one, too). */
  readonly words: number;
  /** Different 64-byte cache lines that they touch. */
  readonly lines: number;
  /** Different 4 KiB pages that they touch. */
  readonly pages: number;
}

/** How a run ended. */
export type Outcome<Result> =
  | { readonly kind: "done"; readonly result: Result }
  /** Stopped at the time limit, `done` operations into the trace; a timed pass had taken so long for them. */
  | { readonly kind: "cut"; readonly done: number; readonly nanoseconds: number }
  | { readonly kind: "error"; readonly message: string; readonly user: boolean };

/** What a worker can be asked for. */
export interface Tasks {
  /** Only builds the allocator. */
  readonly probe: null;
  readonly time: TimeResult;
  readonly memory: MemoryResult;
  readonly cost: CostResult | null;
}
