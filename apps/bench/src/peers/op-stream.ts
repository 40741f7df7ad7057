/*
 * What a driver replays: operations in two words each, so that the driver in C and the one in JavaScript read the same
 * file and neither spends time on anything but the allocator.
 *
 *   header  magic | operations | slots | timedFrom | peak live bytes | 0 | 0 | 0
 *   op      slot | kind << 24 | log2(alignment) << 27,   size
 *
 * Kinds are those of a trace (OpKind). A calloc has the product as its size. Threads are left out: one thread does it all.
 */
import type { Trace } from "@heapwright/trace";

const MAGIC = 0x5354504f;
const HEADER_WORDS = 8;

/** Operations, ready for a driver. */
export interface OpStream {
  /** Two words for each operation. */
  readonly ops: Int32Array;
  /** Slots that the operations name. */
  readonly slotCount: number;
  /** The operation from which on time is taken; those before it set the stage. */
  readonly timedFrom: number;
  /** Largest sum of requested bytes live at once. */
  readonly peakLiveBytes: number;
}

/** The stream as a file's bytes. */
export const encodeStream = (stream: OpStream): Uint8Array => {
  const words = new Int32Array(HEADER_WORDS + stream.ops.length);
  words.set([MAGIC, stream.ops.length / 2, stream.slotCount, stream.timedFrom, stream.peakLiveBytes]);
  words.set(stream.ops, HEADER_WORDS);
  return new Uint8Array(words.buffer);
};

/** The stream in a file's bytes. */
export const decodeStream = (bytes: Uint8Array): OpStream => {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
  if (words[0] !== MAGIC) throw new Error("not an operation stream");
  const [, , slotCount = 0, timedFrom = 0, peakLiveBytes = 0] = words;
  return { ops: words.subarray(HEADER_WORDS), slotCount, timedFrom, peakLiveBytes };
};

/** A trace as a stream. */
export const streamOfTrace = (trace: Trace): OpStream => {
  const ops = new Int32Array(trace.length * 2);
  for (let op = 0; op < trace.length; op++) {
    const kind = trace.kinds[op]!;
    const extra = trace.extra(op);
    const log = kind === 2 ? 31 - Math.clz32(extra) : 0;
    ops[op * 2] = trace.slots[op]! | (kind << 24) | (log << 27);
    ops[op * 2 + 1] = kind === 1 ? trace.size(op) * extra : trace.size(op);
  }
  return { ops, slotCount: trace.slotCount, timedFrom: 0, peakLiveBytes: trace.peakLiveBytes };
};
