/*
 * Looking inside a heap: walk, check, stats. All go over the tag table from the first run to the fence, O(heap), and none
 * changes anything.
 */
import type { BlockInfo, HeapFault, HeapStats } from "@heapwright/allocator";
import { binOf, MIN_BINNED } from "./bins.ts";
import {
  BASE,
  BIN_BITS,
  BIN_COUNT,
  BIN_SUMMARY,
  BINS,
  BITMAP,
  BLOCKS,
  CAPACITY,
  CURRENT,
  END,
  FIRST,
  FREE,
  FULL,
  GRANULE,
  HEAD,
  INFO,
  INVERSE,
  KIND,
  LENGTH_SHIFT,
  LIVE,
  META,
  META_OWNER,
  NEXT,
  ONE_LIVE,
  OWNER_MASK,
  PREV,
  PREV_FREE,
  SPAN,
  SUMMARY,
  TABLE,
  TAIL,
} from "./layout.ts";
import { addressOf, type RunHeap } from "./run-heap.ts";
import { CLASS_COUNT, CLASS_INVERSE, CLASS_SHIFT, CLASS_SIZE } from "./size-classes.ts";

/** A run as the walk over the table meets it. `record` is that of a span, else 0. */
interface Run {
  readonly granule: number;
  readonly granules: number;
  readonly tag: number;
  readonly record: number;
}

/** Every run up to the fence. Ends early at a tag that is no run's. */
function* runsOf(runs: RunHeap): Generator<Run> {
  const { words, heap } = runs;
  const table = words[heap + TABLE]!;
  const end = words[heap + END]!;
  let granule = words[heap + FIRST]!;
  while (granule < end) {
    const tag = words[table + granule]!;
    const record = (tag & KIND) === SPAN ? (tag >>> 6) << 4 : 0;
    const granules = record === 0 ? tag >>> LENGTH_SHIFT : words[record + INFO]! >>> 16;
    yield { granule, granules, tag, record };
    if (granules === 0) return;
    granule += granules;
  }
}

/** Every block, in ascending order. */
export function* walkHeap(runs: RunHeap): Generator<BlockInfo> {
  const { words, heap, pages } = runs;
  const end = words[heap + END]!;
  for (const { granule, granules, tag, record } of runsOf(runs)) {
    const address = addressOf(granule);
    const size = granules * GRANULE;
    if (record !== 0) yield* walkSpan(words, record, size);
    else if ((tag & KIND) === FREE) {
      const bin = granules < MIN_BINNED ? "none" : `runs ${binOf(granules)}`;
      yield { address, size, state: granule + granules === end ? "top" : "free", payload: address, bin };
    } else if ((tag & OWNER_MASK) === META_OWNER) {
      const from = Math.max(address, pages.start);
      yield { address: from, size: address + size - from, state: "meta" };
    } else yield { address, size, state: "live", payload: address };
  }
}

