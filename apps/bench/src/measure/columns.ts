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
  /** Bytes; 32-bit integers unless a size of the trace is larger. */
  readonly sizes: Int32Array | Float64Array;
  /** Alignments of the aligned allocations, 0 for the others. */
  readonly alignments: Int32Array;
}

export const toColumns = (trace: Trace): Columns => {
  const { length, slotCount } = trace;
  const kinds = new Uint8Array(new SharedArrayBuffer(length));
  const slots = new Int32Array(new SharedArrayBuffer(length * 4));
  const alignments = new Int32Array(new SharedArrayBuffer(length * 4));
  kinds.set(trace.kinds);
  slots.set(trace.slots);
  let largest = 0;
  for (let op = 0; op < length; op++) largest = Math.max(largest, trace.bytes(op));
  const sizes =
    largest < 2 ** 31
      ? new Int32Array(new SharedArrayBuffer(length * 4))
      : new Float64Array(new SharedArrayBuffer(length * 8));
  for (let op = 0; op < length; op++) {
    sizes[op] = trace.bytes(op);
    if (trace.kind(op) === OpKind.ALIGNED) alignments[op] = Math.min(trace.extra(op), 2 ** 30);
  }
  return { length, slotCount, kinds, slots, sizes, alignments };
};
