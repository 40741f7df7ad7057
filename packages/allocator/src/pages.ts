import type { Address } from "./address.ts";
import type { Memory } from "./memory.ts";

/**
 * Hands out naturally aligned runs of pages by order: a run of order n is `2^n` pages, aligned to its own size.
 * Linux's `alloc_pages` / `free_pages`; the buddy system is the usual one.
 */
export interface PageAllocator {
  /** Bytes in a page: a power of two. */
  readonly pageSize: number;
  /** The largest order that {@link PageAllocator.allocatePages} can serve. */
  readonly maxOrder: number;
  /**
   * Takes a run of `2^order` pages, contents undefined.
   *
   * @param order From 0 to {@link PageAllocator.maxOrder}; a greater one is exhaustion.
   * @returns the address of its first byte, or `NULL` when there is no such run; page 0 is never handed out.
   */
  allocatePages(order: number): Address;
  /**
   * Gives back a run that {@link PageAllocator.allocatePages} handed out, with the same order.
   *
   * @throws InvalidPointerError or DoubleFreeError when the run is not live or has another order.
   */
  freePages(address: Address, order: number): void;
}

/**
 * What a malloc asks of its system, at the least: a break that moves. A linear memory is one, so is a process.
 * brk(2).
 */
export interface PageSource {
  /** The memory that the addresses mean. */
  readonly memory: Memory;
  /** Bytes in a page: a power of two. */
  readonly pageSize: number;
  /**
   * Moves the program break by `increment` bytes (negative to give memory back) and returns the break *before* the
   * move; `sbrk(0)` only asks. New bytes are zero. Any increment is accepted, not only whole pages.
   *
   * @returns the old break, or `NULL` when it cannot move; then nothing has changed.
   */
  sbrk(increment: number): Address;
}

/** Page protection bits, as `<sys/mman.h>` numbers them. */
export const Protection: { readonly NONE: 0; readonly READ: 1; readonly WRITE: 2; readonly EXEC: 4 } = {
  NONE: 0,
  READ: 1,
  WRITE: 2,
  EXEC: 4,
};

/** Advice to {@link MappingSource.madvise}, as `<sys/mman.h>` numbers it. */
export const Advice: { readonly DONTNEED: 4; readonly FREE: 8; readonly HUGEPAGE: 14 } = {
  DONTNEED: 4,
  FREE: 8,
  HUGEPAGE: 14,
};

/** A page source that also maps memory apart from the break. mmap(2) and its kin, private and anonymous. */
export interface MappingSource extends PageSource {
  /**
   * Maps `length` bytes (rounded up to pages) of zeroed private memory where the system likes.
   *
   * @param hint Where it would be welcome: taken when the range is free there, else ignored. A source may ignore it
   * always.
   * @returns its address, or `NULL` when there is no room.
   */
  mmap(length: number, protection: number, hint?: Address): Address;
  /** Unmaps the pages of `[address, address + length)`. Returns whether it could. */
  munmap(address: Address, length: number): boolean;
  /** Changes a mapping's length, moving it when `mayMove`. Returns its address, or `NULL` with nothing changed. */
  mremap(address: Address, oldLength: number, newLength: number, mayMove: boolean): Address;
  /** Changes the protection of pages. Returns whether it could. */
  mprotect(address: Address, length: number, protection: number): boolean;
  /** Gives advice on pages; after `Advice.DONTNEED` they read as zero. Returns whether it was accepted. */
  madvise(address: Address, length: number, advice: number): boolean;
}

/** Whether `source` can also map memory apart from the break. */
export const canMap = (source: PageSource): source is MappingSource =>
  typeof (source as Partial<MappingSource>).mmap === "function";
