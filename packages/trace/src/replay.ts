/*
 * Replay: the operations of a trace, in order, on any allocator.
 *
 * A slot whose allocation failed stays empty: later operations on it are counted as skipped, not done. A failed
 * reallocation leaves the old block live, as C's does. What an allocator cannot do itself is done here by what it can,
 * and counted: calloc by allocate and fill, realloc by allocate, copy and free, memalign by asking for more and using
 * the aligned part of it.
 *
 * This replay is for correctness: it checks much and is not meant to be timed.
 */
import {
  type Address,
  type Allocator,
  HeapwrightError,
  isAligned,
  isInspectable,
  isReallocating,
  isZeroed,
  NULL,
} from "@heapwright/allocator";
import { fillPattern, findLost, findNonZero, LiveRanges } from "./shadow.ts";
import { OpKind, type Trace } from "./trace.ts";

/** How to replay. */
export interface ReplayOptions {
  /** The allocator as thread `n` sees it. By default every thread uses the one allocator. */
  readonly forThread?: (thread: number) => Allocator;
  /**
   * Proves every block sound: inside the memory, aligned, apart from all other live blocks, zero after calloc, bytes
   * kept until it is freed or reallocated. Writes to every byte of every block.
   */
  readonly shadow?: boolean;
  /** Calls the allocator's `check()` after every so many operations and after the last one. Needs an Inspectable. */
  readonly checkEvery?: number;
  /** Called after every operation with the address it gave: the block's, `NULL` when it failed or was skipped, or after a free. */
  readonly afterOp?: (op: number, address: Address) => void;
}

/** What is wrong, at which operation. */
export interface ReplayFault {
  /** The operation, counted from 0. */
  readonly op: number;
  /** The slot it worked on. */
  readonly slot: number;
  /** What was found. */
  readonly fault: string;
}

/** What a replay did. */
export interface ReplayResult {
  /** Operations done; fewer than the trace has when a fault ended the replay. */
  readonly ops: number;
  /** Allocations and reallocations that returned `NULL`. */
  readonly failed: number;
  /** The first operation that failed, or -1. */
  readonly firstFailed: number;
  /** Operations not done because their slot's allocation had failed. */
  readonly skipped: number;
  /** Operations that were done by others, since the allocator has not the capability. */
  readonly fallbacks: { readonly zeroed: number; readonly aligned: number; readonly reallocated: number };
  /** The fault that ended the replay, if one did. */
  readonly fault: ReplayFault | undefined;
}

/**
 * Replays a trace on an allocator. The blocks that the trace leaves live stay live.
 *
 * Never throws for what the allocator does: its typed errors are a {@link ReplayResult.fault}.
 *
 * @example
 * ```ts
 * import { FirstFit } from "@heapwright/classic";
 * import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
 * import { replay, TraceBuilder } from "@heapwright/trace";
 *
 * const builder = new TraceBuilder();
 * builder.allocate(0, 100);
 * builder.reallocate(0, 5000);
 * builder.free(0);
 * const heap = new FirstFit(LinearPages.create(LinearMemory.fixed(65536)));
 * const { fault, failed } = replay(builder.finish("three calls"), heap, { shadow: true });
 * ```
 */
export const replay = (trace: Trace, allocator: Allocator, options: ReplayOptions = {}): ReplayResult => {
  const run = new Replay(trace, allocator, options);
  run.toEnd();
  return run.result();
};

/** A block that the replay holds: `base` is what the allocator gave, `address` what the program would see. */
interface Block {
  readonly allocator: Allocator;
  readonly base: Address;
  readonly address: Address;
  readonly size: number;
  readonly seed: number;
}

