/*
 * What the workers of a shared heap have in common beside malloc's own state. It lies before the state area and is found
 * through the root of the heap's header:
 *
 *   +0    next id | workers | locks made | free runs | pages reached | - | list lock (2 words)
 *   +64   workers: a word each: the id of the worker that holds this thread record, LEAVING beside it while it is given up
 *   then  locks, 16 bytes each: lock (2 words) | arena | -
 *   then  the state area
 *
 * The lock of an arena is number n when the arena's mutex word is n; numbers begin at 1.
 */

/** Offsets in the shared area. */
export const SHARED: {
  readonly nextId: 0;
  readonly workers: 4;
  readonly locksMade: 8;
  readonly freeRuns: 12;
  readonly reached: 16;
  readonly listLock: 24;
  readonly slots: 64;
} = { nextId: 0, workers: 4, locksMade: 8, freeRuns: 12, reached: 16, listLock: 24, slots: 64 };

/** Bytes of a lock's entry. */
export const LOCK_BYTES = 16;
/** Offset of the arena in a lock's entry. */
export const LOCK_ARENA = 8;
/** The most arenas that a shared heap ever makes, those out of service included. */
export const MAX_LOCKS = 1024;
/** The first id that is given out; lower ones are for users to choose. */
export const FIRST_ID: number = 2 ** 28;
/** Marks the word of a worker that is being given up. */
export const LEAVING: number = 2 ** 31;

const CACHE_LINE = 64;

/** Where the locks begin, as an offset in the shared area of a heap for so many workers. */
export const locksAt = (workers: number): number =>
  Math.ceil((SHARED.slots + workers * 4) / CACHE_LINE) * CACHE_LINE;

/** Where the state area begins. */
export const stateAt = (workers: number): number => locksAt(workers) + MAX_LOCKS * LOCK_BYTES;
