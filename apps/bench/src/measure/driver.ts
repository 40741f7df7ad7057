/*
 * The one loop by which every allocator is timed.
 *
 * Fairness: the same code for all; a worker runs it on one allocator class only, so its call sites stay monomorphic and
 * V8 may inline them; blocks' addresses are in a typed array; the payload is never touched (only calloc's clearing and a
 * realloc's copy are, which are part of the operation). What an allocator cannot do itself is done here by what it
 * can, as a program would do it: that time is in its figures.
 *
 * `bases` holds what the allocator gave for each slot, NULL where the slot is empty or its allocation failed. Operations
 * on a slot whose allocation failed are left out.
 */
import {
  type Address,
  type AlignedAllocator,
  type Allocator,
  isAligned,
  isReallocating,
  isZeroed,
  type ReallocatingAllocator,
  type ZeroedAllocator,
} from "@heapwright/allocator";
import { OpKind } from "@heapwright/trace";
import type { Columns } from "./columns.ts";

const { ALLOCATE, FREE, REALLOCATE, ZEROED } = OpKind;

type AnyAllocator = Allocator &
  Pick<AlignedAllocator, "allocateAligned"> &
  Pick<ZeroedAllocator, "allocateZeroed"> &
  Pick<ReallocatingAllocator, "reallocate">;

export class Driver {
  readonly columns: Columns;
  /** Address of the block in each slot. */
  readonly bases: Uint32Array;
  /** Requested bytes of the block in each slot. */
  readonly held: Int32Array | Float64Array;
  /** Allocations that returned NULL. */
  failed = 0;
  readonly #heap: AnyAllocator;
  readonly #zeroes: boolean;
  readonly #aligns: boolean;
  readonly #reallocates: boolean;

  constructor(columns: Columns, heap: Allocator) {
    this.columns = columns;
    this.bases = new Uint32Array(columns.slotCount);
    this.held =
      columns.sizes instanceof Int32Array
        ? new Int32Array(columns.slotCount)
        : new Float64Array(columns.slotCount);
    this.#heap = heap as AnyAllocator;
    this.#zeroes = isZeroed(heap);
    this.#aligns = isAligned(heap);
    this.#reallocates = isReallocating(heap);
  }

  /** Does the operations from `from` up to `to`. */
  run(from: number, to: number): void {
    const { kinds, slots, sizes } = this.columns;
    const { bases, held } = this;
    const heap = this.#heap;
    for (let op = from; op < to; op++) {
      const slot = slots[op]!;
      const kind = kinds[op]!;
      if (kind === ALLOCATE) {
        const size = sizes[op]!;
        const base = heap.allocate(size);
        bases[slot] = base;
        held[slot] = size;
        if (base === 0) this.failed++;
      } else if (kind === FREE) {
        const base = bases[slot]!;
        if (base !== 0) heap.deallocate(base);
        bases[slot] = 0;
      } else if (kind === REALLOCATE) {
        this.#reallocate(slot, sizes[op]!);
      } else {
        const size = sizes[op]!;
        const base = kind === ZEROED ? this.#zeroed(size) : this.#aligned(this.columns.alignments[op]!, size);
        bases[slot] = base;
        held[slot] = size;
        if (base === 0) this.failed++;
      }
    }
  }

  #zeroed(size: number): Address {
    if (this.#zeroes) return this.#heap.allocateZeroed(size);
    const base = this.#heap.allocate(size);
    if (base !== 0) this.#heap.memory.fill(base, size, 0);
    return base;
  }

  #aligned(alignment: number, size: number): Address {
    if (alignment <= this.#heap.alignment) return this.#heap.allocate(size);
    if (this.#aligns) return this.#heap.allocateAligned(alignment, size);
    // Enough room that an aligned block lies in it.
    return this.#heap.allocate(size + alignment - this.#heap.alignment);
  }

  #reallocate(slot: number, size: number): void {
    const old = this.bases[slot]!;
    if (old === 0) return;
    let base: Address;
    if (this.#reallocates) base = this.#heap.reallocate(old, size);
    else {
      base = this.#heap.allocate(size);
      if (base !== 0) {
        this.#heap.memory.copy(base, old, Math.min(size, this.held[slot]!));
        this.#heap.deallocate(old);
      }
    }
    if (base === 0) {
      this.failed++;
      return;
    }
    this.bases[slot] = base;
    this.held[slot] = size;
  }
}
