/*
 * The walk: every chunk of the heap, one after the other by their sizes, each with what it is used for and the bin that has it.
 *
 * Whether a chunk is in the tcache or a fast bin cannot be told from its header, so those lists are read first.
 *
 * Stretches of the main arena that do not join (another program part moved the break, or the break was stuck and memory was mapped)
 * end in two fenceposts; the word between these, which nothing else uses, says where the heap goes on.
 */
import type { Address, BlockInfo, HeapStats } from "@heapwright/allocator";
import { arenasOf } from "../arenas/arena.ts";
import { heapPrevious } from "../arenas/heap.ts";
import { tcacheOf, threadCount } from "../bins/tcache.ts";
import { type Core, PREV_INUSE } from "../core.ts";
import { NBINS, TCACHE_BINS } from "../layout/geometry.ts";
import { PARAMETER } from "../layout/statics.ts";
import { binName } from "./names.ts";

/** One chunk, as {@link Ptmalloc.walk} finds it. */
export interface ChunkInfo extends BlockInfo {
  /** The arena (`struct malloc_state`) it belongs to, 0 for a chunk that is a mapping of its own. */
  readonly arena: Address;
  /** Where it stands in its bin, in the order in which malloc takes from it: 0 for the chunk that goes first. */
  readonly place?: number;
  /** The thread whose tcache has it. */
  readonly thread?: number;
}

/** Where a chunk is listed. */
type Listing = Required<Pick<ChunkInfo, "bin" | "place">> & Pick<ChunkInfo, "thread">;

/** What the chunk that holds a tcache itself is called. */
const TCACHE_STRUCT = "tcache struct";

/** Bins from here on hold chunks of more than one size, in descending order. */
const FIRST_LARGE = 64;

/** No list of a sound heap is longer than this; a longer one is a loop. */
const LIST_LIMIT = 2 ** 26;

/**
 * Calls `visit` for each element of a single-linked list whose links stand `linkAt` bytes into its elements: 0 in the tcache,
 * which links user addresses, two words in fast bins, which link chunks.
 */
const eachLinked = (
  core: Core,
  first: Address,
  linkAt: number,
  visit: (element: Address, place: number) => void,
): void => {
  let element = first;
  for (let place = 0; element !== 0 && place < LIST_LIMIT; place++) {
    visit(element, place);
    element = core.mangle(element + linkAt, core.load(element + linkAt));
  }
};

/**
 * A bin's chunks in the order in which malloc takes them: from the back, where the oldest unsorted or small chunk stands, and the
 * smallest large one. Of large chunks of one size, the first is the one that the skip list knows and goes last.
 *
 *   fd order:   A 5008   B 5008   C 5008   D 4992        order of taking:   D   B   C   A
 */
const inOrder = (core: Core, bin: Address, large: boolean): Address[] => {
  const chunks: Address[] = [];
  let others: Address[] = [];
  let chunk = core.bk(bin);
  for (let steps = 0; chunk !== bin && steps < LIST_LIMIT; steps++) {
    const before = core.bk(chunk);
    if (large && before !== bin && core.size(before) === core.size(chunk)) others.push(chunk);
    else {
      for (const other of others.reverse()) chunks.push(other);
      chunks.push(chunk);
      others = [];
    }
    chunk = before;
  }
  return chunks;
};

/** The list that each cached or binned chunk is in, by chunk address. */
const binsOf = (core: Core, arenas: readonly Address[], threads: number): Map<Address, Listing> => {
  const listed = new Map<Address, Listing>();
  for (let thread = 0; thread < threads; thread++) {
    const tcache = tcacheOf(core, thread);
    if (tcache === 0) continue;
    listed.set(tcache - core.header, { bin: TCACHE_STRUCT, place: 0, thread });
    for (let index = 0; index < TCACHE_BINS; index++) {
      const bin = `tcache ${core.minSize + index * (core.alignMask + 1)}`;
      const first = core.load(tcache + core.g.tcacheEntriesAt + index * core.word);
      eachLinked(core, first, 0, (mem, place) => listed.set(mem - core.header, { bin, place, thread }));
    }
  }
  for (const arena of arenas) {
    for (let index = 0; index < core.g.fastBins; index++) {
      const bin = `fast ${(index + 2) << core.g.fastShift}`;
      const first = core.load(core.fastbin(arena, index));
      eachLinked(core, first, core.fdAt, (chunk, place) => listed.set(chunk, { bin, place }));
    }
    for (let index = 1; index < NBINS - 1; index++) {
      const bin = binName(index);
      const chunks = inOrder(core, core.bin(arena, index), index >= FIRST_LARGE);
      for (const [place, chunk] of chunks.entries()) listed.set(chunk, { bin, place });
    }
  }
  return listed;
};

