/*
 * The two fast paths: a malloc that pops from the tcache and a free that pushes on it, on a linear memory with 4-byte words.
 *
 * They handle only the case in which every test of glibc's would pass; everything else they leave, from the start and in glibc's
 * order, to the express code, and that to the general.
 *
 * They are functions over constants, as express/paths.ts says why. The constants are parameters and the bits of a size word are
 * written out, because V8 looks, at every use of a `const` of an outer scope, whether it has been set. With that malloc and free
 * would be too long for V8 to put both, and realloc's beginning, in a loop that calls them: 240 and 335 bytes of bytecode are the most.
 */
import type { Address } from "@heapwright/allocator";
import { type Express, LEAVE as LEAVES } from "./express/paths.ts";
import { expectFromMain } from "./ops/entry.ts";
import type { ThreadState } from "./thread-state.ts";

const LEAVE = LEAVES;
/** Flags that no chunk has that comes from the main arena, unless it is mapped. */
const FOREIGN = 6;

/** malloc and free of one thread, from the tcache on. */
export interface FastPaths {
  /** Allocates any number of bytes. */
  malloc(bytes: number): Address;
  /** Frees a block that is not at 0. */
  free(mem: Address): void;
}

/** A thread, and what is asked where neither fast path nor express code serves. */
export interface SlowPaths extends ThreadState {
  /** @internal */
  mallocOther(bytes: number): Address;
  /** @internal */
  freeOther(mem: Address): void;
}

type Past = Pick<Express, "malloc" | "free">;

/** Makes the fast paths for a thread as it is now: it has a tcache, and nobody listens. */
export const makeFastPaths = (thread: SlowPaths, express: Express | undefined): FastPaths => {
  const { core, words, halves, tcache, bins, room } = thread;
  const { main, g } = core;
  const counts = tcache >>> 1;
  const entries = (tcache + g.tcacheEntriesAt) >>> 2;
  /** Requests from here on have no bin. */
  const limit = 16 * bins - 3;
  /** The bits of a link's page number that mangle it: all, or none without safe-linking. */
  const mangle = core.safeLinking ? 0xfffff : 0;
  /** What marks a chunk as cached: a signed number, which V8 keeps in a register where an unsigned one may be a double. */
  const key = core.tcacheKey(tcache) | 0;
  /** Bins whose chunks, when there is no room, go to fast bins here. */
  const fastFrees = express === undefined ? 0 : Math.min(core.load32(core.maxFastAt) >>> 4, bins);
  const foreign = express === undefined ? 0 : FOREIGN;
  const haveFastAt = (main + 8) >>> 2;
  const fastBinsAt = (main + g.fastbinsAt) >>> 2;
  const systemMemAt = (main + g.systemMemAt) >>> 2;
  const past: Past = express ?? {
    malloc: (bytes) => thread.mallocOther(bytes),
    free: (mem) => {
      thread.freeOther(mem);
      return true;
    },
  };
  return {
    malloc: makeMalloc(thread, past.malloc, words, halves, counts, entries, limit, mangle, foreign),
    // biome-ignore format: the parameters in two lines
    free: makeFree(thread, past.free, words, halves, counts, entries, bins, room, mangle, key,
      fastFrees, haveFastAt, fastBinsAt, systemMemAt),
  };
};

const makeMalloc = (
  thread: SlowPaths,
  past: Past["malloc"],
  view: Uint32Array,
  halves: Uint16Array,
  counts: number,
  entries: number,
  limit: number,
  mangle: number,
  foreign: number,
): FastPaths["malloc"] => {
  const malloc = (bytes: number): Address => {
    const words = view;
    // The newest chunk of the bin, if it has one: three loads and three stores.
    if (bytes < limit) {
      const bin = (bytes + 3) >>> 4;
      const count = halves[counts + bin]!;
      if (count > 0) {
        const mem = words[entries + bin]!;
        if ((mem & 15) !== 0) return thread.mallocOther(bytes);
        const entry = mem >>> 2;
        words[entries + bin] = ((mem >>> 12) & mangle) ^ words[entry]!;
        halves[counts + bin] = count - 1;
        words[entry + 1] = 0;
        return mem;
      }
    }
    // `>>> 0` tells V8 that what comes is an integer, as the above: else the caller would have a double.
    const mem = past(bytes) >>> 0;
    if (mem === LEAVE) return thread.mallocOther(bytes);
    if ((words[(mem - 4) >>> 2]! & foreign) !== 0) expectFromMain(thread.core, mem, "malloc");
    return mem;
  };
  return malloc;
};

const makeFree = (
  thread: SlowPaths,
  past: Past["free"],
  view: Uint32Array,
  halves: Uint16Array,
  counts: number,
  entries: number,
  bins: number,
  room: number,
  mangle: number,
  key: number,
  fastFrees: number,
  haveFastAt: number,
  fastBinsAt: number,
  systemMemAt: number,
): FastPaths["free"] => {
  const free = (mem: Address): void => {
    const words = view;
    // A chunk of a size that is cached, not marked as cached, whose bin has room: four loads and four stores. The size word's bits
    // 2 and 8: mapped, or a size that is no multiple of 16.
    const entry = mem >>> 2;
    const head = words[entry - 1]!;
    const bin = (head >>> 4) - 1;
    if (((head & 10) | (mem & 15)) === 0 && bin >>> 0 < bins) {
      if ((words[entry + 1]! | 0) === key) {
        thread.freeOther(mem);
        return;
      }
      const count = halves[counts + bin]!;
      if (count < room) {
        words[entry + 1] = key;
        words[entry] = ((mem >>> 12) & mangle) ^ words[entries + bin]!;
        words[entries + bin] = mem;
        halves[counts + bin] = count + 1;
        return;
      }
      // Its bin is full. A chunk for the fast bins, not of a thread arena (bit 4), the one behind it sound, not the fast bin's head:
      // three loads, three stores.
      if (bin < fastFrees && (head & 4) === 0) {
        const chunk = mem - 8;
        const first = fastBinsAt + 2 * bin;
        const old = words[first]!;
        const nextHead = words[((mem + head) >>> 2) - 1]!;
        if (nextHead > 8 && nextHead < words[systemMemAt]! && old !== chunk) {
          words[entry] = (mem >>> 12) ^ old;
          words[first] = chunk;
          words[haveFastAt] = 1;
          return;
        }
      }
    }
    if (!past(mem)) thread.freeOther(mem);
  };
  return free;
};
