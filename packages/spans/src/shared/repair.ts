/*
 * Makes an arena sound again after a worker died in the middle of changing it. The tag table is the truth: whatever is
 * marked live there stays so, everything else is free. Bins and lists are made anew from it.
 *
 * A worker may die between any two stores. The stores of run-heap.ts and span-pool.ts are ordered so that each state in between
 * can be read as runs again: a gap between two runs is free memory. What is lost is at most the one block that the dead
 * worker was taking: it stays live and nobody holds it.
 */
import {
  BACK_MAX,
  BACK_SHIFT,
  BIN_BITS,
  BIN_SUMMARY,
  BINS,
  BLOCKS,
  CLASS_BITS,
  CLASS_ROOM,
  CLASS_SHIFT,
  FIRST,
  FIRST_BLOCK,
  GRANULE,
  GRANULE_SHIFT,
  HEADS,
  KIND,
  LENGTH_SHIFT,
  LIVE,
  NONE,
  OWNER_MASK,
  PREV_FREE,
  RECLAIM_OWNER,
  SPAN,
  TABLE,
  UNIT_MASK,
  UNIT_SHIFT,
} from "../layout.ts";
import { addressOf, type RunHeap } from "../run-heap.ts";
import { CLASS_COUNT, CLASS_SIZE } from "../size-classes.ts";
import { lengthOfSpan } from "../span-pool.ts";
import { type Directory, UNIT_GRANULES } from "./directory.ts";

/** Rebuilds the bins, lists and neighbour bits of an arena over its regions. Territories inside them are left alone. */
export const rebuild = (runs: RunHeap, regions: readonly number[], directory: Directory): void => {
  const { words, heap, arena } = runs;
  const end = addressOf(words[heap + FIRST]!);
  words[arena + BIN_SUMMARY] = 0;
  words.fill(0, arena + BIN_BITS, arena + BIN_BITS + 20);
  words.fill(0, arena + BINS, arena + HEADS);
  words.fill(end, arena + HEADS, arena + HEADS + CLASS_ROOM);
  words.fill(0, arena + BLOCKS, arena + BLOCKS + CLASS_ROOM);
  for (let region = 0; region < regions.length; region += 2) {
    rebuildRegion(runs, regions[region]!, regions[region + 1]!, directory);
  }
};

const rebuildRegion = (runs: RunHeap, from: number, to: number, directory: Directory): void => {
  const { words, heap } = runs;
  const table = words[heap + TABLE]!;
  let free = from;
  for (let at = from; at < to; ) {
    const length = lengthOfLive(runs, at, to, directory);
    if (length === 0) {
      at++;
      continue;
    }
    settle(runs, free, at);
    if ((words[table + at]! & KIND) === SPAN) relist(runs, at, length);
    at += length;
    free = at;
  }
  settle(runs, free, to);
};

/** Granules of the live run or span at `at`, or of another worker's territory; 0 when the granule is free. */
const lengthOfLive = (runs: RunHeap, at: number, to: number, { owners }: Directory): number => {
  const { words, heap, owner } = runs;
  const table = words[heap + TABLE]!;
  const tag = words[table + at]!;
  if (owner === 0 && at % UNIT_GRANULES === 0 && owners[at / UNIT_GRANULES] !== 0) {
    return words[at * (GRANULE / 4) + 1]!;
  }
  if ((tag & KIND) === SPAN && ((tag >>> BACK_SHIFT) & BACK_MAX) === 0)
    return lengthOfSpan(words, table + at);
  const length = tag >>> LENGTH_SHIFT;
  if ((tag & KIND) !== LIVE || (tag & OWNER_MASK) === RECLAIM_OWNER || length === 0 || at + length > to)
    return 0;
  for (let inner = at + 1; inner < at + length; inner++) {
    if ((words[table + inner]! & KIND) !== NONE) words[table + inner] = 0;
  }
  return length;
};

/** The granules from `from` to `to` become a free run, if there are any, and the tag behind is told. */
const settle = (runs: RunHeap, from: number, to: number): void => {
  const { words, heap } = runs;
  const table = words[heap + TABLE]!;
  if (from === to) {
    words[table + to] = words[table + to]! & ~PREV_FREE;
    return;
  }
  words.fill(0, table + from, table + to);
  runs.link(from, to - from);
  words[table + to] = words[table + to]! | PREV_FREE;
};

/** Puts the blocks of a span that are not live in their class's list. */
const relist = ({ words, heap, arena }: RunHeap, run: number, granules: number): void => {
  const table = words[heap + TABLE]!;
  const sizeClass = (words[table + run]! & CLASS_BITS) >>> CLASS_SHIFT;
  if (sizeClass >= CLASS_COUNT) return;
  const size = CLASS_SIZE[sizeClass]!;
  const base = addressOf(run);
  for (let block = base; block + size <= base + granules * GRANULE; block += size) {
    words[arena + BLOCKS + sizeClass] = words[arena + BLOCKS + sizeClass]! + 1;
    const tag = words[table + (block >>> GRANULE_SHIFT)]!;
    if ((tag & (FIRST_BLOCK << ((block >>> UNIT_SHIFT) & UNIT_MASK))) !== 0) continue;
    words[block >>> 2] = words[arena + HEADS + sizeClass]!;
    words[arena + HEADS + sizeClass] = block;
  }
};
