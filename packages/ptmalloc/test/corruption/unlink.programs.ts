/* Corrupted links and boundary tags, met when a chunk leaves its bin. */
import type { Program } from "./program.ts";

const SIZE = "corrupted size vs. prev_size";
const LIST = "corrupted double-linked list";
const NEXTSIZE = "corrupted double-linked list (not small)";
const THREE = "a = A(0x440); b = A(0x440); g = A(0x20); free(b);";
const FAST = "hold(0x20); f = A(0x20); b = A(0x440); g = A(0x20); fill(); free(b); free(f);";

export const unlinkPrograms: readonly Program[] = [
  ["u1_free_fwd", SIZE, `${THREE} g.prev_size = 0x450; free(a)`],
  ["u1_malloc_large", SIZE, `${THREE} A(0x500); g.prev_size = 0x430; A(0x440)`],
  ["u1_malloc_scan", SIZE, `${THREE} A(0x500); g.prev_size = 0x430; A(0x420)`],
  ["u1_realloc", SIZE, `${THREE} g.prev_size = 0x430; realloc(a, 0x4f8)`],
  ["u1_consolidate", SIZE, `${FAST} g.prev_size = 0x430; A(0x500)`],

  ["u2_free_fwd_fd", LIST, `${THREE} b.fd = Z; free(a)`],
  ["u2_free_fwd_bk", LIST, `${THREE} b.bk = Z; free(a)`],
  ["u2_free_back", LIST, "a = A(0x440); b = A(0x440); g = A(0x20); free(a); a.fd = Z; free(b)"],
  ["u2_malloc_large", LIST, `${THREE} A(0x500); b.fd = Z; A(0x440)`],
  ["u2_malloc_scan", LIST, `${THREE} A(0x500); b.bk = Z; A(0x420)`],
  ["u2_realloc", LIST, `${THREE} b.fd = Z; realloc(a, 0x4f8)`],
  ["u2_consolidate", LIST, `${FAST} b.fd = Z; A(0x500)`],

  ["u3_free_fwd", NEXTSIZE, `${THREE} A(0x500); b.fd_nextsize = Z; free(a)`],
  ["u3_free_fwd_bkn", NEXTSIZE, `${THREE} A(0x500); b.bk_nextsize = Z; free(a)`],
  ["u3_unsorted", NEXTSIZE, `${THREE} b.fd_nextsize = Z; b.bk_nextsize = Z; free(a)`],
  [
    "u3_malloc_large",
    NEXTSIZE,
    `a = A(0x440); g = A(0x20); b = A(0x450); h = A(0x20); free(a); free(b); A(0x500);
     b.fd_nextsize = Z; A(0x450)`,
  ],
];
