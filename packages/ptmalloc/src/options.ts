/*
 * The options of a new heap.
 */
import type { Address } from "@heapwright/allocator";
import type { Abi } from "./layout/abi.ts";
import type { ProfileName } from "./layout/profile.ts";
import type { Probe } from "./probe.ts";

/**
 * glibc's tunables, as `GLIBC_TUNABLES` names them; every value an integer. Values out of a tunable's range are ignored, as
 * glibc ignores them. Sizes are bytes.
 */
export interface Tunables {
  /** Bytes kept beyond a request at the top of the heap when it grows or is trimmed. Default 128 KiB. */
  readonly "glibc.malloc.top_pad"?: number;
  /** A byte: memory handed out is filled with its complement, memory given back with it. Default 0, off. */
  readonly "glibc.malloc.perturb"?: number;
  /** How many chunks may be mappings of their own at a time. Default 65536. */
  readonly "glibc.malloc.mmap_max"?: number;
  /** Requests from this size on are mapped by themselves. Default 128 KiB, sliding. */
  readonly "glibc.malloc.mmap_threshold"?: number;
  /** The top of the heap is trimmed when it reaches this size. Default 128 KiB, sliding. */
  readonly "glibc.malloc.trim_threshold"?: number;
  /** The largest number of arenas. Default 0: by the number of processors. */
  readonly "glibc.malloc.arena_max"?: number;
  /** The number of arenas below which the processors are not asked. Default 2 or 8. */
  readonly "glibc.malloc.arena_test"?: number;
  /** The largest request that the tcache serves. */
  readonly "glibc.malloc.tcache_max"?: number;
  /** Chunks in each tcache bin. Default 7; 0 turns the tcache off. */
  readonly "glibc.malloc.tcache_count"?: number;
  /** Unsorted chunks sorted before a cached one is handed out. Default 0: no limit. */
  readonly "glibc.malloc.tcache_unsorted_limit"?: number;
  /** The largest request that fast bins serve. */
  readonly "glibc.malloc.mxfast"?: number;
  /** 1 recommends huge pages for what is large enough. Default 0. */
  readonly "glibc.malloc.hugetlb"?: number;
}

/** How a heap is to behave. Every option has a default. */
export interface PtmallocOptions {
  /** The version of malloc to be. Default `"glibc-2.36"`. */
  readonly profile?: ProfileName;
  /** The word size. Default `"i386"`: 4-byte words, which cost the least and reach all 4 GiB. */
  readonly abi?: Abi;
  /** Number of processors, on which the number of arenas depends. Default 2. */
  readonly cores?: number;
  /** glibc's tunables. */
  readonly tunables?: Tunables;
  /**
   * Where the state area goes: a multiple of 16, writable and zero. Default: the first bytes of the break, before the heap.
   * Give it where the heap must begin exactly at the break, as in a process.
   */
  readonly stateAddress?: Address;
  /** How many threads the heap can have. Default 64; each takes 16 bytes of the state area. */
  readonly maxThreads?: number;
  /** The word that marks chunks as cached, up to 2^32 - 1; glibc draws it at random. Default: a fixed one, so that runs repeat. */
  readonly tcacheKey?: number;
  /** Told of every decision. */
  readonly probe?: Probe;
}
