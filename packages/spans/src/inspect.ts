/*
 * Looking inside a heap: walk, check, stats. All go over the tag table from the first run to the fence, O(heap), and none
 * changes anything.
 */
import type { BlockInfo, HeapFault, HeapStats } from "@heapwright/allocator";
import { binOf, MIN_BINNED } from "./bins.ts";
import {
  BACK_MAX,
  BACK_SHIFT,
  BIN_BITS,
  BIN_COUNT,
  BIN_SUMMARY,
  BINS,
  BLOCKS,
  CLASS_BITS,
  CLASS_SHIFT,
  END,
  FIRST,
  FIRST_BLOCK,
  FREE,
  GRANULE,
  GRANULE_SHIFT,
  HEADS,
  KIND,
  LENGTH_SHIFT,
  LIVE,
  LIVE_SHIFT,
  META_OWNER,
  OWNER_MASK,
  PREV_FREE,
  SPAN,
  TABLE,
  UNIT_MASK,
  UNIT_SHIFT,
} from "./layout.ts";
import { addressOf, type RunHeap } from "./run-heap.ts";
import { CLASS_COUNT, CLASS_SIZE } from "./size-classes.ts";
import { lengthOfSpan } from "./span-pool.ts";

/** A run as the walk over the table meets it. */
interface Run {
  readonly granule: number;
  readonly granules: number;
  readonly tag: number;
}

/** Every run up to the fence. Ends early at a tag that is no run's. */
function* runsOf({ words, heap }: RunHeap): Generator<Run> {
  const table = words[heap + TABLE]!;
  const end = words[heap + END]!;
  let granule = words[heap + FIRST]!;
  while (granule < end) {
    const tag = words[table + granule]!;
    const granules = (tag & KIND) === SPAN ? lengthOfSpan(words, table + granule) : tag >>> LENGTH_SHIFT;
    yield { granule, granules, tag };
    if (granules === 0) return;
    granule += granules;
  }
}

const sizeOf = (tag: number): number => CLASS_SIZE[(tag & CLASS_BITS) >>> CLASS_SHIFT] ?? GRANULE;

/** Whether the table says that a live small block begins at `address`. */
const isLiveAt = ({ words, heap }: RunHeap, address: number): boolean => {
  const tag = words[words[heap + TABLE]! + (address >>> GRANULE_SHIFT)]!;
  return (tag & (FIRST_BLOCK << ((address >>> UNIT_SHIFT) & UNIT_MASK))) !== 0;
};

/** Every block, in ascending order. */
export function* walkHeap(runs: RunHeap): Generator<BlockInfo> {
  const end = runs.words[runs.heap + END]!;
  for (const { granule, granules, tag } of runsOf(runs)) {
    const address = addressOf(granule);
    const size = granules * GRANULE;
    if ((tag & KIND) === SPAN) yield* walkSpan(runs, address, size, sizeOf(tag));
    else if ((tag & KIND) === FREE) {
      const bin = granules < MIN_BINNED ? "none" : `runs ${binOf(granules)}`;
      yield { address, size, state: granule + granules === end ? "top" : "free", payload: address, bin };
    } else if ((tag & OWNER_MASK) === META_OWNER) {
      const from = Math.max(address, runs.pages.start);
      yield { address: from, size: address + size - from, state: "meta" };
    } else yield { address, size, state: "live", payload: address };
  }
}

function* walkSpan(runs: RunHeap, base: number, bytes: number, size: number): Generator<BlockInfo> {
  const bin = `blocks of ${size}`;
  let address = base;
  for (; address + size <= base + bytes; address += size) {
    if (isLiveAt(runs, address)) yield { address, size, state: "live", payload: address };
    else yield { address, size, state: "free", payload: address, bin };
  }
  if (address < base + bytes) yield { address, size: base + bytes - address, state: "meta" };
}

