/*
 * The root of a hierarchy: one run of pages that everything else is found from.
 *
 *   root + 0      identity, counters, options (see layout.ts)
 *   root + 64     the futex lock, a cache line of its own
 *   root + 256    cache_cache
 *   behind it     the page directory, one word for each leaf that the memory may ever need
 */
import {
  type Address,
  AttachError,
  InvalidArgumentError,
  type Memory,
  NULL,
  type PageAllocator,
} from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import { DEBUG_FLAGS } from "../flags.ts";
import { orderFor } from "../geometry/align.ts";
import type { SizeClasses } from "../size-classes.ts";
import { GEOMETRY_CLASSIC, GEOMETRY_SLUB, isFlags } from "./descriptor.ts";
import { slabRun } from "./grow.ts";
import type { Hierarchy } from "./hierarchy.ts";
import { isShared } from "./latch.ts";
import * as L from "./layout.ts";
import { directoryLength, TAG_MASK, TAG_SLAB } from "./page-map.ts";

/** What can be chosen for a hierarchy of caches. */
export interface SlabOptions {
  /** Workers that may use it at once, 1 to 32. Default 8 on a SharedArrayBuffer, 1 otherwise. */
  readonly cpus?: number;
  /** The general caches. Default `"powers"`. */
  readonly classes?: SizeClasses;
  /** How slabs are laid out: as the classic SLAB did, or with SLUB's orders and object counts. Default `"classic"`. */
  readonly geometry?: "classic" | "slub";
  /** Processors that SLUB's geometry counts on. Default `cpus`. */
  readonly geometryCpus?: number;
  /** {@link SlabFlags} for the debugging of the general caches. Default 0. */
  readonly flags?: number;
  /** The most bytes that may be held of the page allocator. Default no limit. */
  readonly limit?: number;
}

/** Takes a run of pages and writes a root into it, with CPU 0 taken. */
export const formatRoot = (pages: PageAllocator, memory: Memory, options: SlabOptions): Address => {
  const cpus = expectInteger("cpus", options.cpus ?? (isShared(memory) ? 8 : 1), 32);
  const geometryCpus = expectInteger("geometryCpus", options.geometryCpus ?? cpus, 65536);
  const pageShift = Math.log2(pages.pageSize);
  if (!Number.isInteger(pageShift) || pageShift < 9 || pageShift > 20) {
    throw new InvalidArgumentError("pageSize", pages.pageSize, "a power of two from 512 to 2^20");
  }
  const flags = options.flags ?? 0;
  if (!isFlags(flags)) throw new InvalidArgumentError("flags", flags, "a combination of SlabFlags");
  const limit = limitPages(options.limit ?? 0, pages.pageSize);
  const length = directoryLength(memory.maxByteLength, pageShift);
  const bytes = L.ROOT_CACHE_CACHE + L.cacheBytes(cpus) + 4 * length;
  const order = orderFor(bytes, pages.pageSize);
  const root = order > pages.maxOrder ? NULL : pages.allocatePages(order);
  if (root === NULL) {
    throw new InvalidArgumentError("pages", "exhausted", `able to give ${bytes} bytes for the root`);
  }
  memory.fill(root, pages.pageSize * 2 ** order, 0);
  const set = (field: number, value: number): void => memory.store32(root + field, value);
  set(L.ROOT_ORDER, order);
  set(L.ROOT_PAGE_SHIFT, pageShift);
  set(L.ROOT_CPUS, cpus);
  set(L.ROOT_CPU_MASK, 1);
  set(L.ROOT_DIRECTORY_LENGTH, length);
  set(L.ROOT_PAGES, 2 ** order);
  set(L.ROOT_PAGE_LIMIT, limit);
  set(L.ROOT_GEOMETRY, options.geometry === "slub" ? GEOMETRY_SLUB : GEOMETRY_CLASSIC);
  set(L.ROOT_GEOMETRY_CPUS, geometryCpus);
  set(L.ROOT_GENERAL_FLAGS, flags & DEBUG_FLAGS);
  set(L.ROOT_VERSION, L.LAYOUT_VERSION);
  set(L.ROOT_MAGIC, L.ROOT_MAGIC_VALUE);
  return root;
};

