/*
 * The core of a heap that several workers call at once: what one of them may not do alone.
 */
import type { Address } from "@heapwright/allocator";
import type { LinearMemory } from "@heapwright/heap-memory";
import type { Core } from "../core.ts";
import { PARAMETER } from "../layout/statics.ts";
import { Linear32 } from "../linear32.ts";
import type { SharedMappings } from "./mappings.ts";

/** A worker may unmap what another has mapped, so none keeps a list. */
class Unlisted extends Set<Address> {
  override add(): this {
    return this;
  }
}

/** A heap with 4-byte words in a memory that workers share. */
export class SharedCore extends Linear32 {
  override readonly mappings: Set<Address> = new Unlisted();

  constructor(core: Core, source: SharedMappings) {
    super(source, source, core.g, core.profile, core.state, core.main);
  }

  /** Several workers count at once, each under another arena's lock. */
  override countMappings(mappings: number, bytes: number): void {
    const { words } = this.mem as LinearMemory;
    const at = this.state >>> 2;
    const regions = Atomics.add(words, at + PARAMETER.mmaps / 4, mappings) + mappings;
    const total = Atomics.add(words, at + PARAMETER.mmappedMem / 4, bytes) + bytes;
    raise(words, at + PARAMETER.maxMmaps / 4, regions);
    raise(words, at + PARAMETER.maxMmappedMem / 4, total);
  }
}

/** Raises a word to `value` if it is below. */
const raise = (words: Uint32Array, at: number, value: number): void => {
  for (let seen = Atomics.load(words, at); seen < value; seen = Atomics.load(words, at))
    Atomics.compareExchange(words, at, seen, value);
};
