import { type Allocator, isInspectable } from "@heapwright/allocator";
import { OpKind } from "@heapwright/trace";
import { buildSpec } from "../specs/build.ts";
import type { Spec } from "../specs/grammar.ts";
import type { Columns } from "./columns.ts";
import { Driver } from "./driver.ts";
import type { MemoryResult } from "./results.ts";

/** Replays a trace and looks at the heap after each operation. */
export const memoryRun = async (
  spec: Spec,
  columns: Columns,
  progress: Int32Array,
): Promise<MemoryResult> => {
  const { allocator, heapBytes } = await buildSpec(spec);
  const driver = new Driver(columns, allocator);
  const peakOp = findPeakOp(columns);
  let live = 0;
  let peakLive = 0;
  let peakHeapBytes = 0;
  let wasted = 0;
  let samples = 0;
  let atPeak = { internal: null as number | null, external: null as number | null };
  for (let op = 0; op < columns.length; op++) {
    const slot = columns.slots[op]!;
    live -= driver.bases[slot] === 0 ? 0 : driver.held[slot]!;
    driver.run(op, op + 1);
    live += driver.bases[slot] === 0 ? 0 : driver.held[slot]!;
    peakLive = Math.max(peakLive, live);
    const held = heapBytes();
    peakHeapBytes = Math.max(peakHeapBytes, held);
    if (held > 0) {
      wasted += 1 - live / held;
      samples++;
    }
    if (op === peakOp) atPeak = fragmentation(allocator, live);
    if (op % 4096 === 0) progress[0] = op;
  }
  return {
    peakHeapBytes,
    utilisation: peakHeapBytes === 0 ? null : peakLive / peakHeapBytes,
    ...atPeak,
    averageFragmentation: samples === 0 ? null : wasted / samples,
    failed: driver.failed,
  };
};

/** The first operation after which the most requested bytes are live. */
const findPeakOp = ({ kinds, slots, sizes, length, slotCount }: Columns): number => {
  const held = new Float64Array(slotCount);
  let live = 0;
  let peak = 0;
  let peakOp = 0;
  for (let op = 0; op < length; op++) {
    const slot = slots[op]!;
    const size = kinds[op] === OpKind.FREE ? 0 : sizes[op]!;
    live += size - held[slot]!;
    held[slot] = size;
    if (live > peak) {
      peak = live;
      peakOp = op;
    }
  }
  return peakOp;
};

const fragmentation = (
  allocator: Allocator,
  live: number,
): { internal: number | null; external: number | null } => {
  if (!isInspectable(allocator)) return { internal: null, external: null };
  const { allocatedBytes, freeBytes, largestFreeBytes } = allocator.stats();
  return {
    internal: allocatedBytes === 0 ? 0 : 1 - live / allocatedBytes,
    external: freeBytes === 0 ? 0 : 1 - largestFreeBytes / freeBytes,
  };
};
