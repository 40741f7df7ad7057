/*
 * The tcache: 64 single-linked stacks of freed chunks that belong to one thread and need no lock.
 *
 *   struct tcache_perthread_struct         an entry is the user's part of a chunk:
 *     counts[64]   16 bits each              mem + 0     next entry, mangled
 *     entries[64]  one word each             mem + word  key, which marks the chunk as cached
 *
 * Bin i holds chunks of exactly minSize + 16 i bytes. The chunks stay marked in use: nothing merges with them.
 */
import type { Address } from "@heapwright/allocator";
import type { Core } from "../core.ts";
import { corrupted } from "../errors.ts";
import { HEADER, PARAMETER, THREAD, THREAD_BYTES, THREADS_AT } from "../layout/statics.ts";
import type { ThreadState } from "../thread-state.ts";

/** The tcache bin for a chunk size; may be beyond the last one. csize2tidx. */
export const tcacheIndex = (core: Core, size: number): number =>
  size < BEYOND ? (size - core.minSize + 15) >>> 4 : BEYOND;

/** Whether bin `index` of the thread's tcache may take one more chunk. */
export const tcacheHasRoom = (core: Core, thread: ThreadState, index: number): boolean =>
  core.mem.load16(thread.tcache + 2 * index) < thread.room;

/** Whether the thread's tcache takes chunks of bin `index` at all. */
export const tcacheServes = (thread: ThreadState, index: number): boolean =>
  index < thread.bins && thread.tcache !== 0;

const entryAt = (core: Core, tcache: Address, index: number): Address =>
  tcache + core.g.tcacheEntriesAt + index * core.word;

/** Larger than any chunk that is cached; the alignment is 16 wherever there is a tcache. */
const BEYOND = 65536;

/** Pushes a chunk on its bin. */
export const tcachePut = (core: Core, tcache: Address, chunk: Address, index: number): void => {
  const entry = chunk + core.header;
  const head = entryAt(core, tcache, index);
  core.store(entry + core.word, core.tcacheKey(tcache));
  core.store(entry, core.mangle(entry, core.load(head)));
  core.store(head, entry);
  core.mem.store16(tcache + 2 * index, core.mem.load16(tcache + 2 * index) + 1);
};

/** Pops the newest chunk of a bin that its count says is not empty; gives its user address. */
export const tcacheGet = (core: Core, tcache: Address, index: number): Address => {
  const head = entryAt(core, tcache, index);
  const entry = core.load(head);
  if (core.safeLinking && (entry & core.alignMask) !== 0)
    throw corrupted(entry, "malloc(): unaligned tcache chunk detected");
  core.store(head, core.mangle(entry, core.load(entry)));
  core.mem.store16(tcache + 2 * index, core.mem.load16(tcache + 2 * index) - 1);
  core.store(entry + core.word, 0);
  return entry;
};

/**
 * A chunk about to be freed carries the key in its second word: either it is in the tcache already, or its data looks
 * like the key by chance. Only the walk tells.
 */
export const expectNotCached = (core: Core, tcache: Address, entry: Address, index: number): void => {
  const probe = core.probe;
  if (probe !== undefined) probe.event("memory_tcache_double_free", entry, index, 0);
  const limit = core.parameter(PARAMETER.tcacheCount);
  let steps = 0;
  for (let cached = core.load(entryAt(core, tcache, index)); cached !== 0; ) {
    if (core.profile.tcacheWalkIsCounted && steps >= limit)
      throw corrupted(entry, "free(): too many chunks detected in tcache");
    if (core.safeLinking && (cached & core.alignMask) !== 0)
      throw corrupted(cached, "free(): unaligned chunk detected in tcache 2");
    if (cached === entry) throw corrupted(entry, "free(): double free detected in tcache 2");
    cached = core.mangle(cached, core.load(cached));
    steps++;
  }
};

/** How many threads the heap can have. */
export const threadCount = (core: Core): number => core.load32(core.state + HEADER.threads);

/** The tcache of a thread, 0 when it has none. */
export const tcacheOf = (core: Core, thread: number): Address =>
  core.load32(core.state + THREADS_AT + thread * THREAD_BYTES + THREAD.tcache);
