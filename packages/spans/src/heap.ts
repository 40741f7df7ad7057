/*
 * Begins a heap in a memory, or finds the one that is there.
 *
 * The 64-byte header (magic, strategy, version, break) is that of LinearPages; HEAP and ARENA follow it, then the first tag
 * table. All four lie in one run that belongs to the heap.
 */
import { type Address, AttachError, InvalidArgumentError } from "@heapwright/allocator";
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

/** "SPAN" in the header. */
const STRATEGY = 0x4e415053;
/** Of the layout in layout.ts. */
const VERSION = 1;
/** The smallest memory for a heap, in bytes. */
const SMALLEST = 8192;
/** What a memory that can grow is grown to at the start, in bytes. */
const ROOMY = 16384;

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
export const createHeap = (memory: LinearMemory, start: Address): HeapState => {
  const fresh = memory.byteLength <= start;
  const pages = LinearPages.create(memory, start);
  memory.grow(Math.min(start + ROOMY, memory.maxByteLength));
  const limit = memory.byteLength;
  if (limit < start + SMALLEST || pages.sbrk(limit - pages.sbrk(0)) === 0) {
    throw new InvalidArgumentError("start", start, `an address with ${SMALLEST} bytes of memory behind it`);
  }
  const state = partsOf(pages);
  memory.store32(start + 8, STRATEGY);
  memory.store32(start + 12, VERSION);
  layOut(state, fresh);
  return state;
};

/** Finds the heap of this strategy and version that begins where `pages` does. */
export const attachHeap = (pages: LinearPages): HeapState => {
  const { memory, start } = pages;
  const at = `at 0x${start.toString(16)}`;
  const strategy = memory.load32(start + 8);
  if (strategy !== STRATEGY) throw new AttachError(`the heap ${at} is of another strategy than spans`);
  const version = memory.load32(start + 12);
  if (version !== VERSION)
    throw new AttachError(`the spans heap ${at} has version ${version}, not ${VERSION}`);
  return partsOf(pages);
};

/** Makes the heap as new, with all the memory up to the break free. */
export const layOut = (state: HeapState, fresh: boolean): void => {
  const { pages, heap, arena } = state;
  const { memory, start } = pages;
  const words = new Int32Array(memory.buffer, 0, memory.byteLength >>> 2);
  const first = Math.floor(start / GRANULE);
  const end = Math.floor(pages.sbrk(0) / GRANULE);
  const tableStart = Math.ceil((start + PROLOGUE_BYTES) / GRANULE);
  const most = Math.floor(memory.maxByteLength / GRANULE) - first;
  // Growth detaches the views of other instances, which then look anew; but not over a shared memory: no table moves there.
  const tableGranules = tableRoom(isShared(memory) ? most : end - first, most);
  const run = tableStart + tableGranules;
  const table = tableStart * (GRANULE / 4) - first;
  words.fill(0, heap, run * (GRANULE / 4));
  words[heap + TABLE] = table;
  words[heap + TABLE_LENGTH] = tableGranules * (GRANULE / 4);
  words[heap + FIRST] = first;
  words[heap + END] = end;
  words[heap + FRESH] = fresh ? run : end;
  words.fill(first << GRANULE_SHIFT, arena + HEADS, arena + HEADS + CLASS_ROOM);
  words.fill(first << GRANULE_SHIFT, arena + NO_HEADS, arena + NO_HEADS + CLASS_ROOM);
  words[table + first] = ((tableStart - first) << LENGTH_SHIFT) | META_OWNER | LIVE;
  words[table + tableStart] = (tableGranules << LENGTH_SHIFT) | META_OWNER | LIVE;
  words[table + end] = META_OWNER | LIVE;
  words[table + run] = ((end - run) << LENGTH_SHIFT) | META_OWNER | LIVE;
  new RunHeap(pages, heap, arena, 0).give(run, end - run);
};

const isShared = (memory: LinearMemory): boolean => !(memory.buffer instanceof ArrayBuffer);
