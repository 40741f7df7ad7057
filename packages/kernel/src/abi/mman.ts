/**
 * The numbers of `<sys/mman.h>`, as Linux on x86 has them.
 */

/** Protection bits of mmap(2) and mprotect(2). `SEM`, `GROWSDOWN` and `GROWSUP` are accepted by mprotect alone. */
export const Prot = {
  /** No access. */
  NONE: 0,
  /** Loads. */
  READ: 1,
  /** Stores; on x86 also loads. */
  WRITE: 2,
  /** Execution. */
  EXEC: 4,
  /** Accepted and without effect on x86. */
  SEM: 8,
  /** Change from the start of an area that grows down. */
  GROWSDOWN: 0x0100_0000,
  /** Change to the end of an area that grows up; x86 has none. */
  GROWSUP: 0x0200_0000,
} as const;

/** Flags of mmap(2). `TYPE` masks the part that says private or shared. */
export const MapFlag = {
  /** Stores are seen by all who map the object. */
  SHARED: 1,
  /** Stores make copies of one's own. */
  PRIVATE: 2,
  /** As SHARED, and unknown flags are refused. */
  SHARED_VALIDATE: 3,
  /** Private, and may be dropped under pressure. */
  DROPPABLE: 8,
  /** Masks the part that says private or shared. */
  TYPE: 0xf,
  /** At that very address, replacing what is there. */
  FIXED: 0x10,
  /** No file: zeros. */
  ANONYMOUS: 0x20,
  /** Grows downwards when touched below, as a stack does. */
  GROWSDOWN: 0x100,
  /** Faulted in and kept in memory. */
  LOCKED: 0x2000,
  /** Not charged against the commit limit. */
  NORESERVE: 0x4000,
  /** Faulted in at once. */
  POPULATE: 0x8000,
  /** Takes POPULATE back. */
  NONBLOCK: 0x1_0000,
  /** Never of huge pages. */
  STACK: 0x2_0000,
  /** Of huge pages from a pool, which is empty here (and so is refused, even with NORESERVE, where Linux refuses the access). */
  HUGETLB: 0x4_0000,
  /** Synchronous faults; no file here offers that. */
  SYNC: 0x8_0000,
  /** At that very address, unless something is there. */
  FIXED_NOREPLACE: 0x10_0000,
} as const;

/** Flags of mremap(2). */
export const MremapFlag = {
  /** The mapping may move. */
  MAYMOVE: 1,
  /** To that very address, replacing what is there. */
  FIXED: 2,
  /** The old mapping stays, empty. */
  DONTUNMAP: 4,
} as const;

/** Flags of msync(2). */
export const MsyncFlag = {
  /** Only checks the range. */
  ASYNC: 1,
  /** Fails on locked memory. */
  INVALIDATE: 2,
  /** Writes back, and waits for it. */
  SYNC: 4,
} as const;

/** Flags of mlock2(2). */
export const MlockFlag = {
  /** Pages are locked as they are touched, not faulted in. */
  ONFAULT: 1,
} as const;

/** Advice of madvise(2). */
export const Madvise = {
  /** No special treatment. */
  NORMAL: 0,
  /** Accesses come in no order. */
  RANDOM: 1,
  /** Accesses come in order. */
  SEQUENTIAL: 2,
  /** Accesses come soon. */
  WILLNEED: 3,
  /** The pages go; the area stays. */
  DONTNEED: 4,
  /** The pages may go under pressure. */
  FREE: 8,
  /** The pages go from the object too. */
  REMOVE: 9,
  /** A child does not get the area. */
  DONTFORK: 10,
  /** A child gets the area. */
  DOFORK: 11,
  /** Equal pages may be merged; here only the mark. */
  MERGEABLE: 12,
  /** Takes MERGEABLE back. */
  UNMERGEABLE: 13,
  /** Huge pages may be used; here only the mark. */
  HUGEPAGE: 14,
  /** Huge pages must not be used; here only the mark. */
  NOHUGEPAGE: 15,
  /** Left out of core dumps. */
  DONTDUMP: 16,
  /** Takes DONTDUMP back. */
  DODUMP: 17,
  /** A child sees zeros. */
  WIPEONFORK: 18,
  /** Takes WIPEONFORK back. */
  KEEPONFORK: 19,
  /** The pages are the first to be reclaimed. */
  COLD: 20,
  /** The pages are reclaimed soon. */
  PAGEOUT: 21,
  /** Faults the pages in as loads do. */
  POPULATE_READ: 22,
  /** Faults the pages in as stores do. */
  POPULATE_WRITE: 23,
  /** As DONTNEED, locked memory too. */
  DONTNEED_LOCKED: 24,
  /** Touches of the pages are refused from now on. */
  GUARD_INSTALL: 102,
  /** Takes GUARD_INSTALL back. */
  GUARD_REMOVE: 103,
} as const;
