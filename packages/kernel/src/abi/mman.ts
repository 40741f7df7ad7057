/**
 * The numbers of `<sys/mman.h>`, as Linux on x86 has them.
 */

/** Protection bits of mmap(2) and mprotect(2). `SEM`, `GROWSDOWN` and `GROWSUP` are accepted by mprotect alone. */
export const Prot = {
  NONE: 0,
  READ: 1,
  WRITE: 2,
  EXEC: 4,
  SEM: 8,
  GROWSDOWN: 0x0100_0000,
  GROWSUP: 0x0200_0000,
} as const;

/** Flags of mmap(2). `TYPE` masks the part that says private or shared. */
export const MapFlag = {
  SHARED: 1,
  PRIVATE: 2,
  SHARED_VALIDATE: 3,
  DROPPABLE: 8,
  TYPE: 0xf,
  FIXED: 0x10,
  ANONYMOUS: 0x20,
  GROWSDOWN: 0x100,
  LOCKED: 0x2000,
  NORESERVE: 0x4000,
  POPULATE: 0x8000,
  NONBLOCK: 0x1_0000,
  STACK: 0x2_0000,
  HUGETLB: 0x4_0000,
  SYNC: 0x8_0000,
  FIXED_NOREPLACE: 0x10_0000,
} as const;

/** Flags of mremap(2). */
export const MremapFlag = { MAYMOVE: 1, FIXED: 2, DONTUNMAP: 4 } as const;

/** Flags of msync(2). */
export const MsyncFlag = { ASYNC: 1, INVALIDATE: 2, SYNC: 4 } as const;

/** Flags of mlock2(2). */
export const MlockFlag = { ONFAULT: 1 } as const;

/** Advice of madvise(2). */
export const Madvise = {
  NORMAL: 0,
  RANDOM: 1,
  SEQUENTIAL: 2,
  WILLNEED: 3,
  DONTNEED: 4,
  FREE: 8,
  REMOVE: 9,
  DONTFORK: 10,
  DOFORK: 11,
  MERGEABLE: 12,
  UNMERGEABLE: 13,
  HUGEPAGE: 14,
  NOHUGEPAGE: 15,
  DONTDUMP: 16,
  DODUMP: 17,
  WIPEONFORK: 18,
  KEEPONFORK: 19,
  COLD: 20,
  PAGEOUT: 21,
  POPULATE_READ: 22,
  POPULATE_WRITE: 23,
  DONTNEED_LOCKED: 24,
  GUARD_INSTALL: 102,
  GUARD_REMOVE: 103,
} as const;
