import { OpKind, type Trace } from "./trace.ts";

/** A trace in numbers. Sizes are bytes. */
export interface TraceStatistics {
  /** Number of each kind of operation. */
  readonly kinds: {
    readonly allocate: number;
    readonly zeroed: number;
    readonly aligned: number;
    readonly reallocate: number;
    readonly free: number;
  };
  /** Requests that give a size: every kind but free. */
  readonly requests: number;
  /** Bytes that all of them ask for together. */
  readonly requestedBytes: number;
  /** The sizes of requests: the smallest size that this share of the requests does not exceed. */
  readonly sizes: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number };
  /** Share of the requests (0 to 1) of at most 64 bytes, at most 512 bytes, and number of those of 128 KiB or more. */
  readonly shares: { readonly upTo64: number; readonly upTo512: number; readonly from128K: number };
  /** Most blocks live at once. */
  readonly peakLiveBlocks: number;
  /** Blocks and bytes still live after the last operation. */
  readonly liveAtEnd: { readonly blocks: number; readonly bytes: number };
  /** Lifetimes of the blocks that were freed, in operations: the half of them lived no longer than this. */
  readonly medianLifetime: number;
}

/** The sizes, lifetimes and kinds of a trace's operations. O(n log n) for n operations. */
export const traceStatistics = (trace: Trace): TraceStatistics => {
  const counts = [0, 0, 0, 0, 0];
  const born = new Float64Array(trace.slotCount);
  const held = new Float64Array(trace.slotCount);
  const sizes = new Float64Array(trace.length);
  const lifetimes = new Float64Array(trace.length);
  let requests = 0;
  let requestedBytes = 0;
  let freed = 0;
  let blocks = 0;
  let bytes = 0;
  let peakLiveBlocks = 0;
  for (let op = 0; op < trace.length; op++) {
    const slot = trace.slot(op);
    const kind = trace.kind(op);
    counts[kind]!++;
    if (kind === OpKind.FREE) {
      blocks--;
      bytes -= held[slot]!;
      lifetimes[freed++] = op - born[slot]!;
      continue;
    }
    const size = trace.bytes(op);
    sizes[requests++] = size;
    requestedBytes += size;
    if (kind === OpKind.REALLOCATE) bytes -= held[slot]!;
    else {
      born[slot] = op;
      blocks++;
      peakLiveBlocks = Math.max(peakLiveBlocks, blocks);
    }
    held[slot] = size;
    bytes += size;
  }
  const sorted = sizes.subarray(0, requests).sort();
  const ages = lifetimes.subarray(0, freed).sort();
  const upTo = (limit: number): number => {
    let low = 0;
    let high = requests;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sorted[middle]! <= limit) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const share = (limit: number): number => (requests === 0 ? 0 : upTo(limit) / requests);
  return {
    kinds: {
      allocate: counts[OpKind.ALLOCATE]!,
      zeroed: counts[OpKind.ZEROED]!,
      aligned: counts[OpKind.ALIGNED]!,
      reallocate: counts[OpKind.REALLOCATE]!,
      free: counts[OpKind.FREE]!,
    },
    requests,
    requestedBytes,
    sizes: {
      p50: quantile(sorted, 0.5),
      p90: quantile(sorted, 0.9),
      p99: quantile(sorted, 0.99),
      max: quantile(sorted, 1),
    },
    shares: { upTo64: share(64), upTo512: share(512), from128K: requests - upTo(128 * 1024 - 1) },
    peakLiveBlocks,
    liveAtEnd: { blocks, bytes },
    medianLifetime: quantile(ages, 0.5),
  };
};

const quantile = (sorted: Float64Array, q: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? 0;
