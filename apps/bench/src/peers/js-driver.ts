/*
 * Replays an operation stream over one allocator that hands out addresses, as native/driver.c does over a malloc in C.
 *
 * Run in a process of its own: js-driver.js MODULE ARGUMENT STREAM time|memory|PASSES.
 *
 * The allocator and the stream are constants of the module, as a program's heap is: V8 then knows their types, and the loop
 * costs about what the one in C does.
 */
import { readFileSync } from "node:fs";
import { OpKind } from "@heapwright/trace";
import type { AddressAllocator } from "./allocator.ts";
import { decodeStream } from "./op-stream.ts";
import { repeat, time } from "./timing.ts";

// V8 folds constants of the module itself into its code, but loads imported ones at each use.
const { ALLOCATE, ZEROED, ALIGNED, FREE } = OpKind;

const [modulePath = "", argument = "", file = "", mode = ""] = process.argv.slice(2);
const peer = (await import(modulePath)) as { create(argument: string): AddressAllocator };
const heap = peer.create(argument);
const stream = decodeStream(readFileSync(file));
const { ops } = stream;
/** The address in each slot; 0 for none. */
const slots = new Int32Array(stream.slotCount);
let failed = false;

/** Replays the operations of the words `from` to `to`. */
const replay = (from: number, to: number): void => {
  // `| 0` keeps the counter an integer in a register.
  const end = to | 0;
  for (let at = from | 0; at < end; at += 2) {
    const word = ops[at]!;
    const slot = word & 0xffffff;
    const kind = (word >>> 24) & 7;
    if (kind === FREE) {
      heap.deallocate(slots[slot]!);
      slots[slot] = 0;
    } else {
      const size = ops[at + 1]!;
      const address = kind === ALLOCATE ? heap.allocate(size) : replayOther(word, slots[slot]!, size);
      slots[slot] = address;
      if (address === 0) failed = true;
    }
  }
};

/** calloc, memalign and realloc: rarer, and apart, so that V8 inlines malloc and free in the loop. */
const replayOther = (word: number, old: number, size: number): number => {
  switch ((word >>> 24) & 7) {
    case ZEROED:
      return heap.allocateZeroed(size);
    case ALIGNED:
      return heap.allocateAligned(2 ** (word >>> 27), size);
    default:
      return heap.reallocate(old, size);
  }
};

const clear = (): void => {
  for (let slot = 0; slot < slots.length; slot++) {
    if (slots[slot] !== 0) heap.deallocate(slots[slot]!);
    slots[slot] = 0;
  }
};

/** The most bytes that the heap held during one pass. */
const peakHeld = (): number => {
  let peak = 0;
  for (let at = 0; at < ops.length; at += 128) {
    replay(at, Math.min(at + 128, ops.length));
    peak = Math.max(peak, heap.held());
  }
  return peak;
};

const run = (): object => {
  if (mode === "memory") return { held: peakHeld() };
  if (mode === "time") return time(stream, replay, clear);
  return { operations: repeat(stream, replay, clear, Number(mode)) };
};

const result = run();
if (failed) throw new Error("exhausted");
process.stdout.write(`${JSON.stringify(result)}\n`);
