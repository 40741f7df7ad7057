/*
 * Profiles: what changed in malloc from version to version, as data.
 *
 * Code asks for a trait, never for a version's name, so that a further version is a further row here.
 */

/** The names of the profiles that exist. */
export type ProfileName = "glibc-2.36" | "glibc-2.31" | "glibc-2.41" | "ptmalloc-2.12";

/** How one version of malloc behaves, trait by trait. */
export interface Profile {
  /** The profile's name. */
  readonly name: ProfileName;
  /** Whether chunks are aligned to 16 bytes on i386 too (since 2.26), or to two words. */
  readonly alignTo16: boolean;
  /** Whether each thread has a cache of freed chunks (since 2.26). */
  readonly tcache: boolean;
  /** What marks a chunk as being in the tcache: the address of the cache itself, or one word drawn per heap (2.34). */
  readonly tcacheKey: "cache" | "word";
  /** Whether the links of single-linked lists are mangled with their own address, and chunks tested for alignment (2.32). */
  readonly safeLinking: boolean;
  /** Whether the double-free walk through a tcache bin counts its steps (2.33). */
  readonly tcacheWalkIsCounted: boolean;
  /** Whether calloc takes from the tcache (2.41). */
  readonly callocUsesTcache: boolean;
  /** Whether a freed small chunk goes to its small bin at once and not through the unsorted bin (2.41). */
  readonly smallChunksSkipUnsorted: boolean;
  /** Whether what memalign cuts off is merged at once, past tcache and fast bins, however little follows (2.39). */
  readonly memalignMergesRests: boolean;
  /** Whether memalign looks through the tcache bin for a chunk that is aligned enough (2.38). */
  readonly memalignUsesTcache: boolean;
  /** Whether realloc returns at once when the request fits the block with little to spare (2.41). */
  readonly reallocKeepsWhatFits: boolean;
  /**
   * What of the first megabyte that is mapped where the break is stuck: it is the least that is mapped; or (since 2.35, which
   * passes the two sizes in the wrong order) the first piece is a multiple of it and later ones are as small as they can be.
   */
  readonly fallbackMegabyte: "least" | "unit";
  /** Words of `heap_info`: the page size was added in 2.35. */
  readonly heapInfoWords: 4 | 5;
  /** Whether `mallopt` takes any mmap threshold (2.35), or only up to half a heap. */
  readonly anyMmapThreshold: boolean;
  /** Whether a thread keeps the arena that it was given, or tries the arenas in turn at each contended malloc (2.12). */
  readonly arenaChoice: "attached" | "ring";
  /** Whether the express code is this version's. */
  readonly express: boolean;
  /** How a failed assertion is worded. */
  readonly assertions: "function" | "line" | "old";
}

const glibc236: Profile = {
  name: "glibc-2.36",
  alignTo16: true,
  tcache: true,
  tcacheKey: "word",
  safeLinking: true,
  tcacheWalkIsCounted: true,
  callocUsesTcache: false,
  smallChunksSkipUnsorted: false,
  memalignMergesRests: false,
  reallocKeepsWhatFits: false,
  fallbackMegabyte: "unit",
  memalignUsesTcache: false,
  heapInfoWords: 5,
  anyMmapThreshold: true,
  arenaChoice: "attached",
  express: true,
  assertions: "function",
};

const glibc231: Profile = {
  ...glibc236,
  name: "glibc-2.31",
  tcacheKey: "cache",
  safeLinking: false,
  tcacheWalkIsCounted: false,
  fallbackMegabyte: "least",
  heapInfoWords: 4,
  express: false,
  anyMmapThreshold: false,
  assertions: "old",
};

const glibc241: Profile = {
  ...glibc236,
  name: "glibc-2.41",
  callocUsesTcache: true,
  smallChunksSkipUnsorted: true,
  memalignMergesRests: true,
  reallocKeepsWhatFits: true,
  fallbackMegabyte: "least",
  memalignUsesTcache: true,
  express: false,
  assertions: "line",
};

const ptmalloc212: Profile = {
  ...glibc231,
  name: "ptmalloc-2.12",
  alignTo16: false,
  tcache: false,
  arenaChoice: "ring",
};

/** Every profile by its name. The first three are held against the real library; of the last there is no oracle. */
export const profiles: Readonly<Record<ProfileName, Profile>> = {
  "glibc-2.36": glibc236,
  "glibc-2.31": glibc231,
  "glibc-2.41": glibc241,
  "ptmalloc-2.12": ptmalloc212,
};
