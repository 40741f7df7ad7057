/*
 * Beginning a heap for several workers and finding it again: the shared area, then malloc's own state, at the start of the break.
 */
import { type Address, AttachError, InvalidArgumentError } from "@heapwright/allocator";
import { FutexLock, type LinearPages } from "@heapwright/heap-memory";
import { geometryOf } from "../layout/geometry.ts";
import { type ProfileName, profiles } from "../layout/profile.ts";
import { PARAMETER, THREAD, THREAD_BYTES, THREADS_AT } from "../layout/statics.ts";
import type { Tunables } from "../options.ts";
import { beginHeap, findHeap } from "../state.ts";
import { SharedCore } from "./core.ts";
import { SHARED, stateAt } from "./layout.ts";
import { SharedMappings } from "./mappings.ts";

/** The name by which a linear heap says that this strategy lives in it, and the version of its layout. */
const STRATEGY = "ptms";
const VERSION = 1;
const PAGE = 4096;
const WORKERS = 64;

/** What one worker needs to know of the heap. */
export interface SharedState {
  readonly core: SharedCore;
  readonly source: SharedMappings;
  readonly pages: LinearPages;
  /** Where the shared area begins. */
  readonly shared: Address;
}

/** Begins a heap at the break, which has never moved. */
export const beginShared = (
  pages: LinearPages,
  options: { readonly profile?: ProfileName; readonly tunables?: Tunables; readonly workers?: number },
): void => {
  const workers = options.workers ?? WORKERS;
  if (!Number.isInteger(workers) || workers < 1 || workers > 1024)
    throw new InvalidArgumentError("workers", workers, "an integer from 1 to 1024");
  const profile = options.profile ?? "glibc-2.36";
  if (!Object.hasOwn(profiles, profile))
    throw new InvalidArgumentError("profile", profile, `one of ${Object.keys(profiles).join(", ")}`);
  pages.claim(STRATEGY, VERSION);
  const { memory } = pages;
  const shared = pages.sbrk(0);
  const state = shared + stateAt(workers);
  const end = state + THREADS_AT + workers * THREAD_BYTES + geometryOf("i386", profiles[profile]).arenaBytes;
  // From here on the break is at a page boundary.
  const room = Math.ceil(end / PAGE) * PAGE - shared;
  if (pages.sbrk(room) === 0)
    throw new InvalidArgumentError("memory", memory.maxByteLength, "a memory with room for a heap");
  memory.store32(shared + SHARED.workers, workers);
  memory.store32(shared + SHARED.reached, (shared + room) / PAGE);
  const source = new SharedMappings(pages, shared, new FutexLock(memory, pages.lockAddress, 1));
  const { tunables = {} } = options;
  const core = beginHeap(source, {
    profile,
    abi: "i386",
    maxThreads: workers,
    tunables,
    stateAddress: state,
  });
  // No worker begins in the main arena.
  memory.store32(state + THREADS_AT + THREAD.arena, 0);
  core.store(core.main + core.g.attachedAt, 0);
  core.setParameter(PARAMETER.multiThreaded, 1);
  pages.root = shared;
};

/** Where the shared area of the heap is. */
export const findShared = (pages: LinearPages): Address => {
  pages.expect(STRATEGY, VERSION);
  if (pages.root === 0)
    throw new AttachError(`the heap at 0x${pages.start.toString(16)} is not finished yet`);
  return pages.root;
};

/** The heap as worker `id` sees it. */
export const openShared = (
  pages: LinearPages,
  shared: Address,
  id: number,
  timeout: number | undefined,
): SharedState => {
  const { memory } = pages;
  const source = new SharedMappings(pages, shared, new FutexLock(memory, pages.lockAddress, id, timeout));
  const core = findHeap(source, shared + stateAt(memory.load32(shared + SHARED.workers)));
  return { core: new SharedCore(core, source), source, pages, shared };
};
