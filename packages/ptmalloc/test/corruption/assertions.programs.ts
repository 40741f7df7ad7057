/* The assertions that are compiled into the library. The text is what follows "malloc assertion failure in ". */
import type { Program } from "./program.ts";

const TOP =
  "sysmalloc: (old_top == initial_top (av) && old_size == 0) || ((unsigned long) (old_size) >= MINSIZE && prev_inuse (old_top) && ((unsigned long) old_end & (pagesize - 1)) == 0)";
const MAIN = "&main_arena == arena_for_chunk (mem2chunk";
const victim = (where: string, arena: string): string =>
  `${where}: !victim || chunk_is_mmapped (mem2chunk (victim)) || ${arena} == arena_for_chunk (mem2chunk (victim))`;
const newp =
  "__libc_realloc: !newp || chunk_is_mmapped (mem2chunk (newp)) || ar_ptr == arena_for_chunk (mem2chunk (newp))";

/** A thread arena of two heaps: the first one filled with n chunks (a0 and a the last two), b alone in the second. */
const TWO_HEAPS = `if64 { n = 583; } if32 { n = 7; }
  repeat(n) { A(0x1c010); } a0 = A(0x1c010); a = A(0x1c010); b = A(0x1c010);
  h = a & ~(HEAP - 1); end = h + at(h + 2 * W);
  if64 { fence = end - 0x20 + 2 * W; last = end - 8; } if32 { fence = end - 0x18 + 2 * W; last = end - 12; }`;
/** The page of a heap header below the heap, in memory that the program may read. */
const BELOW = "sbrk(HEAP);";
/** A small-bin chunk a that memalign(0x40, 0x28) takes, its user address d bytes past a multiple of 0x40. */
const memalignChunk = (past: number): string =>
  `if64 { n = 0xa0; } if32 { n = 0x90; } hold(n); d = A(0x20);
   A(0x80 - ((d + 0x20) & 0x3f) + ${past}); a = A(n); g = A(0x20); fill(); free(a); A(0x500);`;

