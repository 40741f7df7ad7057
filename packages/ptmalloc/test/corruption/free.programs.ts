/* What free finds, of the block it is given and of its neighbours. */
import type { Program } from "./program.ts";

const POINTER = "free(): invalid pointer";
const SIZE = "free(): invalid size";
const DOUBLE_TCACHE = "free(): double free detected in tcache 2";
const NEXT_FAST = "free(): invalid next size (fast)";
const NEXT = "free(): invalid next size (normal)";
const FASTTOP = "double free or corruption (fasttop)";
const ENTRY = "invalid fastbin entry (free)";
const TOP = "double free or corruption (top)";
const OUT = "double free or corruption (out)";
const PREV = "double free or corruption (!prev)";
const CONSOLIDATING = "corrupted size vs. prev_size while consolidating";
const UNSORTED = "free(): corrupted unsorted chunks";
const MUNMAP = "munmap_chunk(): invalid pointer";

const PAIR = "a = A(0x440); g = A(0x20);";
const FAST = "hold(0x20); a = A(0x20); g = A(0x20); fill();";

export const freePrograms: readonly Program[] = [
  ["m1_munmap", MUNMAP, "a = A(0x20); a.size |= 2; free(a)"],
  ["m1_munmap_total", MUNMAP, "a = malloc(0x40000); a.size += 0x10; free(a)"],
  // A forged header whose numbers cover the mapping exactly, at an offset in the page that no memalign gives.
  [
    "m1_munmap_pow2",
    MUNMAP,
    `a = malloc(0x40000); x = a + 0x20; n = (a.size & ~7) - 0x20;
     x.prev_size = 0x20; x.size = n | 2; free(x)`,
  ],
  [
    "pass_munmap_pow2",
    "",
    `a = malloc(0x40000); x = a + 0x30; n = (a.size & ~7) - 0x30;
     x.prev_size = 0x30; x.size = n | 2; free(x)`,
  ],

  [
    "t3_too_many",
    "free(): too many chunks detected in tcache",
    "a = A(0x20); e = A(0x20); free(a); e[1] = a[1]; a[0] = mangle(a, a); free(e)",
  ],
  [
    "t4_unaligned",
    "free(): unaligned chunk detected in tcache 2",
    "a = A(0x20); e = A(0x20); free(a); e[1] = a[1]; a[0] = mangle(a, a + 8); free(e)",
  ],
  ["t5_double", DOUBLE_TCACHE, "a = A(0x20); free(a); free(a)"],
  ["t5_double_large", DOUBLE_TCACHE, "a = A(0x400); g = A(0x20); free(a); free(a)"],
  [
    "t5_double_7",
    DOUBLE_TCACHE,
    `a = A(0x20); b = A(0x20); c = A(0x20); d = A(0x20); e = A(0x20); f = A(0x20); g = A(0x20);
     free(a); free(b); free(c); free(d); free(e); free(f); free(g); free(a)`,
  ],

  ["fr1_misaligned", POINTER, "a = A(0x40); x = a + 8; x.size = 0x21; free(x)"],
  ["fr1_wrap", POINTER, "a = A(0x40); a.size = -15; free(a)"],
  ["fr1_size0", POINTER, "a = A(0x40); a.size = 1; free(a)"],
  ["fr2_small", SIZE, "a = A(0x40); a.size = 2 * W + 1; free(a)"],
  ["fr2_small_word", SIZE, "a = A(0x40); a.size = 9; free(a)"],
  ["fr2_unaligned", SIZE, "a = A(0x40); a.size = 0x29; free(a)"],

  ["fn1_small", NEXT_FAST, `${FAST} g.size = 1; free(a)`],
  ["fn1_big", NEXT_FAST, `${FAST} g.size = SYSMEM | 1; free(a)`],
  ["fn1_mt", NEXT_FAST, `on(1) {} ${FAST} g.size = 1; free(a)`],
  ["bd_fast_next_0x10", NEXT_FAST, `${FAST} g.size = 2 * W; free(a)`],
  ["bd_fast_next_0x11", "", `${FAST} g.size = 2 * W + 1; free(a)`],
  ["bd_fast_next_sysmem", NEXT_FAST, `${FAST} g.size = SYSMEM; free(a)`],
  ["bd_fast_next_sysmem_less", "", `${FAST} g.size = SYSMEM - 0x10; free(a)`],
  ["ff1_fasttop", FASTTOP, `${FAST} free(a); free(a)`],
  ["ff1_fasttop_mt", FASTTOP, `on(1) {} ${FAST} free(a); free(a)`],
  ["pass_fast_aba", "", "hold(0x20); a = A(0x20); b = A(0x20); fill(); free(a); free(b); free(a)"],
  [
    "ff2_invalid_entry",
    ENTRY,
    "hold(0x20); x = A(0x20); b = A(0x60); g = A(0x20); fill(); free(x); x.size = 0x31; realloc(b, 0x38)",
  ],
  ["ff2_memalign", ENTRY, "hold(0x20); x = A(0x20); fill(); free(x); x.size = 0x31; memalign(0x40, 0x100)"],

  ["fl1_top", TOP, "a = A(0x440); free(a); free(a)"],
  ["fl1_top_forged", TOP, "a = A(0x440); t = a + 0x440; t.size = 0x441; free(t)"],
  ["fl2_out", OUT, `${PAIR} a.size = 0x100001; free(a)`],
  ["bd_free_out_eq_topend", OUT, `${PAIR} a.size = (sbrk(0) - a + 2 * W) | 1; free(a)`],
  ["fl3_prev", PREV, `${PAIR} free(a); free(a)`],
  ["bd_norm_noprev_before_size", PREV, `${PAIR} g.size = 0; free(a)`],
  ["fl4_small", NEXT, `${PAIR} g.size = 1; free(a)`],
  ["fl4_big", NEXT, `${PAIR} g.size = SYSMEM | 1; free(a)`],
  ["bd_norm_next_0xf", NEXT, `${PAIR} g.size = 2 * W - 1; free(a)`],
  [
    "bd_norm_next_0x11",
    "",
    `${PAIR} g.size = 2 * W + 1; at(g - 2 * W + W) = 2 * W + 1; at(g + W) = 1; free(a)`,
  ],
  ["bd_norm_next_sysmem", NEXT, `${PAIR} g.size = SYSMEM | 1; free(a)`],
  [
    "fl5_while_consolidating",
    CONSOLIDATING,
    "a = A(0x440); b = A(0x440); g = A(0x20); b.prev_size = 0x430; b.size &= ~1; free(b)",
  ],
  [
    "bd_backward_consolidation",
    CONSOLIDATING,
    "a = A(0x440); b = A(0x440); g = A(0x20); free(a); b.prev_size = 0x430; free(b)",
  ],
  [
    "fl6_unsorted",
    UNSORTED,
    "a = A(0x440); g = A(0x20); b = A(0x440); h = A(0x20); free(a); a.bk = Z; free(b)",
  ],

  ["pass_tcache_next_size_0", "", "a = A(0x20); g = A(0x20); g.size = 0; if64 { free(a); }"],
];
