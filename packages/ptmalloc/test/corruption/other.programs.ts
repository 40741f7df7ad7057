/* realloc, consolidation, growing the heap, statistics, and the end of a thread. */
import type { Program } from "./program.ts";

const BREAK = "break adjusted to free malloc space";
const MREMAP = "mremap_chunk(): invalid pointer";
const POINTER = "realloc(): invalid pointer";
const OLD = "realloc(): invalid old size";
const NEXT = "realloc(): invalid next size";
const CONSOLIDATE = "malloc_consolidate(): unaligned fastbin chunk detected";
const CONSOLIDATE_SIZE = "malloc_consolidate(): invalid chunk size";
const CONSOLIDATE_PREV = "corrupted size vs. prev_size in fastbins";
const INFO = "int_mallinfo(): unaligned fastbin chunk detected";

/** A fast bin that holds b, then a chunk that is not aligned. */
const BAD = "fill(); free(a); free(b); b.fd = mangle(b, a - 2 * W + 8);";
const BAD_FAST = `hold(0x20); a = A(0x20); b = A(0x20); ${BAD}`;

export const otherPrograms: readonly Program[] = [
  ["s1_brk_sbrk", BREAK, "A(0x10000); sbrk(-0x1000); A(0x18000)"],
  ["s1_brk_topsize", BREAK, "a = A(0x10000); t = a + 0x10000; t.size += 0x1000; A(0x18000)"],

  ["m2_mremap", MREMAP, "a = A(0x20); a.size |= 2; realloc(a, 100)"],
  ["m2_mremap_real", MREMAP, "a = malloc(0x40000); a.size += 0x10; realloc(a, 0x50000)"],
  ["r1_misaligned", POINTER, "a = A(0x40); x = a + 8; x.size = 0x21; realloc(x, 0x100)"],
  ["r1_wrap", POINTER, "a = A(0x40); a.size = -15; realloc(a, 0x100)"],
  ["r1_size0", POINTER, "a = A(0x40); a.size = 1; realloc(a, 0x100)"],
  ["r2_old_small", OLD, "a = A(0x60); a.size = 8; realloc(a, 0x100)"],
  ["r2_old_big", OLD, "a = A(0x60); a.size = 0x200001; realloc(a, 0x100)"],
  ["bd_realloc_old_sysmem", OLD, "a = A(0x60); a.size = SYSMEM | 1; realloc(a, 0x100)"],
  [
    "bd_realloc_old_0x11",
    "free(): invalid size",
    "a = A(0x60); a.size = 2 * W + 1; at(a - W + 2 * W) = 0x41; realloc(a, 0x100)",
  ],
  ["r3_next_small", NEXT, "a = A(0x60); g = A(0x20); g.size = 1; realloc(a, 0x100)"],
  ["r3_next_big", NEXT, "a = A(0x60); g = A(0x20); g.size = 0x200001; realloc(a, 0x100)"],
  ["bd_realloc_next_sysmem", NEXT, "a = A(0x60); g = A(0x20); g.size = SYSMEM | 1; realloc(a, 0x100)"],
  ["bd_realloc_shrink_checks_next", NEXT, "a = A(0x60); g = A(0x20); g.size = 1; realloc(a, 0x20)"],
  ["pass_realloc_cached", "", "a = A(0x60); g = A(0x20); free(a); realloc(a, 0x20)"],

  ["mc1_malloc", CONSOLIDATE, `${BAD_FAST} A(0x500)`],
  ["mc1_trim", CONSOLIDATE, `${BAD_FAST} trim(0)`],
  ["mc1_mallopt", CONSOLIDATE, `${BAD_FAST} mallopt(-2, 0x20000)`],
  [
    "mc1_bigfree",
    CONSOLIDATE,
    `hold(0x20); a = A(0x20); b = A(0x20); c = A(0x11000); g = A(0x20); ${BAD} free(c)`,
  ],
  [
    "mc1_topexhaust",
    CONSOLIDATE,
    `hold(0x20); a = A(0x20); b = A(0x20); c = A((sbrk(0) - b - 0x120) & ~0xf); ${BAD} C(0x200)`,
  ],
  [
    "mc2_size",
    CONSOLIDATE_SIZE,
    "hold(0x20); a = A(0x20); b = A(0x20); fill(); free(a); a.size = 0x31; A(0x500)",
  ],
  [
    "bd_consolidate_aba",
    CONSOLIDATE_SIZE,
    "hold(0x20); a = A(0x20); b = A(0x20); g = A(0x20); fill(); free(a); free(b); free(a); A(0x500)",
  ],
  [
    "mc3_prev_size",
    CONSOLIDATE_PREV,
    `hold(0x20); a = A(0x20); b = A(0x20); g = A(0x20); fill(); free(b);
     b.prev_size = 0x30; b.size = 0x20; A(0x500)`,
  ],
  ["mi1_mallinfo2", INFO, `${BAD_FAST} mallinfo()`],
  ["mi1_malloc_stats", INFO, `${BAD_FAST} stats()`],
  ["mi2_malloc_info", "__malloc_info(): unaligned fastbin chunk detected", `${BAD_FAST} info()`],

  [
    "t2_shutdown",
    "tcache_thread_shutdown(): unaligned tcache chunk detected",
    "on(1) { a = A(0x20); b = A(0x20); free(a); free(b); b[0] = mangle(b, a + 8); } end(1)",
  ],

  // What the calls return.
  ["bd_usable_unsorted", "", "a = A(0x440); g = A(0x20); free(a); expect(usable(a), 0)"],
  ["bd_usable_tcache", "", "a = A(0x400); free(a); g = A(0x20); if64 { expect(usable(A(0x40)), 0x38); }"],
  [
    "bd_mallopt_mxfast",
    "",
    "expect(mallopt(1, 20 * W), 1); expect(mallopt(1, 20 * W + 1), 0); expect(mallopt(1, -1), 0); expect(mallopt(77, 1), 1)",
  ],
  [
    "bd_too_large",
    "",
    "a = A(0x40); expect(malloc(-1), 0); expect(calloc(-1, 2), 0); expect(realloc(a, -1), 0); free(a)",
  ],
  [
    "bd_usable_of_size",
    "",
    "expect(usable(malloc(0)), 4 * W - W); expect(usable(malloc(0x40000)) & 0xfff, 0xff0)",
  ],
];