export const assertionPrograms: readonly Program[] = [
  ["s2_top_unaligned", TOP, "a = A(0x10000); t = a + 0x10000; t.size -= 0x10; A(0x18000)"],
  ["s2_top_prev", TOP, "a = A(0x10000); t = a + 0x10000; t.size &= ~1; A(0x18000)"],
  ["s2_top_small", TOP, "a = A(0x40); t = a + 0x40; t.size = 9; A(0x100)"],
  [
    "s4_noncontig_align",
    "sysmalloc: ((unsigned long) chunk2mem (brk) & MALLOC_ALIGN_MASK) == 0",
    `A(0x1000); p = map(sbrk(0), 0x1000); repeat(6) { A(0x10000); } unmap(p, 0x1000); sbrk(W);
     repeat(40) { A(0x10000); }`,
  ],
  [
    "r4_assert_newsize",
    "_int_realloc: (unsigned long) (newsize) >= (unsigned long) (nb)",
    `hold(0xd0); a = A(0x90); b = A(0xd0); g = A(0x20); fill(); free(b); A(0x500);
     b.size = 0x21; realloc(a, 0xc8)`,
  ],
  [
    "la1_assert_last",
    "_int_malloc: chunk_main_arena (bck->bk)",
    "a = A(0x450); g = A(0x20); b = A(0x440); h = A(0x20); free(a); A(0x500); a.size |= 4; free(b); A(0x500)",
  ],
  [
    "la2_assert_first",
    "_int_malloc: chunk_main_arena (fwd)",
    `a = A(0x470); g = A(0x20); b = A(0x440); h = A(0x20); c = A(0x450); k = A(0x20);
     free(a); free(b); A(0x500); a.size |= 4; free(c); A(0x500)`,
  ],
  [
    "la3_assert_mid",
    "_int_malloc: chunk_main_arena (fwd)",
    `a = A(0x470); g = A(0x20); d = A(0x460); l = A(0x20); b = A(0x440); h = A(0x20); c = A(0x450); k = A(0x20);
     free(a); free(d); free(b); A(0x500); d.size |= 4; free(c); A(0x500)`,
  ],
  [
    "ma1_assert_size",
    "_int_malloc: (unsigned long) (size) >= (unsigned long) (nb)",
    "a = A(0x440); g = A(0x20); free(a); A(0x500); a.size = 0x21; A(0x420)",
  ],
  [
    "as_malloc_arena",
    victim("__libc_malloc", "&main_arena"),
    `${BELOW} hold(0x20); a = A(0x20); g = A(0x20); fill(); free(a); drain(); a.size |= 4; A(0x20)`,
  ],
  [
    "as_malloc_arena_mt",
    victim("__libc_malloc", "ar_ptr"),
    `${BELOW} on(1) {} hold(0x20); a = A(0x20); g = A(0x20); fill(); free(a); drain(); a.size |= 4; A(0x20)`,
  ],
  [
    "as_calloc_arena",
    "__libc_calloc: !mem || chunk_is_mmapped (mem2chunk (mem)) || av == arena_for_chunk (mem2chunk (mem))",
    `${BELOW} hold(0x20); a = A(0x20); g = A(0x20); fill(); free(a); a.size |= 4; C(0x20)`,
  ],
  [
    "as_calloc_nclears",
    "__libc_calloc: nclears >= 3",
    "hold(0x90); a = A(0x90); g = A(0x20); fill(); free(a); A(0x500); a.size = 9; C(0x90)",
  ],
  [
    "as_realloc_arena",
    newp,
    `${BELOW} hold(0x30); a = A(0x20); h = A(0x20); x = A(0x30); g = A(0x20); fill(); free(x); x.size |= 4; realloc(a, 0x28)`,
  ],
  [
    "as_realloc_arena_mt",
    newp,
    `${BELOW} on(1) {} hold(0x30); a = A(0x20); h = A(0x20); x = A(0x30); g = A(0x20); fill(); free(x); x.size |= 4;
     realloc(a, 0x28)`,
  ],
  [
    "as_memalign_arena",
    `_mid_memalign: !p || chunk_is_mmapped (mem2chunk (p)) || ${MAIN} (p))`,
    `${BELOW} ${memalignChunk(0)} a.size |= 4; memalign(0x40, 0x28)`,
  ],
  [
    "as_memalign_arena_mt",
    "_mid_memalign: !p || chunk_is_mmapped (mem2chunk (p)) || ar_ptr == arena_for_chunk (mem2chunk (p))",
    `${BELOW} on(1) {} ${memalignChunk(0)} a.size |= 4; memalign(0x40, 0x28)`,
  ],
  [
    "as_memalign_newsize",
    "_int_memalign: newsize >= nb && (((unsigned long) (chunk2mem (p))) % alignment) == 0",
    `${memalignChunk(0x10)} a.size = 0x51; memalign(0x40, 0x28)`,
  ],
  [
    "as_mtrim",
    "mtrim: (char *) p + size > paligned_mem",
    "a = A(0x440); g = A(0x20); free(a); a.size = -15; trim(0)",
  ],

  // Thread arenas.
  [
    "ar1_heap_arptr",
    "_int_free: heap->ar_ptr == av",
    `on(1) { ${TWO_HEAPS} at(b & ~(HEAP - 1)) = Z; free(a); }`,
  ],
  [
    "ar2_fencepost",
    "heap_trim: chunksize_nomask (p) == (0 | PREV_INUSE)",
    `on(1) { ${TWO_HEAPS} at(last) = 0x11; free(b); }`,
  ],
  [
    "ar3_newsize",
    "heap_trim: new_size > 0 && new_size < (long) (2 * MINSIZE)",
    `on(1) { ${TWO_HEAPS} fence.size = 0x101; free(b); }`,
  ],
  [
    "ar4_newsize_max",
    "heap_trim: new_size > 0 && new_size < max_size",
    `on(1) { ${TWO_HEAPS} fence.size &= ~1; fence.prev_size = HEAP + 0x1000; free(b); }`,
  ],
  [
    "ar5_unlink_size",
    "corrupted size vs. prev_size",
    `on(1) { ${TWO_HEAPS} free(a); free(a0); a0.size += 0x10; free(b); }`,
  ],
  [
    "ar5_unlink_list",
    "corrupted double-linked list",
    `on(1) { ${TWO_HEAPS} free(a); free(a0); a0.fd = Z; free(b); }`,
  ],
  [
    "ar6_pagealign",
    "heap_trim: ((unsigned long) ((char *) p + new_size) & (heap->pagesize - 1)) == 0",
    `on(1) { ${TWO_HEAPS} free(a); free(a0); if64 { fence.size = 0x20; } if32 { fence.size = 0; } free(b); }`,
  ],
  [
    "ar6b_end",
    "heap_trim: ((char *) p + new_size) == ((char *) heap + heap->size)",
    `on(1) { ${TWO_HEAPS} free(a); free(a0); if64 { fence.size = 0x20; } if32 { fence.size = 0; }
     at(h + 4 * W) = 1; free(b); }`,
  ],
  [
    "ar7_attached_exit",
    "__malloc_arena_thread_freeres: a->attached_threads > 0",
    "on(1) { a = A(0x20); arena = at(a & ~(HEAP - 1)); at(arena + ATTACHED) = 0; } end(1)",
  ],
  [
    "ar8_attached_freelist",
    "get_free_list: result->attached_threads == 0",
    `on(1) { a = A(0x20); arena = at(a & ~(HEAP - 1)); } end(1); at(arena + ATTACHED) = 1;
     on(2) { A(0x20); }`,
  ],
  [
    "ar9_detach",
    "detach_arena: replaced_arena->attached_threads > 0",
    `on(1) { A(0x20); } a = A(0x440); g = A(0x20); free(a); arena = a.fd - TOP; at(arena + ATTACHED) = 0;
     if64 { malloc(1 << 46); } if32 { malloc(0x7fff0000); }`,
  ],
];
