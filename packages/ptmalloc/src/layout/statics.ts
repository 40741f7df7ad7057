/*
 * The state area: malloc's own static data (`main_arena`, `mp_` and what each thread keeps in its TLS), in the memory,
 * so that a heap can be attached to by others, shared and saved.
 *
 *   +0    header       64 bytes: magic, version, word size, profile, cores, number of thread records,
 *                      the break before the heap began
 *   +64   parameters   struct malloc_par and the loose statics, 8 bytes each whatever the ABI
 *   +320  thread records, 16 bytes each: tcache, thread_arena, flags, reserved
 *   then  main_arena   a struct malloc_state exactly as the ABI lays it out
 *
 * A parameter that C holds in a size_t keeps all 64 bits (thresholds may be SIZE_MAX), low word first.
 */

/** The first word of a state area: "ptma". */
export const STATE_MAGIC = 0x616d7470;
/** The version of this layout. */
export const STATE_VERSION = 1;

/** Offsets in the state area's header. */
export const HEADER: {
  readonly magic: 0;
  readonly version: 4;
  readonly word: 8;
  readonly profile: 12;
  readonly cores: 16;
  readonly threads: 20;
  readonly start: 24;
} = { magic: 0, version: 4, word: 8, profile: 12, cores: 16, threads: 20, start: 24 };

/** Offsets of the parameters in the state area. The names are glibc's. */
export const PARAMETER: {
  readonly trimThreshold: number;
  readonly topPad: number;
  readonly mmapThreshold: number;
  readonly arenaTest: number;
  readonly arenaMax: number;
  readonly thpPageSize: number;
  readonly mmaps: number;
  readonly mmapsMax: number;
  readonly maxMmaps: number;
  readonly noDynThreshold: number;
  readonly mmappedMem: number;
  readonly maxMmappedMem: number;
  readonly sbrkBase: number;
  readonly tcacheBins: number;
  readonly tcacheMaxBytes: number;
  readonly tcacheCount: number;
  readonly tcacheUnsortedLimit: number;
  readonly globalMaxFast: number;
  readonly perturbByte: number;
  readonly tcacheKey: number;
  readonly freeList: number;
  readonly nextToUse: number;
  readonly narenas: number;
  readonly narenasLimit: number;
  readonly alignedHeapArea: number;
  readonly multiThreaded: number;
} = {
  trimThreshold: 64,
  topPad: 72,
  mmapThreshold: 80,
  arenaTest: 88,
  arenaMax: 96,
  thpPageSize: 104,
  mmaps: 112,
  mmapsMax: 120,
  maxMmaps: 128,
  noDynThreshold: 136,
  mmappedMem: 144,
  maxMmappedMem: 152,
  sbrkBase: 160,
  tcacheBins: 168,
  tcacheMaxBytes: 176,
  tcacheCount: 184,
  tcacheUnsortedLimit: 192,
  globalMaxFast: 200,
  perturbByte: 208,
  tcacheKey: 216,
  freeList: 224,
  nextToUse: 232,
  narenas: 240,
  narenasLimit: 248,
  alignedHeapArea: 256,
  multiThreaded: 264,
};

/** Where the thread records begin. */
export const THREADS_AT = 320;
/** Bytes of a thread record. */
export const THREAD_BYTES = 16;
/** Where the main arena begins, behind the records of so many threads. */
export const mainArenaAt = (threads: number): number => THREADS_AT + threads * THREAD_BYTES;
/** Offsets in a thread record. */
export const THREAD: { readonly tcache: 0; readonly arena: 4; readonly flags: 8 } = {
  tcache: 0,
  arena: 4,
  flags: 8,
};
