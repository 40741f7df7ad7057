/*
 * Owner tracking (SLAB_STORE_USER): who allocated an object last and who freed it, kept behind the object.
 *
 *   | allocated: serial, cpu, 16 bytes of name | freed: the same |
 *
 * The serial counts tracked operations of the whole hierarchy, 0 standing for never; the name is what Slabs.owner said,
 * as a task's comm says it in the kernel.
 */
import type { Address, Memory } from "@heapwright/allocator";
import type { Hierarchy } from "../core/hierarchy.ts";
import { ROOT_SEQUENCE } from "../core/layout.ts";

const NAME_BYTES = 16;
const TRACK_BYTES = 8 + NAME_BYTES;
export const TRACKS_BYTES: number = 2 * TRACK_BYTES;

export const TRACK_ALLOCATED = 0;
export const TRACK_FREED = 1;

/** Writes one of the two tracks at `tracks`. The serial is approximate when several workers track at once. */
export const writeTrack = (hierarchy: Hierarchy, tracks: Address, which: number): void => {
  const { memory, owner } = hierarchy;
  const track = tracks + which * TRACK_BYTES;
  const serial = hierarchy.load(ROOT_SEQUENCE) + 1;
  hierarchy.store(ROOT_SEQUENCE, serial);
  memory.store32(track, serial);
  memory.store32(track + 4, hierarchy.cpu);
  for (let i = 0; i < NAME_BYTES; i++) {
    memory.store8(track + 8 + i, i < owner.length ? owner.charCodeAt(i) : 0);
  }
};

/** "allocated by physics on cpu 0 (17), freed by render on cpu 1 (20)". Empty when nothing was tracked. */
export const describeTracks = (memory: Memory, tracks: Address): string => {
  const parts: string[] = [];
  for (const which of [TRACK_ALLOCATED, TRACK_FREED]) {
    const track = tracks + which * TRACK_BYTES;
    const serial = memory.load32(track);
    if (serial === 0) continue;
    let name = "";
    for (let i = 0; i < NAME_BYTES && memory.load8(track + 8 + i) !== 0; i++) {
      name += String.fromCharCode(memory.load8(track + 8 + i));
    }
    const verb = which === TRACK_ALLOCATED ? "allocated" : "freed";
    parts.push(`${verb} by ${name || "?"} on cpu ${memory.load32(track + 4)} (${serial})`);
  }
  return parts.join(", ");
};
