/* What malloc and calloc find in the structures that they take chunks from. */
import type { Program } from "./program.ts";

const TCACHE = "malloc(): unaligned tcache chunk detected";
const FAST = "malloc(): unaligned fastbin chunk detected";
const FAST_SIZE = "malloc(): memory corruption (fast)";
const SMALL = "malloc(): smallbin double linked list corrupted";
const UNSORTED_SIZE = "malloc(): invalid size (unsorted)";
const UNSORTED_NEXT = "malloc(): invalid next size (unsorted)";
const UNSORTED_PREV = "malloc(): mismatching next->prev_size (unsorted)";
const UNSORTED_LIST = "malloc(): unsorted double linked list corrupted";
const UNSORTED_INUSE = "malloc(): invalid next->prev_inuse (unsorted)";
const LARGE_NEXTSIZE = "malloc(): largebin double linked list corrupted (nextsize)";
const LARGE_BK = "malloc(): largebin double linked list corrupted (bk)";
const SPLIT_LARGE = "malloc(): corrupted unsorted chunks";
const SPLIT_SCAN = "malloc(): corrupted unsorted chunks 2";
const TOP_SIZE = "malloc(): corrupted top size";

/** A free chunk in the unsorted bin. */
const UNSORTED = "a = A(0x440); g = A(0x20); free(a);";
/** A fast bin that holds b, then a, and the tcache bin full. */
const FASTBIN = "hold(0x20); a = A(0x20); b = A(0x20); fill(); free(a); free(b);";
const BAD_FD = "b.fd = mangle(b, a - 2 * W + 8);";
/** A small bin that holds a, and the tcache bin full. */
const SMALLBIN = "hold(0x90); a = A(0x90); g = A(0x20); fill(); free(a); A(0x500);";
const MANY = `first = A(0x470); A(0x20); repeat(10000) { last = A(0x470); A(0x20); }
  repeat(10001) { free(first + i * 0x490); } last.bk = Z;`;

