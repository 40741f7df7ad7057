import type { Address } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { LockError } from "../errors.ts";
import type { BlockInfo, HeapFault, HeapStats } from "../stats.ts";
import { Forwarder } from "./forwarder.ts";

/** A lock between workers, as `FutexLock` of `@heapwright/heap-memory`. */
export interface Lock {
  /**
   * Takes the lock. Returns false when what it guards may be half changed, since an owner died; it is held all the
   * same.
   */
  acquire(): boolean;
  /** Gives it back. */
  release(): void;
}

/**
 * Holds a lock during each operation, so that several workers may use one heap in shared memory.
 *
 * Each worker has its own allocator attached to the heap, its own lock object over the same words, and one of these
 * around both. Growth of the memory by others is noticed under the lock. Even an uncontended lock costs more than
 * most operations themselves: prefer an allocator with caches for each worker where speed matters.
 *
 * When an owner died inside an operation, every operation throws a LockError until the heap is repaired:
 * acquire the lock yourself, `check()` the parent, and declare it repaired.
 *
 * @example
 * ```ts
 * const pages = LinearPages.create(LinearMemory.shared(65536));
 * const heap = new Locked(new FirstFit(pages), new FutexLock(pages.memory, pages.lockAddress, 1));
 * ```
 */
export class Locked extends Forwarder {
  readonly #lock: Lock;
  readonly #refreshes: boolean;

  /** @param lock The lock that every worker's `Locked` over this heap uses. */
  constructor(parent: Allocator, lock: Lock) {
    super(parent);
    this.#lock = lock;
    this.#refreshes = typeof parent.memory.refresh === "function";
  }

  override allocate(size: number): Address {
    this.#acquire();
    try {
      return this.target.allocate(size);
    } finally {
      this.#lock.release();
    }
  }
  override deallocate(address: Address): void {
    this.#acquire();
    try {
      this.target.deallocate(address);
    } finally {
      this.#lock.release();
    }
  }
  override allocateAligned?(alignment: number, size: number): Address {
    this.#acquire();
    try {
      return this.target.allocateAligned(alignment, size);
    } finally {
      this.#lock.release();
    }
  }
  override allocateZeroed?(size: number): Address {
    this.#acquire();
    try {
      return this.target.allocateZeroed(size);
    } finally {
      this.#lock.release();
    }
  }
  override reallocate?(address: Address, size: number): Address {
    this.#acquire();
    try {
      return this.target.reallocate(address, size);
    } finally {
      this.#lock.release();
    }
  }
  override expand?(address: Address, size: number): boolean {
    this.#acquire();
    try {
      return this.target.expand(address, size);
    } finally {
      this.#lock.release();
    }
  }
  override deallocateSized?(address: Address, size: number): void {
    this.#acquire();
    try {
      this.target.deallocateSized(address, size);
    } finally {
      this.#lock.release();
    }
  }
  override usableSize?(address: Address): number {
    this.#acquire();
    try {
      return this.target.usableSize(address);
    } finally {
      this.#lock.release();
    }
  }
  override goodSize?(size: number): number {
    this.#acquire();
    try {
      return this.target.goodSize(size);
    } finally {
      this.#lock.release();
    }
  }
  override owns?(address: Address): boolean {
    this.#acquire();
    try {
      return this.target.owns(address);
    } finally {
      this.#lock.release();
    }
  }
  override resolve?(address: Address): Address {
    this.#acquire();
    try {
      return this.target.resolve(address);
    } finally {
      this.#lock.release();
    }
  }
  override deallocateAll?(): void {
    this.#acquire();
    try {
      this.target.deallocateAll();
    } finally {
      this.#lock.release();
    }
  }
  override trim?(keep: number): number {
    this.#acquire();
    try {
      return this.target.trim(keep);
    } finally {
      this.#lock.release();
    }
  }
  /** All blocks at once, as they are at this moment. */
  override walk?(): Iterable<BlockInfo> {
    this.#acquire();
    try {
      return [...this.target.walk()];
    } finally {
      this.#lock.release();
    }
  }
  override check?(): readonly HeapFault[] {
    this.#acquire();
    try {
      return this.target.check();
    } finally {
      this.#lock.release();
    }
  }
  override stats?(): HeapStats {
    this.#acquire();
    try {
      return this.target.stats();
    } finally {
      this.#lock.release();
    }
  }
  override footprint?(): number {
    this.#acquire();
    try {
      return this.target.footprint();
    } finally {
      this.#lock.release();
    }
  }

  #acquire(): void {
    if (this.#lock.acquire()) {
      // The last owner may have grown the memory: the heap's links may lead beyond what this side has seen of it.
      if (this.#refreshes) this.memory.refresh!();
      return;
    }
    this.#lock.release();
    throw new LockError("an owner of the lock died inside the heap: check it and declare it repaired");
  }
}
