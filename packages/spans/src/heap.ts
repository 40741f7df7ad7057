/*
 * Begins a heap in a memory, or finds the one that is there.
 *
 * The 64-byte header (magic, strategy, version, break) is that of LinearPages; HEAP and ARENA follow it, then the first tag
 * table. All four lie in one run that belongs to the heap.
 */
import { type Address, InvalidArgumentError } from "@heapwright/allocator";
import { type LinearMemory, LinearPages } from "@heapwright/heap-memory";
import {
  CLASS_ROOM,
  END,
  FIRST,
  FRESH,
  GRANULE,
  GRANULE_SHIFT,
  HEADS,
  HEAP_WORDS,
  LENGTH_SHIFT,
  LIVE,
  META_OWNER,
  NO_HEADS,
  PROLOGUE_BYTES,
  TABLE,
  TABLE_LENGTH,
} from "./layout.ts";
import { RunHeap, tableRoom } from "./run-heap.ts";

/** The strategy in the header, of a heap of one thread. */
export const ALONE = "SPAN";
/** The strategy in the header, of a heap of several workers. */
export const SHARED = "SPSH";
/** Of the layout in layout.ts. */
const VERSION = 1;
/** What a heap begins with, in bytes, where the memory has as much. */
const ROOMY = 65536;

/** Beyond every granule. */
const GRANULES_MAX = 2 ** 24 + 1;

/** Where the parts of a heap are. */
export interface HeapState {
  readonly pages: LinearPages;
  /** Word index of HEAP. */
  readonly heap: number;
  /** Word index of ARENA. */
  readonly arena: number;
}

const partsOf = (pages: LinearPages): HeapState => {
  const heap = (pages.start + 64) / 4;
  return { pages, heap, arena: heap + HEAP_WORDS };
};

/** Begins a heap at `start`. */
export const createHeap = (
  memory: LinearMemory,
  start: Address,
  strategy: string,
  fresh: boolean,
): HeapState => {
  memory.refresh();
  const given = memory.byteLength;
  const pages = LinearPages.create(memory, start);
  const { end } = pages;
  let limit = Math.min(Math.max(start + ROOMY, Math.ceil((start + 1) / ROOMY) * ROOMY), end);
  const least = start + PROLOGUE_BYTES + (tableGranulesFor(pages, limit) + 3) * GRANULE;
  if (least > limit) limit = Math.min(Math.ceil(least / ROOMY) * ROOMY, end);
  if (least > limit || pages.sbrk(limit - pages.sbrk(0)) === 0) {
    throw new InvalidArgumentError(
      "start",
      start,
      `an address with ${least - start} bytes of memory behind it`,
    );
  }
  pages.claim(strategy, VERSION);
  const state = partsOf(pages);
  layOut(state);
  const words = memory.words;
  // What the memory held before is unknown; what it grows by is zero.
  if (!isShared(memory)) words[state.heap + FRESH] = fresh ? 0 : Math.ceil(given / GRANULE);
  const { heap, arena } = state;
  returnRest(new RunHeap(pages, heap, arena, 0));
  return state;
};

/**
 * Finds the heap at `start`.
 *
 * @throws AttachError when there is none, or one of another strategy or version.
 */
export const attachHeap = (memory: LinearMemory, start: Address, strategy: string): HeapState => {
  const pages = LinearPages.attach(memory, start);
  pages.expect(strategy, VERSION);
  return partsOf(pages);
};

/** Makes a heap as new. */
export const resetHeap = (runs: RunHeap): void => {
  const fresh = runs.words[runs.heap + FRESH]!;
  layOut({ pages: runs.pages, heap: runs.heap, arena: runs.arena });
  runs.words[runs.heap + FRESH] = fresh;
  returnRest(runs);
  runs.tellTable();
};

/** What layOut left as one live run becomes free. */
const returnRest = (runs: RunHeap): void => {
  const { words, heap } = runs;
  const table = words[heap + TABLE]!;
  const first = words[heap + FIRST]!;
  const run = Math.floor((table + first) / (GRANULE / 4)) + words[heap + TABLE_LENGTH]! / (GRANULE / 4);
  const granules = words[table + run]! >>> LENGTH_SHIFT;
  if (granules > 0) runs.give(run, granules);
};

/** Granules of the first table of a heap that ends at `limit`. */
const tableGranulesFor = ({ memory, start, end }: LinearPages, limit: number): number => {
  const first = Math.floor(start / GRANULE);
  const most = Math.floor(end / GRANULE) - first;
  // Other workers cannot be told that a table moves, so that of a shared memory is made for ever.
  return tableRoom(isShared(memory) ? most : Math.floor(limit / GRANULE) - first, most);
};

/** Writes HEAP, ARENA and the table, and leaves all memory behind them up to the break as one live run. */
const layOut = (state: HeapState): void => {
  const { pages, heap, arena } = state;
  const { memory, start } = pages;
  const words = new Int32Array(memory.buffer, 0, memory.byteLength >>> 2);
  const first = Math.floor(start / GRANULE);
  const end = Math.floor(pages.sbrk(0) / GRANULE);
  const tableStart = Math.ceil((start + PROLOGUE_BYTES) / GRANULE);
  const tableGranules = tableGranulesFor(pages, end * GRANULE);
  const run = tableStart + tableGranules;
  const table = tableStart * (GRANULE / 4) - first;
  words.fill(0, heap, run * (GRANULE / 4));
  words[heap + TABLE] = table;
  words[heap + TABLE_LENGTH] = tableGranules * (GRANULE / 4);
  words[heap + FIRST] = first;
  words[heap + END] = end;
  words[heap + FRESH] = GRANULES_MAX;
  words.fill(first << GRANULE_SHIFT, arena + HEADS, arena + HEADS + CLASS_ROOM);
  words.fill(first << GRANULE_SHIFT, arena + NO_HEADS, arena + NO_HEADS + CLASS_ROOM);
  words[table + first] = ((tableStart - first) << LENGTH_SHIFT) | META_OWNER | LIVE;
  words[table + tableStart] = (tableGranules << LENGTH_SHIFT) | META_OWNER | LIVE;
  words[table + end] = META_OWNER | LIVE;
  words[table + run] = ((end - run) << LENGTH_SHIFT) | META_OWNER | LIVE;
};

/** Whether other workers may see the memory. */
export const isShared = (memory: LinearMemory): boolean => !(memory.buffer instanceof ArrayBuffer);