const expectInteger = (name: string, value: number, most: number): number => {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new InvalidArgumentError(name, value, `an integer from 1 to ${most}`);
};

/** A limit in bytes as one in pages; 0 stands for none in both. */
export const limitPages = (bytes: number, pageSize: number): number => {
  if (bytes === 0) return 0;
  if (!Number.isSafeInteger(bytes) || bytes < pageSize) {
    throw new InvalidArgumentError("limit", bytes, `bytes for at least a page of ${pageSize}, or 0 for none`);
  }
  return Math.min(Math.floor(bytes / pageSize), 2 ** 32 - 1);
};

/** @throws AttachError unless a root of this version, for such pages, stands at `root`. */
export const expectRoot = (pages: PageAllocator, memory: Memory, root: Address): void => {
  if (memory instanceof LinearMemory) memory.refresh();
  const at = `0x${root.toString(16)}`;
  const inside =
    Number.isInteger(root) && root >= 0 && root % 8 === 0 && root + L.ROOT_CACHE_CACHE < memory.byteLength;
  if (!inside || memory.load32(root) !== L.ROOT_MAGIC_VALUE) throw new AttachError(`no slab root at ${at}`);
  const version = memory.load32(root + L.ROOT_VERSION);
  if (version !== L.LAYOUT_VERSION) {
    throw new AttachError(`slab root of version ${version} at ${at}, not ${L.LAYOUT_VERSION}`);
  }
  if (2 ** memory.load32(root + L.ROOT_PAGE_SHIFT) !== pages.pageSize) {
    throw new AttachError(`slab root at ${at} has other pages than ${pages.pageSize} bytes`);
  }
};

/** Gives back all pages of a hierarchy that could not be made whole. */
export const dismantle = (hierarchy: Hierarchy): void => {
  const { map, memory, pages, root } = hierarchy;
  const runs = new Map<Address, number>();
  for (const { entry } of map.entries()) {
    if ((entry & TAG_MASK) !== TAG_SLAB) continue;
    const cache = memory.load32(entry + L.SLAB_CACHE);
    runs.set(slabRun(hierarchy, cache, entry), memory.load32(cache + L.CACHE_ORDER));
  }
  for (const leaf of map.leaves()) runs.set(leaf, 0);
  runs.set(root, hierarchy.load(L.ROOT_ORDER));
  for (const [run, order] of runs) pages.freePages(run, order);
};

/**
 * Takes the lowest free CPU number. Without the lock, whose holder is named by that number.
 *
 * In a memory that no other worker can see, all being taken means that those who had them are gone (a restored image):
 * then CPU 0 is taken over.
 *
 * @throws AttachError when all are taken.
 */
export const claimCpu = (memory: Memory, root: Address): number => {
  const cpus = memory.load32(root + L.ROOT_CPUS);
  for (;;) {
    const mask = memory.load32(root + L.ROOT_CPU_MASK);
    let cpu = 0;
    while (cpu < cpus && ((mask >>> cpu) & 1) !== 0) cpu++;
    if (cpu === cpus) {
      if (!isShared(memory)) return 0;
      throw new AttachError(`all ${cpus} CPUs of the slabs at 0x${root.toString(16)} are taken`);
    }
    if (swapMask(memory, root, mask, (mask | (1 << cpu)) >>> 0)) return cpu;
  }
};

/** Makes a CPU number free for whoever attaches next. */
export const freeCpu = (memory: Memory, root: Address, cpu: number): void => {
  for (;;) {
    const mask = memory.load32(root + L.ROOT_CPU_MASK);
    if (swapMask(memory, root, mask, (mask & ~(1 << cpu)) >>> 0)) return;
  }
};

/** Sets the mask of taken CPUs if it still is what it was. */
const swapMask = (memory: Memory, root: Address, before: number, after: number): boolean => {
  if (memory instanceof LinearMemory) {
    return Atomics.compareExchange(memory.words, (root + L.ROOT_CPU_MASK) / 4, before, after) === before;
  }
  memory.store32(root + L.ROOT_CPU_MASK, after);
  return true;
};
