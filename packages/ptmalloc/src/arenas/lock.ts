/*
 * Arena locks: the mutex word of struct malloc_state, 0 when free. They are taken only once a second thread exists, as
 * glibc takes them.
 *
 * Within one JavaScript thread nothing is ever contended by itself; a lock is found held only when the caller holds an arena
 * on purpose (to see what malloc does under contention). Waiting would then never end, so it throws.
 */
import { type Address, LockError } from "@heapwright/allocator";
import type { Core } from "../core.ts";

/** Takes the lock if it is free. Returns whether it was. */
export const tryLock = (core: Core, arena: Address): boolean => {
  if (core.mem.load32(arena) !== 0) return false;
  core.mem.store32(arena, 1);
  return true;
};

/**
 * Takes the lock.
 *
 * @throws LockError when it is held and nobody could release it.
 */
export const lock = (core: Core, arena: Address): void => {
  if (!tryLock(core, arena))
    throw new LockError(`the arena at 0x${arena.toString(16)} is held, and waiting for it would never end`);
};

/** Releases the lock. */
export const unlock = (core: Core, arena: Address): void => {
  core.mem.store32(arena, 0);
};