function* walkSpan(words: Int32Array, record: number, bytes: number): Generator<BlockInfo> {
  const base = words[record + BASE]! >>> 0;
  const size = CLASS_SIZE[(words[record + INFO]! >>> 8) & 255]!;
  const capacity = words[record + CAPACITY]!;
  const bin = `span ${size}`;
  for (let index = 0; index < capacity; index++) {
    const address = base + index * size;
    const free = (words[record + BITMAP + (index >>> 5)]! & (1 << index)) !== 0;
    if (free) yield { address, size, state: "free", payload: address, bin };
    else yield { address, size, state: "live", payload: address };
  }
  const used = capacity * size;
  if (used < bytes) yield { address: base + used, size: bytes - used, state: "meta" };
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

/** Verifies the invariants that layout.ts and span-pool.ts state. */
export const checkHeap = (runs: RunHeap): readonly HeapFault[] => {
  const faults: HeapFault[] = [];
  const report = (granule: number, fault: string): void => {
    faults.push({ address: addressOf(granule), fault });
  };
  const spans = new Map<number, number>();
  const binned = new Map<number, number>();
  checkRuns(runs, spans, binned, report);
  checkBins(runs, binned, report);
  checkSpans(runs, spans, report);
  return faults;
};

type Report = (granule: number, fault: string) => void;

/** Tags, coalescing, prevFree and length words. Gathers the spans (record to granule) and binned runs (run to bin). */
const checkRuns = (
  { words, heap }: RunHeap,
  spans: Map<number, number>,
  binned: Map<number, number>,
  report: Report,
): void => {
  const table = words[heap + TABLE]!;
  const end = words[heap + END]!;
  let prevFree = false;
  let next = words[heap + FIRST]!;
  for (const { granule, granules, tag, record } of runsOf({ words, heap } as RunHeap)) {
    if ((tag & KIND) === 0) report(granule, "has no tag, though the run before it ends here");
    if (granules === 0 || granule + granules > end) {
      report(granule, `is a run of ${granules} granules, with ${end - granule} left`);
      return;
    }
    next = granule + granules;
    if (((tag & PREV_FREE) !== 0) !== prevFree)
      report(granule, `says that the run before it is ${prevFree ? "not " : ""}free`);
    if ((tag & KIND) === FREE && prevFree) report(granule, "is free beside a free run");
    prevFree = (tag & KIND) === FREE;
    if (prevFree) {
      const last = words[table + next - 1]!;
      if (granules > 1 && last !== granules << 2)
        report(granule, `is free with ${last >>> 2} as its length word`);
      if (granules >= MIN_BINNED) binned.set(granule, binOf(granules));
    }
    if (record !== 0) spans.set(record, granule);
    for (let inner = granule + 1; inner < next; inner++) {
      const kind = words[table + inner]! & KIND;
      if (record === 0 ? kind !== 0 : (words[table + inner]! >>> 6) << 4 !== record || kind !== SPAN) {
        report(inner, `has a tag of kind ${kind} inside the run at granule ${granule}`);
      }
    }
  }
  const fence = words[table + end]!;
  if (next !== end || (fence & ~PREV_FREE) !== (META_OWNER | LIVE)) report(end, "is no fence");
  if (((fence & PREV_FREE) !== 0) !== prevFree)
    report(end, "is a fence that is wrong about the run before it");
};

/** Every binned run is in its bin once, nothing else is in any, and the bits say which bins hold something. */
const checkBins = ({ words, heap, arena }: RunHeap, binned: Map<number, number>, report: Report): void => {
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

/** Records agree with themselves; each span is in the one place where it should be. */
const checkSpans = ({ words, arena }: RunHeap, spans: Map<number, number>, report: Report): void => {
  const listed = new Set<number>();
  for (let sizeClass = 0; sizeClass < CLASS_COUNT; sizeClass++) {
    let prev = 0;
    let empty = false;
    let record = words[arena + HEAD + sizeClass]!;
    for (; record !== 0; record = words[record + NEXT]!) {
      const granule = spans.get(record);
      if (granule === undefined || listed.has(record)) {
        report(0, `class ${sizeClass} lists a record at word ${record} that is no span's`);
        break;
      }
      listed.add(record);
      const meta = words[record + META]!;
      if (words[record + PREV] !== prev) report(granule, "is a span with a wrong back link");
      if ((meta & SUMMARY) === 0) report(granule, "is a full span in a list");
      if (empty && meta >= ONE_LIVE) report(granule, "is a span in use behind an empty one");
      if ((words[record + INFO]! >>> 8) % 256 !== sizeClass)
        report(granule, "is a span in another class's list");
      empty = meta < ONE_LIVE;
      prev = record;
    }
    if (record === 0 && words[arena + TAIL + sizeClass] !== prev)
      report(0, `class ${sizeClass} has a wrong tail`);
    const current = words[arena + CURRENT + sizeClass]!;
    if (current === arena + FULL) continue;
    if (!spans.has(current) || listed.has(current)) report(0, `class ${sizeClass} has a wrong current span`);
    listed.add(current);
  }
  const blocks = new Int32Array(CLASS_COUNT);
  for (const [record, granule] of spans) {
    const info = words[record + INFO]!;
    const sizeClass = (info >>> 8) & 255;
    const capacity = words[record + CAPACITY]!;
    blocks[sizeClass]! += capacity;
    if (words[record + BASE]! >>> 0 !== addressOf(granule))
      report(granule, "is a span whose record is another's");
    if (
      words[record + INVERSE] !== CLASS_INVERSE[sizeClass] ||
      (info & 255) !== CLASS_SHIFT[sizeClass] ||
      capacity * CLASS_SIZE[sizeClass]! > (info >>> 16) * GRANULE
    ) {
      report(granule, `is a span whose record is not that of class ${sizeClass}`);
    }
    let free = 0;
    let summary = 0;
    for (let word = 0; word < 8; word++) {
      const bits = words[record + BITMAP + word]!;
      if (bits !== 0) summary |= 1 << word;
      for (let bit = 0; bit < 32; bit++) {
        if ((bits & (1 << bit)) === 0) continue;
        if (word * 32 + bit >= capacity)
          report(granule, `is a span with a free bit for block ${word * 32 + bit} of ${capacity}`);
        free++;
      }
    }
    const meta = ((capacity - free) << 8) | summary;
    if (words[record + META] !== meta)
      report(granule, `is a span with ${words[record + META]} as its meta, not ${meta}`);
    if (summary !== 0 && !listed.has(record)) report(granule, "is a span with free blocks in no list");
  }
  for (let sizeClass = 0; sizeClass < CLASS_COUNT; sizeClass++) {
    if (blocks[sizeClass] !== words[arena + BLOCKS + sizeClass])
      report(
        0,
        `class ${sizeClass} counts ${words[arena + BLOCKS + sizeClass]} blocks, not ${blocks[sizeClass]}`,
      );
  }
};
