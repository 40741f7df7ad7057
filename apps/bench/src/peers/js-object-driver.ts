/*
 * As js-driver.ts, over an allocator that hands out objects, which the garbage collector takes back. A realloc is a new
 * object and a copy; a free drops the reference.
 */
import { readFileSync } from "node:fs";
import { OpKind } from "@heapwright/trace";
import type { ObjectAllocator } from "./allocator.ts";
import { decodeStream } from "./op-stream.ts";
import { repeat, time } from "./timing.ts";

const { ALLOCATE, ZEROED, REALLOCATE, FREE } = OpKind;

const [modulePath = "", argument = "", file = "", mode = ""] = process.argv.slice(2);
const peer = (await import(modulePath)) as { create(argument: string): ObjectAllocator };
const heap = peer.create(argument);
const stream = decodeStream(readFileSync(file));
const { ops } = stream;
const slots = new Array<Uint8Array | undefined>(stream.slotCount).fill(undefined);

const reallocate = (old: Uint8Array, size: number): Uint8Array => {
  const block = heap.allocate(size);
  block.set(old.length > block.length ? old.subarray(0, block.length) : old);
  return block;
};

/** Replays the operations of the words `from` to `to`. */
const replay = (from: number, to: number): void => {
  for (let at = from; at < to; at += 2) {
    const word = ops[at]!;
    const slot = word & 0xffffff;
    const kind = (word >>> 24) & 7;
    const size = ops[at + 1]!;
    if (kind === FREE) slots[slot] = undefined;
    else if (kind === ALLOCATE) slots[slot] = heap.allocate(size);
    else if (kind === ZEROED) slots[slot] = heap.allocate(size).fill(0);
    else slots[slot] = kind === REALLOCATE ? reallocate(slots[slot]!, size) : heap.allocate(size);
  }
};

/** By how much the resident set grew in one pass, all blocks written. */
const peakHeld = (): number => {
  const before = process.memoryUsage.rss();
  for (let at = 0; at < ops.length; at += 2) {
    replay(at, at + 2);
    slots[ops[at]! & 0xffffff]?.fill(1);
  }
  return process.resourceUsage().maxRSS * 1024 - before;
};

const clear = (): void => {
  slots.fill(undefined);
};

const run = (): object => {
  if (mode === "memory") return { held: peakHeld() };
  if (mode === "time") return time(stream, replay, clear);
  return { operations: repeat(stream, replay, clear, Number(mode)) };
};

const result = run();
process.stdout.write(`${JSON.stringify(result)}\n`);