/** The heap in numbers, by a walk. */
export const heapStats = (runs: RunHeap): HeapStats => {
  let allocatedBytes = 0;
  let freeBytes = 0;
  let liveBlocks = 0;
  let freeBlocks = 0;
  let largestFreeBytes = 0;
  for (const { size, state } of walkHeap(runs)) {
    if (state === "live") {
      allocatedBytes += size;
      liveBlocks++;
    } else if (state !== "meta") {
      freeBytes += size;
      freeBlocks++;
      largestFreeBytes = Math.max(largestFreeBytes, size);
    }
  }
  const heapBytes = (runs.words[runs.heap + END]! - runs.words[runs.heap + FIRST]!) * GRANULE;
  return { heapBytes, allocatedBytes, freeBytes, liveBlocks, freeBlocks, largestFreeBytes };
};

/**
 * Verifies the invariants that layout.ts states.
 *
 * @param arenas Word indices of all arenas in the memory.
 * @param arenaAt The arena to which the run at a granule belongs.
 */
export const checkHeap = (
  runs: RunHeap,
  arenas: readonly number[] = [runs.arena],
  arenaAt: (granule: number) => number = () => runs.arena,
): readonly HeapFault[] => {
  const faults: HeapFault[] = [];
  const report = (granule: number, fault: string): void => {
    faults.push({ address: addressOf(granule), fault });
  };
  const binned = new Map<number, number>();
  checkRuns(runs, binned, report);
  for (const arena of arenas) {
    const own = new Map([...binned].filter(([granule]) => arenaAt(granule) === arena));
    checkBins(runs, arena, own, report);
    const blocks = new Int32Array(CLASS_COUNT);
    const live = new Int32Array(CLASS_COUNT);
    for (const { granule, granules, tag } of runsOf(runs)) {
      if ((tag & KIND) === SPAN && arenaAt(granule) === arena) {
        checkSpan(runs, granule, granules, blocks, live, report);
      }
    }
    checkLists(runs, arena, blocks, live, report);
  }
  return faults;
};

type Report = (granule: number, fault: string) => void;

/** Tags, coalescing, prevFree and length words. Gathers the binned runs (run to bin). */
const checkRuns = (runs: RunHeap, binned: Map<number, number>, report: Report): void => {
  const { words, heap } = runs;
  const table = words[heap + TABLE]!;
  const end = words[heap + END]!;
  let prevFree = false;
  let next = words[heap + FIRST]!;
  for (const { granule, granules, tag } of runsOf(runs)) {
    if ((tag & KIND) === 0) report(granule, "has no tag, though the run before it ends here");
    if (granules === 0 || granule + granules > end) {
      report(granule, `is a run of ${granules} granules, with ${end - granule} left`);
      return;
    }
    next = granule + granules;
    if (((tag & PREV_FREE) !== 0) !== prevFree) {
      report(granule, `says that the run before it is ${prevFree ? "not " : ""}free`);
    }
    if ((tag & KIND) === FREE && prevFree) report(granule, "is free beside a free run");
    prevFree = (tag & KIND) === FREE;
    if (prevFree) {
      const last = words[table + next - 1]!;
      if (granules > 1 && last !== granules << 2)
        report(granule, `is free with ${last >>> 2} as its length word`);
      if (granules >= MIN_BINNED) binned.set(granule, binOf(granules));
    }
    if ((tag & KIND) === SPAN) continue;
    for (let inner = granule + 1; inner < next; inner++) {
      const kind = words[table + inner]! & KIND;
      if (kind !== 0) report(inner, `has a tag of kind ${kind} inside the run at granule ${granule}`);
    }
  }
  const fence = words[table + end]!;
  if (next !== end || (fence & ~PREV_FREE) !== (META_OWNER | LIVE)) report(end, "is no fence");
  if (((fence & PREV_FREE) !== 0) !== prevFree)
    report(end, "is a fence that is wrong about the run before it");
};

/** Every binned run is in its bin once, nothing else is in any, and the bits say which bins hold something. */
const checkBins = (
  { words, heap }: RunHeap,
  arena: number,
  binned: Map<number, number>,
  report: Report,
): void => {
  const table = words[heap + TABLE]!;
  for (let bin = 0; bin < BIN_COUNT; bin++) {
    const head = words[arena + BINS + bin]!;
    const bits = words[arena + BIN_BITS + (bin >>> 5)]!;
    if (((bits & (1 << bin)) !== 0) !== (head !== 0)) report(head, `bin ${bin} has a wrong bit`);
    if (((words[arena + BIN_SUMMARY]! >>> (bin >>> 5)) & 1) !== (bits !== 0 ? 1 : 0))
      report(head, `bin ${bin} has a wrong summary bit`);
    let prev = 0;
    for (let run = head; run !== 0; run = words[table + run + 1]! >>> 2) {
      if (binned.get(run) !== bin) {
        report(run, `is in bin ${bin}, but should be in ${binned.get(run)}`);
        break;
      }
      binned.delete(run);
      if (words[table + run + 2]! >>> 2 !== prev) report(run, "has a wrong back link in its bin");
      prev = run;
    }
  }
  for (const [run, bin] of binned) report(run, `is free, but not in bin ${bin}`);
};

