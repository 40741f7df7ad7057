import {
  type Address,
  type AlignedAllocator,
  expectAlignment,
  expectSize,
  type Footprint,
  InvalidArgumentError,
  type Memory,
  NULL,
  type Owner,
  type PageSource,
  type Resettable,
} from "@heapwright/allocator";
import { align8, createState, expectAddress, expectState } from "./state.ts";

/*
 * A bump allocator, also called a region or an arena: a pointer that only moves forward.
 *
 *   base      first                          top                 end = the break
 *   | state   | block | block    | block     | not yet used      |
 *
 * Nothing is kept about a block, so none can be given back alone; all of them go at once, or all that are younger than
 * a mark. It is the lower bound for what an allocation can cost and, on programs that free little, for memory too.
 * Hanson, "Fast allocation and deallocation of memory based on object lifetimes", 1990.
 *
 * Vital statistics: 8-byte alignment, no overhead a block, smallest block 8 bytes, all operations O(1).
 */
const TOP = 8;
const END = 12;
const STATE = 16;
const STEP = 65536;
const LETTERS = "BUMP";

/**
 * A bump allocator, or region. `deallocate` does nothing but check the address; {@link Bump.deallocateAll} and
 * {@link Bump.release} give memory back.
 *
 * @example
 * ```ts
 * import { Bump } from "@heapwright/classic";
 * import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
 *
 * const region = new Bump(LinearPages.create(LinearMemory.fixed(65536)));
 * const mark = region.mark();
 * region.memory.store32(region.allocate(100), 42);
 * region.release(mark); // all that was allocated since
 * ```
 */
export class Bump implements AlignedAllocator, Owner, Resettable, Footprint {
  readonly memory: Memory;
  readonly alignment: number = 8;
  /** Where the state stands: what another instance attaches to. */
  readonly base: Address;
  readonly #source: PageSource;

  /**
   * @param source Where memory comes from.
   * @param at The {@link Bump.base} of a region to attach to; a new one unless given.
   * @throws AttachError when no region stands there.
   */
  constructor(source: PageSource, at: Address = NULL) {
    this.#source = source;
    this.memory = source.memory;
    if (at === NULL) {
      this.base = createState(source, LETTERS, STATE);
      this.memory.store32(this.base + TOP, this.base + STATE);
      this.memory.store32(this.base + END, this.base + STATE);
    } else {
      expectState(source, LETTERS, at);
      this.base = at;
    }
  }

  allocate(size: number): Address {
    return this.allocateAligned(8, size);
  }

  allocateAligned(alignment: number, size: number): Address {
    expectAlignment(alignment);
    if (size >>> 0 !== size) {
      expectSize(size);
      return NULL;
    }
    const { memory, base } = this;
    const step = Math.max(alignment, 8);
    const block = Math.ceil(memory.load32(base + TOP) / step) * step;
    const top = block + Math.max(align8(size), 8);
    if (top > memory.load32(base + END) && !this.#reach(top)) return NULL;
    memory.store32(base + TOP, top);
    return block;
  }

  /** Moves the break to at least `end`. A break that another has moved is the end of this region. */
  #reach(end: number): boolean {
    const now = this.memory.load32(this.base + END);
    if (this.#source.sbrk(0) !== now) return false;
    // Addresses above 2^32 - 8 stay unused, so that the end of the region is an address too.
    if (end > 2 ** 32 - 8) return false;
    const far = Math.min(now + Math.ceil((end - now) / STEP) * STEP, 2 ** 32 - 8);
    for (const reached of [far, end]) {
      if (this.#source.sbrk(reached - now) === NULL) continue;
      this.memory.store32(this.base + END, reached);
      return true;
    }
    return false;
  }

  deallocate(address: Address): void {
    if (address === NULL) return;
    expectAddress(address, this.base + STATE, this.memory.load32(this.base + TOP));
  }

  owns(address: Address): boolean {
    return address >= this.base + STATE && address < this.memory.load32(this.base + TOP);
  }

  deallocateAll(): void {
    this.release(this.base + STATE);
  }

  /** The place up to which the region is used now, for {@link Bump.release}. */
  mark(): Address {
    return this.memory.load32(this.base + TOP);
  }

  /**
   * Gives all blocks back that were taken since the mark. Its memory stays with the region.
   *
   * @throws InvalidArgumentError when `mark` is no earlier place of this region.
   */
  release(mark: Address): void {
    const top = this.mark();
    if (mark % 8 !== 0 || !(mark >= this.base + STATE && mark <= top)) {
      throw new InvalidArgumentError("mark", mark, "a mark of this region, not released yet");
    }
    this.memory.store32(this.base + TOP, mark);
  }

  footprint(): number {
    return this.memory.load32(this.base + END) - this.base;
  }
}
