/*
 * Every name that a spec may use, in one place: what it is and how it is built. A strategy's module is loaded only
 * when it is asked for, so a worker that times one of them has seen no other.
 */
import type { Allocator } from "@heapwright/allocator";
import { NullAllocator } from "./null-allocator.ts";
import type { Options } from "./options.ts";
import { AssemblyScriptTlsf } from "./peer-assemblyscript.ts";
import { ThingMalloc } from "./peer-thing.ts";
import type { Room } from "./room.ts";

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
    build: async (room) => new (await import("@heapwright/spans")).Spans(room.memory, room.start),
  },
  buddy: {
    about: "the buddy system as a malloc: power-of-two runs [page=BYTES]",
    build: async (room, options) =>
      new (await import("@heapwright/buddy")).BuddyHeap(room.pages, { pageSize: options.number("page", 64) }),
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

export const combinators: Readonly<Record<string, Combinator>> = {};

/** What `compare` runs when it is not told otherwise. */
export const DEFAULT_ALLOCATORS = "null, spans, buddy, as-tlsf, thi.ng";