/** The tags of a span: one class, `back` counting up, live bits only where blocks begin. Counts its blocks. */
const checkSpan = (
  { words, heap }: RunHeap,
  granule: number,
  granules: number,
  blocks: Int32Array,
  live: Int32Array,
  report: Report,
): void => {
  const table = words[heap + TABLE]!;
  const sizeClass = (words[table + granule]! & CLASS_BITS) >>> CLASS_SHIFT;
  const size = CLASS_SIZE[sizeClass];
  if (size === undefined) {
    report(granule, `is a span of class ${sizeClass}`);
    return;
  }
  const capacity = Math.floor((granules * GRANULE) / size);
  blocks[sizeClass]! += capacity;
  for (let back = 0; back < granules; back++) {
    const tag = words[table + granule + back]!;
    const plain = (back << BACK_SHIFT) | (sizeClass << CLASS_SHIFT) | SPAN;
    if (
      (tag & ((BACK_MAX << BACK_SHIFT) | CLASS_BITS | KIND)) !== plain ||
      (back > 0 && (tag & PREV_FREE) !== 0)
    ) {
      report(granule + back, `has ${tag & 0xffff} as its tag in a span, not ${plain}`);
    }
    for (let unit = 0; unit <= UNIT_MASK; unit++) {
      if (((tag >>> LIVE_SHIFT) & (1 << unit)) === 0) continue;
      const offset = back * GRANULE + (unit << UNIT_SHIFT);
      if (offset % size !== 0 || offset / size >= capacity)
        report(granule + back, `has a live bit for unit ${unit}, where no block begins`);
      live[sizeClass]!++;
    }
  }
};

/** Every list of a class holds just the blocks of its spans that are not live. */
const checkLists = (
  runs: RunHeap,
  arena: number,
  blocks: Int32Array,
  live: Int32Array,
  report: Report,
): void => {
  const { words, heap } = runs;
  const table = words[heap + TABLE]!;
  const first = words[heap + FIRST]!;
  const last = addressOf(first);
  for (let sizeClass = 0; sizeClass < CLASS_COUNT; sizeClass++) {
    const size = CLASS_SIZE[sizeClass]!;
    const listed = new Set<number>();
    for (
      let block = words[arena + HEADS + sizeClass]! >>> 0;
      block !== last;
      block = words[block >>> 2]! >>> 0
    ) {
      const granule = block >>> GRANULE_SHIFT;
      const tag = granule >= first && granule < words[heap + END]! ? words[table + granule]! : 0;
      const base = addressOf(granule - ((tag >>> BACK_SHIFT) & BACK_MAX));
      const isBlock =
        (tag & (CLASS_BITS | KIND)) === ((sizeClass << CLASS_SHIFT) | SPAN) && (block - base) % size === 0;
      if (!isBlock || isLiveAt(runs, block) || listed.has(block)) {
        report(
          granule,
          `holds 0x${block.toString(16)}, listed as a free block of ${size} bytes, which it is not`,
        );
        break;
      }
      listed.add(block);
    }
    if (blocks[sizeClass] !== words[arena + BLOCKS + sizeClass]) {
      report(
        first,
        `class ${sizeClass} counts ${words[arena + BLOCKS + sizeClass]} blocks, not ${blocks[sizeClass]}`,
      );
    }
    if (live[sizeClass]! + listed.size !== blocks[sizeClass]) {
      report(
        first,
        `class ${sizeClass} has ${live[sizeClass]} live and ${listed.size} free of ${blocks[sizeClass]} blocks`,
      );
    }
  }
};
