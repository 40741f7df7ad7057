/*
 * The collector of the check: faults found so far, and the bounds within which a chunk can be looked at at all.
 */
import type { Address, HeapFault } from "@heapwright/allocator";
import type { Core } from "../core.ts";

/** An address as people read it. What was read beyond the end of the memory is none. */
export const hex = (address: number | undefined): string =>
  address === undefined ? "nothing" : `0x${address.toString(16)}`;

/** Enough; a heap with more faults than this is rubble. */
const MOST = 1000;

/** Collects faults. */
export class Faults {
  readonly found: HeapFault[] = [];
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Adds a fault unless the condition holds. Gives the condition. */
  expect(holds: boolean, address: Address, fault: string): boolean {
    if (!holds && this.found.length < MOST) this.found.push({ address, fault });
    return holds;
  }

  /** Whether a chunk's header and links can be read: an aligned address inside the memory. */
  readable(chunk: Address, from: string): boolean {
    const { alignMask, header, mem, minSize } = this.#core;
    const holds = chunk > 0 && chunk + minSize <= mem.byteLength && ((chunk + header) & alignMask) === 0;
    return this.expect(holds, chunk, `${from} leads to ${hex(chunk)}, which cannot be a chunk`);
  }
}
