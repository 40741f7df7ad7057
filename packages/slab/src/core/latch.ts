/*
 * The lock of a hierarchy: a futex lock where several workers can see the memory, nothing at all elsewhere.
 *
 * A worker's id for the lock is its CPU number + 1.
 */
import type { Address, Memory } from "@heapwright/allocator";
import { FutexLock, LinearMemory } from "@heapwright/heap-memory";

/** Mutual exclusion between workers. */
export interface Latch {
  /** Takes the lock. False when a worker died with it and what it guards has not been repaired. */
  acquire(): boolean;
  release(): void;
  /** Declares, with the lock held, that all is sound again. */
  repaired(): void;
  /** Whether the CPU's worker holds it now. */
  isHeldBy(cpu: number): boolean;
  /** Frees it on behalf of a CPU whose worker is dead. */
  recover(cpu: number): void;
}

const OPEN: Latch = {
  acquire: () => true,
  release: () => {},
  repaired: () => {},
  isHeldBy: () => false,
  recover: () => {},
};

const shared = (lock: FutexLock): Latch => ({
  acquire: () => lock.acquire(),
  release: () => lock.release(),
  repaired: () => lock.repaired(),
  isHeldBy: (cpu) => lock.owner === cpu + 1,
  recover: (cpu) => {
    lock.recover(cpu + 1);
  },
});

/** Whether several workers can see the memory. */
export const isShared = (memory: Memory): memory is LinearMemory =>
  memory instanceof LinearMemory && memory.buffer instanceof SharedArrayBuffer;

/** The lock whose state stands at `address`, for the worker that is CPU `cpu`. */
export const latchFor = (memory: Memory, address: Address, cpu: number): Latch =>
  isShared(memory) ? shared(new FutexLock(memory, address, cpu + 1)) : OPEN;
