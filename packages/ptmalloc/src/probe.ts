/*
 * The probe: a listener for the decisions that malloc takes. Without one, a decision costs one test of a field, and only
 * off the hottest paths.
 */

/**
 * What can be told. The names beginning with `memory_` are glibc's own SystemTap probes, with their arguments; the others
 * are decisions that glibc does not announce.
 *
 * | event | a | b | c |
 * |---|---|---|---|
 * | `serve_tcache`, `serve_fast`, `serve_small`, `serve_unsorted`, `serve_last_remainder`, `serve_large`, `serve_bin`, `serve_top`, `serve_mmap` | user address | chunk size | bin index |
 * | `split` | chunk | bytes kept | bytes left over |
 * | `sort_bin` | chunk | size | bin index |
 * | `stash_tcache` | chunk | size | tcache bin |
 * | `free_tcache`, `free_fast`, `free_unsorted`, `free_small`, `free_top`, `free_mmap` | user address | chunk size | |
 * | `merge_backward`, `merge_forward` | chunk | its size | the neighbour's size |
 * | `consolidate` | arena | | |
 * | `mmap_fallback` | address | length | |
 * | `realloc_in_place`, `realloc_into_top`, `realloc_into_next`, `realloc_move`, `realloc_mremap` | user address | old size | new size |
 */
export type ProbeEvent =
  | "memory_sbrk_more"
  | "memory_sbrk_less"
  | "memory_heap_new"
  | "memory_heap_more"
  | "memory_heap_less"
  | "memory_heap_free"
  | "memory_arena_new"
  | "memory_arena_reuse"
  | "memory_arena_reuse_free_list"
  | "memory_arena_retry"
  | "memory_malloc_retry"
  | "memory_realloc_retry"
  | "memory_memalign_retry"
  | "memory_calloc_retry"
  | "memory_mallopt"
  | "memory_mallopt_mxfast"
  | "memory_mallopt_trim_threshold"
  | "memory_mallopt_top_pad"
  | "memory_mallopt_mmap_threshold"
  | "memory_mallopt_mmap_max"
  | "memory_mallopt_perturb"
  | "memory_mallopt_arena_test"
  | "memory_mallopt_arena_max"
  | "memory_mallopt_free_dyn_thresholds"
  | "memory_tunable_tcache_max_bytes"
  | "memory_tunable_tcache_count"
  | "memory_tunable_tcache_unsorted_limit"
  | "memory_tcache_double_free"
  | "serve_tcache"
  | "serve_fast"
  | "serve_small"
  | "serve_unsorted"
  | "serve_last_remainder"
  | "serve_large"
  | "serve_bin"
  | "serve_top"
  | "serve_mmap"
  | "split"
  | "sort_bin"
  | "stash_tcache"
  | "free_tcache"
  | "free_fast"
  | "free_unsorted"
  | "free_small"
  | "free_top"
  | "free_mmap"
  | "merge_backward"
  | "merge_forward"
  | "consolidate"
  | "mmap_fallback"
  | "realloc_in_place"
  | "realloc_into_top"
  | "realloc_into_next"
  | "realloc_move"
  | "realloc_mremap";

/** A listener for malloc's decisions. */
export interface Probe {
  /**
   * Called at each decision, before malloc goes on. It may read the heap, but must not change it.
   *
   * @param a First argument, 0 when the event has none. The table is at {@link ProbeEvent}.
   */
  event(name: ProbeEvent, a: number, b: number, c: number): void;
}
