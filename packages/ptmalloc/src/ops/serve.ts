/*
 * The last step of every allocation: the chunk becomes the user's.
 */
import type { Address } from "@heapwright/allocator";
import type { Core } from "../core.ts";
import { NON_MAIN_ARENA, PREV_INUSE } from "../core.ts";

/** M_PERTURB: memory handed out is filled with the complement of the byte. alloc_perturb. */
export const perturbAllocated = (core: Core, mem: Address, bytes: number): void => {
  const byte = core.load32(core.perturbAt);
  if (byte !== 0) fillPerturbed(core, mem, bytes, ~byte);
};

/** M_PERTURB: memory given back is filled with the byte. free_perturb. */
export const perturbFreed = (core: Core, mem: Address, bytes: number): void => {
  const byte = core.load32(core.perturbAt);
  if (byte !== 0) fillPerturbed(core, mem, bytes, byte);
};

/** The parameter is an int of which memset uses the low byte. */
const fillPerturbed = (core: Core, mem: Address, bytes: number, byte: number): void =>
  core.mem.fill(mem, bytes, byte & 0xff);

/** Gives a chunk to the user; 0 stays 0. */
export const serve = (core: Core, chunk: Address, bytes: number): Address => {
  if (chunk === 0) return 0;
  const mem = chunk + core.header;
  perturbAllocated(core, mem, bytes);
  return mem;
};

/** Writes the heads of a chunk in use of `size` bytes and of the free rest behind it. */
export const cut = (
  core: Core,
  arena: Address,
  chunk: Address,
  size: number,
  rest: Address,
  restSize: number,
): void => {
  core.setHead(chunk, size | PREV_INUSE | (arena !== core.main ? NON_MAIN_ARENA : 0));
  core.setFree(rest, restSize);
  const probe = core.probe;
  if (probe !== undefined) probe.event("split", chunk, size, restSize);
};

/** Moves top up behind the `needed` bytes taken from it. */
export const cutTop = (core: Core, arena: Address, top: Address, size: number, needed: number): void => {
  const rest = top + needed;
  core.setTop(arena, rest);
  core.setHead(top, needed | PREV_INUSE | (arena !== core.main ? NON_MAIN_ARENA : 0));
  core.setHead(rest, (size - needed) | PREV_INUSE);
  const probe = core.probe;
  if (probe !== undefined) probe.event("serve_top", top + core.header, needed, 0);
};
