import { OpKind, type Trace } from "@heapwright/trace";

/**
 * A trace as the measured loop wants it: one array a column, sizes in full (calloc's product), in shared buffers so
 * that every worker reads the same bytes.
 */
export interface Columns {
  readonly length: number;
  readonly slotCount: number;
  readonly kinds: Uint8Array;
  readonly slots: Int32Array;
  /** Bytes; what does not fit is 2^31 - 1 and more than any run's memory serves. */
  readonly sizes: Int32Array;
  /** Alignments of the aligned allocations, 0 for the others. */
  readonly alignments: Int32Array;
}

/** Nothing in a memory of 4 GiB can serve more. */
const LARGEST = 2 ** 31 - 1;

export const toColumns = (trace: Trace): Columns => {
  const { length, slotCount } = trace;
  const kinds = new Uint8Array(new SharedArrayBuffer(length));
  const slots = new Int32Array(new SharedArrayBuffer(length * 4));
  const sizes = new Int32Array(new SharedArrayBuffer(length * 4));
  const alignments = new Int32Array(new SharedArrayBuffer(length * 4));
  kinds.set(trace.kinds);
  slots.set(trace.slots);
  for (let op = 0; op < length; op++) {
    sizes[op] = Math.min(trace.bytes(op), LARGEST);
    if (trace.kind(op) === OpKind.ALIGNED) alignments[op] = Math.min(trace.extra(op), 2 ** 30);
  }
  return { length, slotCount, kinds, slots, sizes, alignments };
};