const describe = (
  core: Core,
  arena: Address,
  chunk: Address,
  size: number,
  listed: Map<Address, Listing>,
): ChunkInfo => {
  if (chunk === core.top(arena))
    return { address: chunk, size, state: "top", payload: chunk + core.header, arena };
  if (size === core.header) return { address: chunk, size, state: "meta", arena };
  const payload = chunk + core.header;
  const listing = listed.get(chunk);
  if (listing === undefined) return { address: chunk, size, state: "live", payload, arena };
  const { bin } = listing;
  if (bin === TCACHE_STRUCT) return { address: chunk, size, state: "meta", bin, arena };
  const cached = bin.startsWith("tcache") || bin.startsWith("fast");
  return { address: chunk, size, state: cached ? "cached" : "free", payload, arena, ...listing };
};

/** Where the first chunk stands in memory that begins at `start`. */
export const firstChunk = (core: Core, start: Address): Address => {
  const misalign = (start + core.header) & core.alignMask;
  return misalign === 0 ? start : start + core.alignMask + 1 - misalign;
};

/** The chunks from `start` on, through fenceposts, to the end of top, of the heap, or of what can be followed. */
function* chunksFrom(
  core: Core,
  arena: Address,
  start: Address,
  end: number,
  listed: Map<Address, Listing>,
): Generator<ChunkInfo> {
  const top = core.top(arena);
  const fenceposts = new Set<Address>();
  let chunk = start;
  while (chunk < end) {
    const size = core.size(chunk);
    if (size < core.header) {
      // The second fencepost of a thread heap has no size: the rest of the heap is its.
      if (arena !== core.main) yield { address: chunk, size: end - chunk, state: "meta", arena };
      return;
    }
    yield describe(core, arena, chunk, size, listed);
    if (chunk === top) return;
    const next = chunk + size;
    if (arena === core.main && size === core.header && core.head(next) === core.header + PREV_INUSE) {
      yield { address: next, size: core.header, state: "meta", arena };
      if (fenceposts.has(next)) return;
      fenceposts.add(next);
      chunk = core.prevSize(next);
    } else chunk = next;
  }
}

/** The arena's stretches of memory: first chunk and end. */
const stretchesOf = (core: Core, arena: Address): [Address, number][] => {
  if (arena === core.main) {
    const base = core.parameter(PARAMETER.sbrkBase);
    return base === 0 ? [] : [[firstChunk(core, base), core.mem.byteLength]];
  }
  const stretches: [Address, number][] = [];
  for (let heap = core.heapFor(core.top(arena)); heap !== 0; heap = heapPrevious(core, heap)) {
    const own = heap + core.g.heapInfoBytes === arena;
    const first = own ? firstChunk(core, arena + core.g.arenaBytes) : heap + core.g.heapInfoBytes;
    stretches.push([first, heap + core.load(heap + 2 * core.word)]);
  }
  return stretches;
};

/**
 * Every chunk of these arenas, and every mapped one, in ascending address order. What the tcaches of further threads than
 * `threads` hold is taken for live.
 */
export const walkHeap = (
  core: Core,
  arenas: readonly Address[] = arenasOf(core),
  threads: number = threadCount(core),
): ChunkInfo[] => {
  const listed = binsOf(core, arenas, threads);
  const chunks: ChunkInfo[] = [];
  for (const arena of arenas)
    for (const [first, end] of stretchesOf(core, arena))
      chunks.push(...chunksFrom(core, arena, first, end, listed));
  for (const chunk of core.mappings)
    chunks.push({
      address: chunk,
      size: core.size(chunk),
      state: "live",
      payload: chunk + core.header,
      arena: 0,
    });
  return chunks.sort((a, b) => a.address - b.address);
};

/** The heap in numbers, by a walk of these arenas. */
export const statsOf = (core: Core, arenas?: readonly Address[]): HeapStats => {
  const stats = { allocatedBytes: 0, freeBytes: 0, liveBlocks: 0, freeBlocks: 0, largestFreeBytes: 0 };
  for (const { size, state } of walkHeap(core, arenas)) {
    if (state === "live") {
      stats.allocatedBytes += size;
      stats.liveBlocks++;
    } else if (state !== "meta") {
      stats.freeBytes += size;
      stats.freeBlocks++;
      stats.largestFreeBytes = Math.max(stats.largestFreeBytes, size);
    }
  }
  let heapBytes = core.parameter(PARAMETER.mmappedMem);
  for (const arena of arenasOf(core)) heapBytes += core.systemMem(arena);
  return { heapBytes, ...stats };
};
