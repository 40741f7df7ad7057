/*
 * Every name that a spec may use, in one place: what it is and how it is built. A strategy's module is loaded only
 * when it is asked for, so a worker that times one of them has seen no other.
 */
import {
  Affix,
  type Allocator,
  Fallback,
  FreeList,
  Quantizer,
  Quarantine,
  Segregator,
} from "@heapwright/allocator";
import { NullAllocator } from "./null-allocator.ts";
import type { Options } from "./options.ts";
import { AssemblyScriptTlsf } from "./peer-assemblyscript.ts";
import { ThingMalloc } from "./peer-thing.ts";
import type { Room } from "./room.ts";

const PROFILES = ["glibc-2.36", "glibc-2.31", "glibc-2.41", "ptmalloc-2.12"] as const;

/** A strategy: built in a room of its own. */
export interface Strategy {
  readonly about: string;
  /** Not of this family: what a user would pick instead. */
  readonly peer?: boolean;
  /** Takes all memory from its room's start on, so it must have the last room. */
  readonly unbounded?: boolean;
  readonly build: (room: Room, options: Options) => Allocator | Promise<Allocator>;
}

export const strategies: Readonly<Record<string, Strategy>> = {
  spans: {
    about: "size-class spans over a coalescing heap: the fast default for JavaScript",
    unbounded: true,
    build: async (room) => {
      const { Spans } = await import("@heapwright/spans");
      // Alone it brings its own memory, which it knows to be zero.
      return room.alone ? new Spans() : new Spans(room.memory, room.start);
    },
  },
  buddy: {
    about: "the buddy system as a malloc: power-of-two runs [page=BYTES]",
    build: async (room, options) =>
      new (await import("@heapwright/buddy")).BuddyHeap(room.pages, { pageSize: options.number("page", 64) }),
  },
  ptmalloc: {
    about: "glibc's malloc [profile=glibc-2.36 abi=i386|x86_64 tcache=COUNT]",
    build: async (room, options) => {
      const { Ptmalloc } = await import("@heapwright/ptmalloc");
      return new Ptmalloc(room.pages, {
        profile: options.choice("profile", PROFILES, "glibc-2.36"),
        abi: options.choice("abi", ["i386", "x86_64"], "i386"),
        tunables: { "glibc.malloc.tcache_count": options.number("tcache", 7) },
      });
    },
  },
  kmalloc: {
    about: "Linux's kmalloc: slab caches over a buddy system",
    build: async (room) => {
      const [{ Buddy }, { Kmalloc }] = await Promise.all([
        import("@heapwright/buddy"),
        import("@heapwright/slab"),
      ]);
      return new Kmalloc(Buddy.over(room.pages), room.memory);
    },
  },
  tlsf: {
    about: "two-level segregated fit",
    build: async (room) => new (await import("@heapwright/classic")).Tlsf(room.pages),
  },
  "best-fit": {
    about: "best fit, by a balanced tree of sizes",
    build: async (room) => new (await import("@heapwright/classic")).BestFit(room.pages),
  },
  "first-fit": {
    about: "first fit in address order",
    build: async (room) => new (await import("@heapwright/classic")).FirstFit(room.pages),
  },
  "next-fit": {
    about: "next fit: first fit from where the last search ended",
    build: async (room) => new (await import("@heapwright/classic")).NextFit(room.pages),
  },
  "kernighan-ritchie": {
    about: "the allocator of The C Programming Language, section 8.7",
    build: async (room) => new (await import("@heapwright/classic")).KernighanRitchie(room.pages),
  },
  bump: {
    about: "a pointer that only goes up: nothing is ever reused",
    build: async (room) => new (await import("@heapwright/classic")).Bump(room.pages),
  },
  "thi.ng": {
    about: "peer: @thi.ng/malloc, in a fixed 512 MiB",
    peer: true,
    build: () => ThingMalloc.create(),
  },
  "as-tlsf": {
    about: "peer: AssemblyScript's TLSF in WebAssembly, called from JavaScript",
    peer: true,
    build: () => AssemblyScriptTlsf.create(),
  },
  null: {
    about: "does nothing: what the driver itself costs, contained in every figure",
    build: (room) => new NullAllocator(room.memory),
  },
};

/** A combinator: built of other allocators. */
export interface Combinator {
  readonly about: string;
  /** How it is written. */
  readonly usage: string;
  /** How many numbers and how many parts it takes. */
  readonly numbers: number;
  readonly parts: number;
  readonly build: (parts: readonly Allocator[], numbers: readonly number[]) => Allocator | Promise<Allocator>;
}

export const combinators: Readonly<Record<string, Combinator>> = {
  segregate: {
    about: "blocks of up to BYTES from the first, larger ones from the second",
    usage: "segregate(BYTES, small, large)",
    numbers: 1,
    parts: 2,
    build: ([small, large], [bytes]) => new Segregator(bytes!, small!, large!),
  },
  fallback: {
    about: "the second when the first is exhausted",
    usage: "fallback(first, second)",
    numbers: 0,
    parts: 2,
    build: ([first, second]) => new Fallback(first!, second!),
  },
  freelist: {
    about: "freed blocks of up to BYTES kept in a list in front of the allocator",
    usage: "freelist(BYTES, allocator)",
    numbers: 1,
    parts: 1,
    build: ([parent], [bytes]) => new FreeList(parent!, { maximum: bytes! }),
  },
  quantize: {
    about: "sizes rounded up to multiples of BYTES",
    usage: "quantize(BYTES, allocator)",
    numbers: 1,
    parts: 1,
    build: ([parent], [bytes]) => new Quantizer(parent!, bytes!),
  },
  affix: {
    about: "guard bytes before and after every block",
    usage: "affix(allocator)",
    numbers: 0,
    parts: 1,
    build: ([parent]) => new Affix(parent!),
  },
  quarantine: {
    about: "freed blocks held back, up to BYTES together",
    usage: "quarantine(BYTES, allocator)",
    numbers: 1,
    parts: 1,
    build: ([parent], [bytes]) => new Quarantine(parent!, bytes!),
  },
};

/** What `compare` runs when it is not told otherwise. */
export const DEFAULT_ALLOCATORS =
  "null, spans, ptmalloc, ptmalloc(tcache=0), kmalloc, segregate(2048, kmalloc, ptmalloc), tlsf, best-fit, first-fit, buddy, bump, as-tlsf, thi.ng";
