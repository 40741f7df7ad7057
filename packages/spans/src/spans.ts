/* The heap of one thread. */
import type { Address, Resettable, Trimmer } from "@heapwright/allocator";
import { expectSize } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import { ALONE, attachHeap, createHeap, type HeapState, resetHeap } from "./heap.ts";
import * as layout from "./layout.ts";
import { RunHeap } from "./run-heap.ts";
import { SpanHeap } from "./span-heap.ts";

// V8 folds constants of the module itself into its code, but loads an imported one at each use.
const { CLASS_BITS, CLASS_SHIFT, FIRST_BLOCK, GRANULE, GRANULE_SHIFT, KIND, SPAN, UNIT_MASK, UNIT_SHIFT } =
  layout;

/**
 * The fast general-purpose malloc.
 *
 * | vital statistics | |
 * |---|---|
 * | alignment | 16 bytes; 256 for blocks above 1008 bytes |
 * | overhead of a live block | no header; 4 bytes for each 256 of heap |
 * | rounding | to 16 bytes up to 1008, then to 256 bytes |
 * | smallest block | 16 bytes |
 * | largest block | 2^32 - 4096 bytes, less the tables |
 * | smallest heap | 5 KiB |
 *
 * Every address that is no live block is recognised, wherever it comes from: a stale pointer whose block is
 * free, an address inside a block, a number from nowhere. All state is in the memory; what tells live blocks is outside
 * the blocks, so that no write to them can fool it.
 *
 * @example
 * ```ts
 * import { Spans } from "@heapwright/spans";
 *
 * const heap = new Spans();
 * const block = heap.allocate(100);
 * heap.memory.store32(block, 42);
 * heap.deallocate(block);
 * ```
 */
export class Spans extends SpanHeap implements Resettable, Trimmer {
  /**
   * Begins a new heap.
   *
   * @param memory Where: by default, a new memory of its own that grows as needed. A memory that can grow is grown; one of
   * fixed length is used up to its end. It may hold anything from `start` on.
   * @param start Where the heap begins: a multiple of 64. In a WebAssembly module's own memory, its `__heap_base`
   * rounded up. What is below stays untouched.
   * @throws InvalidArgumentError when the memory has no room for a heap from `start` on.
   */
  constructor(memory?: LinearMemory, start?: Address);
  /** @internal */
  constructor(memory: LinearMemory, start: Address, state: HeapState);
  constructor(memory?: LinearMemory, start: Address = 0, state?: HeapState) {
    const found = state ?? createHeap(memory ?? newMemory(), start, ALONE, memory === undefined);
    super(new RunHeap(found.pages, found.heap, found.arena, 0));
  }

  /**
   * Finds the heap that lives in a memory: in another worker, in a restored image, or beside another instance.
   *
   * @param start Where the heap begins, as given to the constructor.
   * @throws AttachError when there is no heap at `start`, or one of another strategy or version.
   */
  static attach(memory: LinearMemory, start: Address = 0): Spans {
    return new Spans(memory, start, attachHeap(memory, start, ALONE));
  }

  /**
   * O(1). A small block goes to the front of its class's list: about 2 ns for two words read and three written.
   *
   * All misuse that can be told from a live block is recognised: the tag's bit is set for live blocks only.
   */
  deallocate(address: Address): void {
    const granule = address >>> GRANULE_SHIFT;
    if ((granule - this.first) >>> 0 < this.count && address >>> 0 === address) {
      const { words } = this;
      const at = (this.table + granule) | 0;
      const tag = words[at]!;
      const bit = FIRST_BLOCK << ((address >>> UNIT_SHIFT) & UNIT_MASK);
      if ((tag & (bit | KIND)) === (bit | SPAN) && (address & UNIT_MASK) === 0) {
        words[at] = tag ^ bit;
        const head = (this.heads + ((tag & CLASS_BITS) >>> CLASS_SHIFT)) | 0;
        words[address >>> 2] = words[head]!;
        words[head] = address;
        return;
      }
    }
    // All else in one call: what it needs is not kept in registers meanwhile.
    this.deallocateOther(address);
  }

  deallocateAll(): void {
    this.wake();
    resetHeap(this.runs);
    this.renew();
  }

  /**
   * Moves the break back over what is free at the end. A WebAssembly.Memory keeps its length, but the heap does
   * not use what is behind the break until it grows again.
   */
  trim(keep: number): number {
    expectSize(keep);
    this.wake();
    this.pool.reclaim();
    const bytes = this.runs.trim(Math.ceil(keep / GRANULE)) * GRANULE;
    this.renew();
    return bytes;
  }
}

/**
 * The memory of a heap that was given none. It is 32 MiB long at once, of which a system provides only the pages that are
 * touched: a growth would detach all views that a program holds, and V8 then checks that at every access (1 ns).
 */
const newMemory = (): LinearMemory => LinearMemory.growing({ initial: 2 ** 25 });