class Replay {
  readonly #trace: Trace;
  readonly #options: ReplayOptions;
  readonly #allocator: Allocator;
  readonly #blocks: (Block | undefined)[];
  readonly #ranges: LiveRanges;
  #op = 0;
  #failed = 0;
  #firstFailed = -1;
  #skipped = 0;
  readonly #fallbacks: { zeroed: number; aligned: number; reallocated: number } = {
    zeroed: 0,
    aligned: 0,
    reallocated: 0,
  };
  #fault: ReplayFault | undefined;

  constructor(trace: Trace, allocator: Allocator, options: ReplayOptions) {
    this.#trace = trace;
    this.#allocator = allocator;
    this.#options = options;
    this.#ranges = new LiveRanges(trace.slotCount);
    this.#blocks = new Array<Block | undefined>(trace.slotCount).fill(undefined);
  }

  result(): ReplayResult {
    return {
      ops: this.#op,
      failed: this.#failed,
      firstFailed: this.#firstFailed,
      skipped: this.#skipped,
      fallbacks: this.#fallbacks,
      fault: this.#fault,
    };
  }

  toEnd(): void {
    const { forThread, afterOp, checkEvery = 0 } = this.#options;
    const trace = this.#trace;
    let thread = 0;
    let allocator = forThread?.(0) ?? this.#allocator;
    for (; this.#op < trace.length; this.#op++) {
      if (trace.thread(this.#op) !== thread) {
        thread = trace.thread(this.#op);
        allocator = forThread?.(thread) ?? this.#allocator;
      }
      const address = this.#guarded(() => this.#step(allocator));
      if (this.#fault !== undefined) return;
      afterOp?.(this.#op, address);
      if (checkEvery > 0 && (this.#op + 1) % checkEvery === 0) this.#guarded(() => this.#checkHeap());
      if (this.#fault !== undefined) return;
    }
    this.#guarded(() => this.#checkAtEnd());
  }

  /** Runs a part of the replay; an error of the allocator's is a fault of this operation. */
  #guarded(part: () => Address): Address {
    try {
      return part();
    } catch (error) {
      if (!(error instanceof HeapwrightError)) throw error;
      this.#report(`${error.name}: ${error.message}`);
      return NULL;
    }
  }

  #report(fault: string): void {
    const op = Math.min(this.#op, this.#trace.length - 1);
    this.#fault ??= { op, slot: op < 0 ? 0 : this.#trace.slot(op), fault };
  }

  #step(allocator: Allocator): Address {
    const trace = this.#trace;
    const op = this.#op;
    const slot = trace.slot(op);
    const kind = trace.kind(op);
    if (kind === OpKind.ALLOCATE) return this.#place(slot, allocator, allocator.allocate(trace.size(op)));
    if (kind === OpKind.ZEROED) return this.#zeroed(slot, allocator);
    if (kind === OpKind.ALIGNED) return this.#aligned(slot, allocator);
    const block = this.#blocks[slot];
    if (block === undefined) {
      this.#skipped++;
      return NULL;
    }
    return kind === OpKind.FREE
      ? this.#free(slot, allocator, block)
      : this.#reallocate(slot, allocator, block);
  }

  #zeroed(slot: number, allocator: Allocator): Address {
    const bytes = this.#trace.bytes(this.#op);
    let base: Address;
    if (isZeroed(allocator)) base = allocator.allocateZeroed(bytes);
    else {
      this.#fallbacks.zeroed++;
      base = allocator.allocate(bytes);
      if (base !== NULL) allocator.memory.fill(base, bytes, 0);
    }
    if (base !== NULL && this.#options.shadow && base + bytes <= allocator.memory.byteLength) {
      const offset = findNonZero(allocator.memory, base, bytes);
      if (offset >= 0) this.#report(`calloc gave a block whose byte ${offset} is not zero`);
    }
    return this.#place(slot, allocator, base);
  }

  #aligned(slot: number, allocator: Allocator): Address {
    const size = this.#trace.size(this.#op);
    const alignment = this.#trace.extra(this.#op);
    if (alignment <= allocator.alignment) return this.#place(slot, allocator, allocator.allocate(size));
    if (isAligned(allocator)) {
      return this.#place(slot, allocator, allocator.allocateAligned(alignment, size), undefined, alignment);
    }
    this.#fallbacks.aligned++;
    const base = allocator.allocate(size + alignment - allocator.alignment);
    const address = Math.ceil(base / alignment) * alignment;
    return this.#place(slot, allocator, base, address, alignment);
  }

  #free(slot: number, allocator: Allocator, block: Block): Address {
    this.#verify(block, block.size);
    this.#forget(slot);
    allocator.deallocate(block.base);
    return NULL;
  }

  #reallocate(slot: number, allocator: Allocator, block: Block): Address {
    const size = this.#trace.size(this.#op);
    const { memory } = allocator;
    this.#verify(block, block.size);
    // A block at an alignment of its own begins inside what the allocator gave: only by hand can it move.
    const own = isReallocating(allocator) && block.base === block.address;
    let base: Address;
    if (own) base = allocator.reallocate(block.base, size);
    else {
      this.#fallbacks.reallocated++;
      base = allocator.allocate(size);
      if (base !== NULL) {
        memory.copy(base, block.address, Math.min(size, block.size));
        this.#forget(slot);
        allocator.deallocate(block.base);
      }
    }
    if (base === NULL) {
      this.#fail();
      this.#verify(block, block.size);
      return NULL;
    }
    if (own) this.#forget(slot);
    this.#verify({ ...block, address: base }, Math.min(size, block.size));
    return this.#place(slot, allocator, base);
  }

  #fail(): Address {
    this.#failed++;
    if (this.#firstFailed < 0) this.#firstFailed = this.#op;
    return NULL;
  }

  /** Takes note of the block that the current operation was given, if it was given one. */
  #place(
    slot: number,
    allocator: Allocator,
    base: Address,
    address: Address = base,
    alignment: number = allocator.alignment,
  ): Address {
    if (base === NULL) return this.#fail();
    const size = this.#trace.bytes(this.#op);
    const seed = this.#op;
    this.#blocks[slot] = { allocator, base, address, size, seed };
    if (!this.#options.shadow) return address;
    const at = `0x${address.toString(16)}`;
    if (address % alignment !== 0) this.#report(`${at} is not ${alignment}-byte aligned`);
    if (address + size > allocator.memory.byteLength) {
      this.#report(`${at} + ${size} bytes ends outside the memory of ${allocator.memory.byteLength} bytes`);
    } else {
      const clash = this.#ranges.add(slot, address, size);
      if (clash >= 0) this.#report(`${at} + ${size} bytes overlaps ${this.#describe(clash)}`);
      fillPattern(allocator.memory, address, size, seed);
    }
    return address;
  }

  #describe(slot: number): string {
    const block = this.#blocks[slot]!;
    return `the block of operation ${block.seed} (slot ${slot}: 0x${block.address.toString(16)} + ${block.size} bytes)`;
  }

  #forget(slot: number): void {
    this.#blocks[slot] = undefined;
    if (this.#options.shadow) this.#ranges.remove(slot);
  }

  /** Reports the first of the block's `size` bytes that is not as it was filled. */
  #verify(block: Block, size: number): void {
    if (!this.#options.shadow) return;
    const offset = findLost(block.allocator.memory, block.address, size, block.seed);
    if (offset < 0) return;
    const at = `0x${block.address.toString(16)}`;
    this.#report(
      `byte ${offset} of the block at ${at} (operation ${block.seed}, ${block.size} bytes) was lost`,
    );
  }

  #checkHeap(): Address {
    if (!isInspectable(this.#allocator)) return NULL;
    const [first] = this.#allocator.check();
    if (first !== undefined) this.#report(`check: 0x${first.address.toString(16)}: ${first.fault}`);
    return NULL;
  }

  #checkAtEnd(): Address {
    if ((this.#options.checkEvery ?? 0) > 0) this.#checkHeap();
    if (this.#options.shadow) for (const block of this.#blocks) if (block) this.#verify(block, block.size);
    return NULL;
  }
}