export const mallocPrograms: readonly Program[] = [
  [
    "t1_get_next",
    TCACHE,
    "a = A(0x20); b = A(0x20); free(a); free(b); b[0] = mangle(b, a + 8); A(0x20); A(0x20)",
  ],
  // The count alone decides whether the tcache serves, even when it is switched off.
  [
    "t1_get_entries",
    TCACHE,
    "a = A(0x20); t = (a & ~0xfff) + 0x10; at(t) |= 1; at(t + 0x80) = a + 8; malloc(8)",
  ],
  // The second chunk of the unsorted list is a forged one inside b; both are cached, and the last one is handed out.
  [
    "t1_return_cached",
    TCACHE,
    `hold(0x100); a = A(0x100); g = A(0x20); b = A(0x300); h = A(0x20); fill(); free(a); drain();
     u = a.fd; x = b + 0x48; x.size = 0x101; x.fd = a - 2 * W; x.bk = u;
     at(x - 2 * W + 0x100) = 0x100; at(x - W + 0x100) = 0x20;
     a.bk = x - 2 * W; at(u + 2 * W) = x - 2 * W; A(0x100)`,
  ],

  ["f1_mt", FAST, `on(1) {} ${FASTBIN} ${BAD_FD} C(0x20)`],
  [
    "f1_mt_stash",
    FAST,
    `on(1) {} hold(0x20); a = A(0x20); b = A(0x20); c = A(0x20); fill(); free(a); free(b); free(c); drain();
     ${BAD_FD} A(0x20); A(0x20)`,
  ],
  ["f2", `${FAST} 2`, `${FASTBIN} ${BAD_FD} C(0x20); C(0x20)`],
  [
    "f3_memory_corruption_fast",
    FAST_SIZE,
    "hold(0x20); a = A(0x20); fill(); free(a); a.size = 0x31; C(0x20)",
  ],
  ["f4_stash", `${FAST} 3`, `${FASTBIN} drain(); ${BAD_FD} A(0x20)`],

  ["sb1", SMALL, `${SMALLBIN} a.bk = Z; C(0x90)`],

  ["un1_small", UNSORTED_SIZE, `${UNSORTED} a.size = W + 1; A(0x500)`],
  ["un1_small_eq", UNSORTED_SIZE, `${UNSORTED} a.size = 2 * W + 1; A(0x500)`],
  ["un1_big", UNSORTED_SIZE, `${UNSORTED} a.size = 0x200001; A(0x500)`],
  ["un2_small", UNSORTED_NEXT, `${UNSORTED} g.size = 1; A(0x500)`],
  ["un2_big", UNSORTED_NEXT, `${UNSORTED} g.size = 0x200000; A(0x500)`],
  ["bd_uns_next_0xf", UNSORTED_NEXT, `${UNSORTED} g.size = 2 * W - 1; A(0x500)`],
  ["bd_uns_next_0x10", "", `${UNSORTED} g.size = 2 * W; A(0x500)`],
  ["bd_uns_next_sysmem", "", `${UNSORTED} g.size = SYSMEM; A(0x500)`],
  ["bd_uns_next_sysmem_plus1", UNSORTED_NEXT, `${UNSORTED} g.size = SYSMEM + 1; A(0x500)`],
  ["un3_prev_size", UNSORTED_PREV, `${UNSORTED} g.prev_size = 0x450; A(0x500)`],
  ["un3_size", UNSORTED_PREV, `${UNSORTED} a.size = 0x451; at(a + 0x450 - W) = 0x20; A(0x500)`],
  ["bd_uns_prev_size_low_bits", "", `${UNSORTED} g.prev_size |= 7; A(0x500)`],
  ["un4_fd", UNSORTED_LIST, `${UNSORTED} a.fd = Z; A(0x500)`],
  ["un4_bk", UNSORTED_LIST, `${UNSORTED} a.bk = Z; A(0x500)`],
  ["un5_prev_inuse", UNSORTED_INUSE, `${UNSORTED} g.size |= 1; A(0x500)`],
  // The order of the tests: with everything wrong, the first one speaks.
  ["un_order_size", UNSORTED_SIZE, `${UNSORTED} a.size = 0x200001; a.bk = Z; g.size = 1; A(0x500)`],
  ["un_order_next", UNSORTED_NEXT, `${UNSORTED} a.bk = Z; g.size = 1; g.prev_size = 0; A(0x500)`],
  ["un_order_prev", UNSORTED_PREV, `${UNSORTED} a.bk = Z; g.size |= 1; g.prev_size = 0; A(0x500)`],
  ["un_order_list", UNSORTED_LIST, `${UNSORTED} a.bk = Z; g.size |= 1; A(0x500)`],

  [
    "lb1_nextsize",
    LARGE_NEXTSIZE,
    `a = A(0x440); g = A(0x20); b = A(0x450); h = A(0x20); free(a); A(0x500);
     a.bk_nextsize = Z; free(b); A(0x500)`,
  ],
  [
    "lb2_bk",
    LARGE_BK,
    "a = A(0x440); g = A(0x20); b = A(0x450); h = A(0x20); free(a); A(0x500); a.bk = Z; free(b); A(0x500)",
  ],
  [
    "lb2_bk_equal",
    LARGE_BK,
    `a = A(0x440); g = A(0x20); b = A(0x440); h = A(0x20); c = A(0x440); k = A(0x20);
     free(a); free(b); A(0x500); b.bk = Z; free(c); A(0x500); free(A(0x440)); A(0x500)`,
  ],
  [
    "ms1_split_large",
    SPLIT_LARGE,
    "a = A(0x470); g = A(0x20); free(a); u = a.fd; A(0x500); at(u + 2 * W) = Z; A(0x440)",
  ],
  [
    "ms2_split_scan",
    SPLIT_SCAN,
    "a = A(0x470); g = A(0x20); free(a); u = a.fd; A(0x500); at(u + 2 * W) = Z; A(0x420)",
  ],
  ["ms1_split_large_10000", SPLIT_LARGE, `${MANY} A(0x440)`],
  ["ms2_split_scan_10000", SPLIT_SCAN, `${MANY} A(0x420)`],

  ["top1", TOP_SIZE, "a = A(0x40); t = a + 0x40; t.size = -1; A(0x30)"],
  ["bd_top_sysmem", "", "a = A(0x40); t = a + 0x40; t.size = SYSMEM | 1; A(0x30)"],
  ["bd_top_sysmem_plus", TOP_SIZE, "a = A(0x40); t = a + 0x40; t.size = (SYSMEM + 0x10) | 1; A(0x30)"],

  // What is not tested.
  [
    "pass_largebin_smallest",
    "",
    `a = A(0x450); g = A(0x20); b = A(0x440); h = A(0x20); free(a); A(0x500);
     a.bk_nextsize = Z; free(b); A(0x500); expect(at(Z + 4 * W), b - 2 * W)`,
  ],
  [
    "pass_stash_fake",
    "",
    `hold(0x90); a = A(0x90); g = A(0x20); b = A(0x90); h = A(0x20); fill(); free(a); free(b); A(0x500); drain();
     repeat(7) { at(Z + i * 0x200 + 3 * W) = Z + (i + 1) * 0x200; } b.bk = Z; expect(A(0x90), a)`,
  ],
  ["pass_small_nextsize_garbage", "", `${SMALLBIN} a[2] = 0x41414141; a[3] = 0x42424242; expect(C(0x90), a)`],
  // On i386 fast bins are 8 bytes apart, so there the size word 0x2b is of another bin.
  ["fast_size_0x2b", "", "hold(0x20); a = A(0x20); fill(); free(a); a.size = 0x2b; C(0x20)"],
  [
    "pass_key_changed",
    "",
    "a = A(0x20); free(a); a[1] ^= 1; free(a); expect(A(0x20), a); expect(A(0x20), a)",
  ],
  ["pass_other_bin", "", "a = A(0x20); A(0x20); free(a); a.size = 0x31; free(a); A(0x20); A(0x30)"],
  ["pass_key_copied", "", "a = A(0x20); e = A(0x20); free(a); e[1] = a[1]; free(e); A(0x20); A(0x20)"],
];
