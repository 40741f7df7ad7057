/*
 * The decisions of malloc, as its probe tells them, in sentences.
 */
import type { Probe, ProbeEvent } from "@heapwright/ptmalloc";
import { hex, type ToReal } from "./dump.ts";

type Sentence = (a: string, b: number, c: number) => string;

const bytes = (count: number): string => `${count} bytes`;
const block = (what: string): Sentence => {
  return (a, size) => `${what} serves it: the block ${a}, a chunk of ${bytes(size)}`;
};
const freed = (where: string): Sentence => {
  return (a, size) => `the block ${a}, a chunk of ${bytes(size)}, ${where}`;
};
const parameter = (what: string): Sentence => {
  return (value) => `mallopt sets ${what} to ${Number.parseInt(value, 16)}`;
};

/** One sentence an event; `a` comes as an address. */
const SENTENCES: Readonly<Record<ProbeEvent, Sentence>> = {
  serve_tcache: (a, size, bin) =>
    `the thread's tcache (bin ${bin}) serves it: the block ${a}, a chunk of ${bytes(size)}`,
  serve_fast: (a, size, bin) => `fast bin ${bin} serves it: the block ${a}, a chunk of ${bytes(size)}`,
  serve_small: (a, size, bin) => `small bin ${bin} serves it: the block ${a}, a chunk of ${bytes(size)}`,
  serve_unsorted: block("the unsorted bin has a chunk of exactly the size and"),
  serve_last_remainder: block("what is left of the chunk that was split last"),
  serve_large: (a, size, bin) =>
    `large bin ${bin}, the request's own, serves it by best fit: the block ${a}, a chunk of ${bytes(size)}`,
  serve_bin: (a, size, bin) =>
    `bin ${bin}, the next larger one that holds a chunk, serves it: the block ${a}, a chunk of ${bytes(size)}`,
  serve_top: block("no bin fits, so top"),
  serve_mmap: block("it reaches the mmap threshold, so a mapping of its own"),
  split: (a, kept, rest) => `the chunk ${a} is split: ${bytes(kept)} are used, ${bytes(rest)} are left over`,
  sort_bin: (a, size, bin) =>
    `the unsorted chunk ${a} of ${bytes(size)} does not fit and is sorted into bin ${bin}`,
  stash_tcache: (a, size, bin) =>
    `the chunk ${a} of ${bytes(size)}, of the same size, goes to the tcache (bin ${bin}) on the way`,
  free_tcache: (a, size, bin) =>
    `the block ${a}, a chunk of ${bytes(size)}, goes to the thread's tcache (bin ${bin})`,
  free_fast: freed("goes to its fast bin, unmerged"),
  free_unsorted: (a, size, merged) =>
    `the block ${a}, a chunk of ${bytes(size)}, goes to the unsorted bin${merged > size ? `, ${bytes(merged)} with what it was merged with` : ""}`,
  free_small: (a, size, merged) =>
    `the block ${a}, a chunk of ${bytes(size)}, goes straight to its small bin${merged > size ? `, ${bytes(merged)} with what it was merged with` : ""}`,
  free_top: (a, size, top) =>
    `the block ${a}, a chunk of ${bytes(size)}, lies before top and becomes part of it: top has ${bytes(top)}`,
  free_mmap: freed("is a mapping of its own and is unmapped"),
  merge_backward: (a, size, other) =>
    `the chunk ${a} of ${bytes(size)} is merged with the free one of ${bytes(other)} before it`,
  merge_forward: (a, size, other) =>
    `the chunk ${a} of ${bytes(size)} is merged with the free one of ${bytes(other)} behind it`,
  consolidate: (arena) => `the fast bins of the arena ${arena} are emptied and their chunks merged`,
  mmap_fallback: (a, length) =>
    `the break cannot move, so the main arena goes on in ${bytes(length)} mapped at ${a}`,
  realloc_in_place: (a, old, wanted) =>
    `the block ${a} stays: its chunk of ${bytes(old)} holds ${bytes(wanted)}`,
  realloc_into_top: (a, old, wanted) =>
    `the block ${a} grows into top, from ${bytes(old)} to ${bytes(wanted)}`,
  realloc_into_next: (a, old, wanted) =>
    `the block ${a} takes the free chunk behind it, from ${bytes(old)} to at least ${bytes(wanted)}`,
  realloc_move: (a, old, wanted) =>
    `the block moves to ${a}, from a chunk of ${bytes(old)} to ${bytes(wanted)}`,
  realloc_mremap: (a, old, wanted) =>
    `the mapping is stretched by mremap from ${bytes(old)} to ${bytes(wanted)}; the block is ${a}`,
  memory_sbrk_more: (a, size) => `the main arena moves the break up by ${bytes(size)} from ${a}`,
  memory_sbrk_less: (a, size) => `the break moves down by ${bytes(size)} to ${a}`,
  memory_heap_new: (a, size) => `a heap of ${bytes(size)} begins at ${a}`,
  memory_heap_more: (a, size) => `the heap ${a} grows to ${bytes(size)}`,
  memory_heap_less: (a, size) => `the heap ${a} shrinks to ${bytes(size)}`,
  memory_heap_free: (a) => `the heap ${a} is empty and is unmapped`,
  memory_arena_new: (a) => `the thread gets a new arena, ${a}`,
  memory_arena_reuse: (a) => `there are as many arenas as there may be: the thread shares ${a}`,
  memory_arena_reuse_free_list: (a) => `the thread gets the arena ${a}, which another one left`,
  memory_arena_retry: (a) => `the arena is exhausted (${Number.parseInt(a, 16)} bytes): another one is tried`,
  memory_malloc_retry: () => "malloc is tried again in another arena",
  memory_realloc_retry: () => "realloc is tried again in another arena",
  memory_memalign_retry: () => "memalign is tried again in another arena",
  memory_calloc_retry: () => "calloc is tried again in another arena",
  memory_mallopt: (a, value) => `mallopt(${Number.parseInt(a, 16)}, ${value})`,
  memory_mallopt_mxfast: parameter("the largest fast request"),
  memory_mallopt_trim_threshold: parameter("the trim threshold"),
  memory_mallopt_top_pad: parameter("the pad of top"),
  memory_mallopt_mmap_threshold: parameter("the mmap threshold"),
  memory_mallopt_mmap_max: parameter("the number of mappings"),
  memory_mallopt_perturb: parameter("the byte that memory is filled with"),
  memory_mallopt_arena_test: parameter("the arena test"),
  memory_mallopt_arena_max: parameter("the largest number of arenas"),
  memory_mallopt_free_dyn_thresholds: (a, trim) =>
    `a mapping was freed, so the mmap threshold slides up to ${Number.parseInt(a, 16)} bytes and the trim threshold to ${trim}`,
  memory_tunable_tcache_max_bytes: parameter("the largest cached request"),
  memory_tunable_tcache_count: parameter("the length of tcache bins"),
  memory_tunable_tcache_unsorted_limit: parameter("the unsorted chunks before a cached one is taken"),
  memory_tcache_double_free: (a) =>
    `the block ${a} carries the mark of cached chunks: its tcache bin is searched for it`,
};

/** Events whose first argument is a number, not an address. */
const NUMBERS = /^memory_(mallopt|tunable|arena_retry)/;

/** A probe that writes down what it hears. */
export class Narrator implements Probe {
  readonly sentences: string[] = [];
  readonly #toReal: ToReal;

  constructor(toReal: ToReal) {
    this.#toReal = toReal;
  }

  event(name: ProbeEvent, a: number, b: number, c: number): void {
    const first = NUMBERS.test(name) ? a : this.#toReal(a);
    const sentence = SENTENCES[name](NUMBERS.test(name) ? first.toString(16) : hex(first), b, c);
    this.sentences.push(sentence);
  }
}
