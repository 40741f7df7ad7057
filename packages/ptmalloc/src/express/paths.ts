/*
 * The express code: malloc past the tcache, for the case that nearly every call is: words of 4 bytes on a linear memory, the
 * main arena, one thread, no M_PERTURB, nobody listening.
 *
 * Why twice: the general code asks an accessor for every word and a field for every constant, because it serves two widths of
 * word, any memory and four versions. Here is the same algorithm with both written out. Each step tests what the general code
 * tests, and before it changes anything; where a test fails, or a case is rare, the general code is called to do the step or
 * to throw. So that one says what is right; a test runs both over the same calls and compares every byte.
 *
 * Why functions that make functions: what they close over never changes. V8 writes such constants into the code it makes for
 * a closure that exists once: the view with its length and bytes, the addresses of arena and tcache, so that an access of the
 * arena is one instruction. When one of them changes (the memory grew, mallopt), all are made anew; the code is then shared
 * and reads them from the closure.
 *
 * Why `const words = view` in every function: what a loop reads from its closure V8 finds to be a constant only after it has
 * settled how to access it, and each access then looks at the view's kind, length and base. What is read before the loop it
 * knows in time. Also a call costs some thirty instructions, as many as a step of malloc; V8 saves those of short functions
 * until it has put in 920 bytes of bytecode, and a local takes fewer. For the same reason the steps that nearly every call takes,
 * to write a chunk's sizes and to link it, stand in malloc and free themselves; lists.ts has them for the others.
 *
 * Offsets from a chunk: size 4, fd 8, bk 12, fd_nextsize 16, bk_nextsize 20. From the arena: have_fastchunks 8, fast bins
 * 0xc, top 0x38 (which is also bin 1 as a chunk: its fd is at 0x40), last remainder 0x3c, bins 0x40, binmap 0x438,
 * system_mem 0x454, max_system_mem 0x458. From the tcache: counts 0, entries 128.
 */
import type { Address } from "@heapwright/allocator";
import type { Core } from "../core.ts";

/** In place of an address: nothing is done, the general code is to be asked. */
export const LEAVE = 1;

/** Chunks from this size on are large. */
export const MIN_LARGE = 1008;

/** What the express code closes over: the heap as it stands until {@link Express} is made anew. */
export interface Place {
  readonly core: Core;
  readonly words: Uint32Array;
  readonly halves: Uint16Array;
  /** Address of the main arena. */
  readonly main: Address;
  /** Address of the thread's tcache. */
  readonly tcache: Address;
  /** How many bins it has. */
  readonly bins: number;
  /** How many chunks one of them holds. */
  readonly room: number;
  /** What marks a chunk as cached, as a signed number. */
  readonly key: number;
  /** The largest chunk that goes to fast bins. */
  readonly maxFast: number;
  /** The unsorted bin, as a chunk. */
  readonly unsorted: Address;
  /** Indexes among the words: have_fastchunks, the first fast bin, top, the last remainder, */
  readonly haveFastAt: number;
  readonly fastBinsAt: number;
  readonly topAt: number;
  readonly remainderAt: number;
  /** the newest and the oldest unsorted chunk, the binmap and system_mem. */
  readonly newestAt: number;
  readonly oldestAt: number;
  readonly binmapAt: number;
  readonly systemMemAt: number;
}

/** The ways into the express code. */
export interface Express {
  /** Allocates past the tcache. Gives the user address, 0 when exhausted, or LEAVE. */
  malloc(bytes: number): number;
  /** Allocates zeroed bytes. Gives the user address, 0 when exhausted, or LEAVE. */
  calloc(bytes: number): number;
  /** Changes the size of a live block. Gives its address, 0 when exhausted, or LEAVE. */
  realloc(mem: Address, bytes: number): number;
  /** Frees a block that the tcache does not take: not marked as cached, its bin full or beyond the last. False: not done. */
  free(mem: Address): boolean;
  /** Frees a chunk as malloc itself does: to the tcache if it can; `locked` tests the fast bin's head too. False: not done. */
  freeInside(mem: Address, locked: boolean): boolean;
}
