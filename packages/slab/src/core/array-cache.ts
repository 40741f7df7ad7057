/*
 * An array cache: a stack of free objects that one CPU (or, for the shared one, the lock's holder) has to itself.
 * Bonwick's magazine, Linux's struct array_cache.
 *
 *   | available | limit | batch | touched | object, control | object, control | ... |
 *
 * An entry holds the object's address and the word index of its control, so that handing the object out can
 * mark it live by one store, without looking for its slab.
 *
 * Every object in an array has control CONTROL_CACHED and counts as in use on its slab.
 */
import type { Address, Memory } from "@heapwright/allocator";
import * as L from "./layout.ts";

export const initArray = (memory: Memory, array: Address, limit: number, batch: number): void => {
  memory.store32(array + L.ARRAY_AVAILABLE, 0);
  memory.store32(array + L.ARRAY_LIMIT, limit);
  memory.store32(array + L.ARRAY_BATCH, batch);
  memory.store32(array + L.ARRAY_TOUCHED, 0);
};

/** Adds an object to an array that has room. `control` is the address of its control. */
export const pushEntry = (memory: Memory, array: Address, object: Address, control: Address): void => {
  const available = memory.load32(array + L.ARRAY_AVAILABLE);
  const entry = array + L.ARRAY_ENTRIES + L.ENTRY_BYTES * available;
  memory.store32(entry, object);
  memory.store32(entry + 4, control / L.CONTROL_BYTES);
  memory.store32(array + L.ARRAY_AVAILABLE, available + 1);
};

/** Moves up to `count` entries, as far as one has them and the other room. Returns how many. */
export const transfer = (memory: Memory, to: Address, from: Address, count: number): number => {
  const have = memory.load32(from + L.ARRAY_AVAILABLE);
  const there = memory.load32(to + L.ARRAY_AVAILABLE);
  const moved = Math.min(count, have, memory.load32(to + L.ARRAY_LIMIT) - there);
  memory.copy(
    to + L.ARRAY_ENTRIES + L.ENTRY_BYTES * there,
    from + L.ARRAY_ENTRIES + L.ENTRY_BYTES * (have - moved),
    L.ENTRY_BYTES * moved,
  );
  memory.store32(from + L.ARRAY_AVAILABLE, have - moved);
  memory.store32(to + L.ARRAY_AVAILABLE, there + moved);
  return moved;
};

/** Drops the `count` oldest entries (those at the bottom), which the caller has dealt with. */
export const dropOldest = (memory: Memory, array: Address, count: number): void => {
  const left = memory.load32(array + L.ARRAY_AVAILABLE) - count;
  const entries = array + L.ARRAY_ENTRIES;
  memory.copy(entries, entries + L.ENTRY_BYTES * count, L.ENTRY_BYTES * left);
  memory.store32(array + L.ARRAY_AVAILABLE, left);
};
