import {
  type Address,
  AttachError,
  InvalidArgumentError,
  NULL,
  type PageSource,
} from "@heapwright/allocator";
import type { LinearMemory } from "./linear-memory.ts";

/*
 * The header at the start of a linear heap, one 64-byte cache line:
 *
 *   start +0   magic "HPWR"
 *         +4   version of this layout
 *         +8   strategy: four letters of the strategy that lives here, 0 while none does
 *         +12  version of the strategy's layout
 *         +16  break: the first address not given out (low 32 bits; 0 stands for 2^32 once the memory is full)
 *         +20  root: an address for the strategy's own use, 0 at first
 *         +24  reserved, zero
 *   start +64  the heap: the break begins here
 */
const MAGIC = 0x52575048;
const VERSION = 1;
const HEADER = 64;

/**
 * A break that moves over a linear memory: what a malloc needs where there is no kernel. The memory grows under the
 * break when it can.
 *
 * The break and the identity of the heap are held in the memory itself (64 bytes at `start`), so that another
 * worker, or a later run over a saved image, attaches to it.
 */
export class LinearPages implements PageSource {
  readonly memory: LinearMemory;
  readonly pageSize: number = 4096;
  /** Where the 64-byte header of the heap stands. */
  readonly start: Address;

  private constructor(memory: LinearMemory, start: Address) {
    this.memory = memory;
    this.start = start;
  }

  /**
   * Begins a new heap.
   *
   * @param start Where: a multiple of 64. In a WebAssembly module's own memory, its `__heap_base` rounded up.
   */
  static create(memory: LinearMemory, start: Address = 0): LinearPages {
    if (
      start % HEADER !== 0 ||
      start < 0 ||
      start + HEADER > memory.maxByteLength ||
      !memory.grow(start + HEADER)
    ) {
      throw new InvalidArgumentError("start", start, "a multiple of 64 that leaves room for a heap");
    }
    memory.fill(start, HEADER, 0);
    memory.store32(start, MAGIC);
    memory.store32(start + 4, VERSION);
    memory.store32(start + 16, start + HEADER);
    return new LinearPages(memory, start);
  }

  /**
   * Finds the heap that `create` began, from another worker or in a restored image.
   *
   * @throws AttachError when no heap of this version begins at `start`.
   */
  static attach(memory: LinearMemory, start: Address = 0): LinearPages {
    memory.refresh();
    if (memory.load32(start) !== MAGIC) throw new AttachError(`no heap at 0x${start.toString(16)}`);
    const version = memory.load32(start + 4);
    if (version !== VERSION)
      throw new AttachError(`heap version ${version} at 0x${start.toString(16)}, not ${VERSION}`);
    return new LinearPages(memory, start);
  }

  sbrk(increment: number): Address {
    const { memory, start } = this;
    const old = memory.load32(start + 16) || 2 ** 32;
    const end = old + increment;
    if (end < start + HEADER || end > memory.maxByteLength || !memory.grow(end)) return NULL;
    if (increment < 0) memory.fill(end, -increment, 0);
    memory.store32(start + 16, end);
    return old;
  }
}
