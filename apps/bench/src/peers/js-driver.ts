/*
 * Replays an operation stream over one allocator in JavaScript, as native/driver.c does over a malloc in C. The same
 * stream, the same order of work:
 *
 *   1. a pass over the whole stream, which warms caches and compilers and grows the heap; all blocks are then freed;
 *   2. five more such passes, timed from operation `timedFrom` on.
 *
 * Run in a process of its own: js-driver.js MODULE ARGUMENT STREAM time|memory. MODULE exports `create`, for
 * addresses, or `createObjects`.
 */
import { readFileSync } from "node:fs";
import { OpKind } from "@heapwright/trace";
import type { AddressAllocator, ObjectAllocator } from "./allocator.ts";
import { decodeStream, type OpStream } from "./op-stream.ts";

// V8 folds constants of the module itself into its code, but loads imported ones at each use.
const { ALLOCATE, ZEROED, ALIGNED, FREE } = OpKind;
// The same numbers are in driver.c.
const WARM_PASSES = 1;
const TIMED_PASSES = 5;
/** Operations of a chunk. */
const CHUNK = 8192;
/** Operations of a pass at least. */
const LEAST_OPERATIONS = 300_000;

/** Replays the operations of the words `from` to `to`. Returns whether one of them found the heap exhausted. */
const replay = (
  heap: AddressAllocator,
  ops: Int32Array,
  slots: Int32Array,
  from: number,
  to: number,
): boolean => {
  let failed = false;
  for (let at = from; at < to; at += 2) {
    const word = ops[at]!;
    const slot = word & 0xffffff;
    const kind = (word >>> 24) & 7;
    if (kind === FREE) {
      heap.deallocate(slots[slot]!);
      slots[slot] = 0;
    } else {
      const size = ops[at + 1]!;
      const address = kind === ALLOCATE ? heap.allocate(size) : replayOther(heap, word, slots[slot]!, size);
      slots[slot] = address;
      if (address === 0) failed = true;
    }
  }
  return failed;
};

/** calloc, memalign and realloc: rarer, and apart, so that V8 inlines malloc and free in the loop. */
const replayOther = (heap: AddressAllocator, word: number, old: number, size: number): number => {
  switch ((word >>> 24) & 7) {
    case ZEROED:
      return heap.allocateZeroed(size);
    case ALIGNED:
      return heap.allocateAligned(2 ** (word >>> 27), size);
    default:
      return heap.reallocate(old, size);
  }
};

/** The same for objects. A realloc is a new object and a copy; a free drops the reference. */
const replayObjects = (
  heap: ObjectAllocator,
  ops: Int32Array,
  slots: (Uint8Array | undefined)[],
  from: number,
  to: number,
): void => {
  for (let at = from; at < to; at += 2) {
    const word = ops[at]!;
    const slot = word & 0xffffff;
    switch ((word >>> 24) & 7) {
      case 0:
      case 2:
        slots[slot] = heap.allocate(ops[at + 1]!);
        break;
      case 1:
        slots[slot] = heap.allocate(ops[at + 1]!).fill(0);
        break;
      case 3: {
        const old = slots[slot]!;
        const block = heap.allocate(ops[at + 1]!);
        block.set(old.length > block.length ? old.subarray(0, block.length) : old);
        slots[slot] = block;
        break;
      }
      default:
        slots[slot] = undefined;
    }
  }
};

/**
 * Nanoseconds for each operation: the median of the timed passes; and the sum of the least times of each chunk of operations, from
 * whichever pass, which a busy machine disturbs little.
 */
interface Timing {
  readonly ns: number;
  readonly least: number;
}

/** Times passes; `clear`, which frees what they left, is not timed. */
const time = (stream: OpStream, pass: (from: number, to: number) => void, clear: () => void): Timing => {
  const { ops, timedFrom } = stream;
  const operations = ops.length / 2 - timedFrom;
  // Short streams are repeated within a pass, so that compilers have finished and the clock is fine enough.
  const repeats = timedFrom > 0 ? 1 : Math.ceil(LEAST_OPERATIONS / operations);
  const least = new Float64Array(Math.ceil(operations / CHUNK)).fill(Number.POSITIVE_INFINITY);
  const timings: number[] = [];
  for (let i = 0; i < WARM_PASSES + TIMED_PASSES; i++) {
    let total = 0;
    for (let repeat = 0; repeat < repeats; repeat++) {
      pass(0, timedFrom * 2);
      for (let chunk = 0; chunk < least.length; chunk++) {
        const from = (timedFrom + chunk * CHUNK) * 2;
        const begin = process.hrtime.bigint();
        pass(from, Math.min(from + CHUNK * 2, ops.length));
        const taken = Number(process.hrtime.bigint() - begin);
        total += taken;
        least[chunk] = Math.min(least[chunk]!, taken);
      }
      clear();
    }
    if (i >= WARM_PASSES) timings.push(total / (operations * repeats));
  }
  timings.sort((a, b) => a - b);
  return {
    ns: timings[TIMED_PASSES >> 1]!,
    least: least.reduce((sum, taken) => sum + taken, 0) / operations,
  };
};

const timeAddresses = (heap: AddressAllocator, stream: OpStream): Timing => {
  const slots = new Int32Array(stream.slotCount);
  let failed = false;
  const timing = time(
    stream,
    (from, to) => {
      failed = replay(heap, stream.ops, slots, from, to) || failed;
    },
    () => {
      for (let slot = 0; slot < slots.length; slot++) {
        if (slots[slot] !== 0) heap.deallocate(slots[slot]!);
        slots[slot] = 0;
      }
    },
  );
  if (failed) throw new Error("exhausted");
  return timing;
};

const timeObjects = (heap: ObjectAllocator, stream: OpStream): Timing => {
  const slots = new Array<Uint8Array | undefined>(stream.slotCount).fill(undefined);
  return time(
    stream,
    (from, to) => replayObjects(heap, stream.ops, slots, from, to),
    () => slots.fill(undefined),
  );
};

/** The most bytes that the heap held during one pass. */
const heldByAddresses = (heap: AddressAllocator, { ops, slotCount }: OpStream): number => {
  const slots = new Int32Array(slotCount);
  let peak = 0;
  for (let at = 0; at < ops.length; at += 2) {
    if (replay(heap, ops, slots, at, at + 2)) throw new Error("exhausted");
    if ((at & 126) === 0) peak = Math.max(peak, heap.held());
  }
  return Math.max(peak, heap.held());
};

/** By how much the resident set grew in one pass, all blocks written. */
const heldByObjects = (heap: ObjectAllocator, { ops, slotCount }: OpStream): number => {
  const slots = new Array<Uint8Array | undefined>(slotCount).fill(undefined);
  const touching: ObjectAllocator = { allocate: (size) => heap.allocate(size).fill(1) };
  const before = process.memoryUsage.rss();
  replayObjects(touching, ops, slots, 0, ops.length);
  return process.resourceUsage().maxRSS * 1024 - before;
};

const [modulePath = "", argument = "", file = "", mode = ""] = process.argv.slice(2);
const peer = (await import(modulePath)) as {
  create?(argument: string): AddressAllocator;
  createObjects?(argument: string): ObjectAllocator;
};
const stream = decodeStream(readFileSync(file));
let result: Timing | { readonly held: number };
if (peer.create !== undefined) {
  const heap = peer.create(argument);
  result = mode === "memory" ? { held: heldByAddresses(heap, stream) } : timeAddresses(heap, stream);
} else {
  const heap = peer.createObjects!(argument);
  result = mode === "memory" ? { held: heldByObjects(heap, stream) } : timeObjects(heap, stream);
}
process.stdout.write(`${JSON.stringify(result)}\n`);
