import {
  type Address,
  type BlockInfo,
  DoubleFreeError,
  expectSize,
  type Footprint,
  type HeapFault,
  type HeapStats,
  type Inspectable,
  InvalidPointerError,
  type Memory,
  NULL,
  type Owner,
  type PageSource,
  type UsableSize,
} from "@heapwright/allocator";
import { align8, createState, expectAddress, expectState } from "./state.ts";

/*
 * The allocator of Kernighan and Ritchie, "The C Programming Language", second edition, 8.7: the one by which most people
 * learn how malloc works.
 *
 *   block   +0  next free block, or USED          base -> block -> block -+     a circle in address order,
 *           +4  size in units of 8 bytes            ^-- freep              |     base being a block of size 0
 *           +8  payload                             +----------------------+
 *
 *   state: +8 base's next   +12 base's size, 0   +16 freep   +20 first   +24 end   +28 foreign bytes
 *
 * The search begins at `freep`, where the last one ended (next fit), and a block is cut at its high end, so that the
 * list need not change. A free block is sorted into the circle from `freep` on and joined with its neighbours if they
 * touch it. There are no boundary tags, so freeing is a walk too.
 *
 * Beyond the book: a used block says so in the place of its link, which finds most misuse, and the heap ends with a
 * block of one unit, FOREIGN, which grows over what somebody else takes from the break, so that the heap can be walked.
 *
 * Vital statistics: 8-byte alignment, 8 bytes of overhead a block, smallest block 16 bytes.
 */
const BASE = 8;
const FREEP = 16;
const FIRST = 20;
const END = 24;
const FOREIGN_BYTES = 28;
const STATE = 32;

const UNIT = 8;
/** The least number of units to ask the source for: NALLOC. */
const MORE = 1024;

const USED = 1;
const FOREIGN = 2;

/**
 * The allocator of Kernighan and Ritchie's book. Allocation and deallocation are O(free blocks).
 *
 * Misuse found: a double free and an address that is no block, unless the words in front of it were reused.
 *
 * @example
 * ```ts
 * import { KernighanRitchie } from "@heapwright/classic";
 * import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
 *
 * const heap = new KernighanRitchie(LinearPages.create(LinearMemory.growing()));
 * const block = heap.allocate(100);
 * heap.deallocate(block);
 * ```
 */
export class KernighanRitchie implements UsableSize, Owner, Inspectable, Footprint {
  readonly memory: Memory;
  readonly alignment: number = UNIT;
  /** Where the state stands: what another instance attaches to. */
  readonly base: Address;
  readonly #source: PageSource;

  /**
   * @param source Where memory comes from.
   * @param at The {@link KernighanRitchie.base} of a heap to attach to; a new one unless given.
   * @throws AttachError when no such heap stands there.
   */
  constructor(source: PageSource, at: Address = NULL) {
    this.#source = source;
    this.memory = source.memory;
    if (at !== NULL) {
      expectState(source, "K&R ", at);
      this.base = at;
      return;
    }
    this.base = createState(source, "K&R ", STATE + UNIT);
    const { memory, base } = this;
    memory.store32(base + BASE, base + BASE);
    memory.store32(base + FREEP, base + BASE);
    memory.store32(base + FIRST, base + STATE);
    this.#setEnd(base + STATE);
  }

  #next(block: Address): Address {
    return this.memory.load32(block);
  }
  /** The size of a block in bytes, its header included. */
  #size(block: Address): number {
    return this.memory.load32(block + 4) * UNIT;
  }
  #setEnd(end: Address): void {
    const { memory, base } = this;
    memory.store32(end, FOREIGN);
    memory.store32(end + 4, 1);
    memory.store32(base + END, end);
  }

  /** Bytes of the block for a payload, or 0 when none can be so large. */
  #blockSize(size: number): number {
    if (size >>> 0 !== size || size > 0xffff0000) {
      expectSize(size);
      return 0;
    }
    return align8(Math.max(size, 1)) + UNIT;
  }

  allocate(size: number): Address {
    const needed = this.#blockSize(size);
    if (needed === 0) return NULL;
    const { memory, base } = this;
    const start = memory.load32(base + FREEP);
    let previous = start;
    for (;;) {
      const block = this.#next(previous);
      const own = this.#size(block);
      if (own >= needed) {
        memory.store32(base + FREEP, previous);
        if (own === needed) memory.store32(previous, this.#next(block));
        else memory.store32(block + 4, (own - needed) / UNIT);
        return this.#use(block + own - needed, needed) + UNIT;
      }
      if (block === start) break;
      previous = block;
    }
    return this.#more(needed) ? this.allocate(size) : NULL;
  }

  #use(block: Address, size: number): Address {
    this.memory.store32(block, USED);
    this.memory.store32(block + 4, size / UNIT);
    return block;
  }

  /** Moves the break, and frees what is new. The book's `morecore`. */
  #more(needed: number): boolean {
    const { memory, base } = this;
    const end = memory.load32(base + END);
    const now = this.#source.sbrk(0);
    const start = now === end + UNIT ? end : align8(now);
    let size = Math.max(needed, MORE * UNIT);
    if (this.#source.sbrk(start + size + UNIT - now) === NULL) {
      size = this.#missing(needed, end, start);
      if (this.#source.sbrk(start + size + UNIT - now) === NULL) return false;
    }
    if (start !== end) {
      memory.store32(end + 4, (start - end) / UNIT);
      memory.store32(base + FOREIGN_BYTES, memory.load32(base + FOREIGN_BYTES) + (start - end - UNIT));
    }
    this.#setEnd(start + size);
    this.#free(this.#use(start, size));
    return true;
  }

  /** What a free block at the end of the heap lacks; all, when what is new will not touch it. */
  #missing(needed: number, end: Address, start: Address): number {
    if (start !== end) return needed;
    for (const block of this.#circle()) {
      const size = this.#size(block);
      if (block + size === end && size > 0) return needed - size;
    }
    return needed;
  }

  deallocate(address: Address): void {
    if (address !== NULL) this.#free(this.#live(address));
  }

  /** Sorts a block into the circle. The book's `free`. */
  #free(block: Address): void {
    const { memory, base } = this;
    let place = memory.load32(base + FREEP);
    for (let next = this.#next(place); !(block > place && block < next); next = this.#next(place)) {
      // At the end of the circle, where it leads back to base.
      if (place >= next && (block > place || block < next)) break;
      place = next;
    }
    const next = this.#next(place);
    const end = block + this.#size(block);
    if (end === next) {
      memory.store32(block + 4, (next + this.#size(next) - block) / UNIT);
      memory.store32(block, this.#next(next));
    } else {
      memory.store32(block, next);
    }
    if (place + this.#size(place) === block) {
      memory.store32(place + 4, (block + this.#size(block) - place) / UNIT);
      memory.store32(place, this.#next(block));
    } else {
      memory.store32(place, block);
    }
    memory.store32(base + FREEP, place);
  }

  /** The block of a live payload; throws when there is none at the address. */
  #live(address: Address): Address {
    const { memory, base } = this;
    const end = memory.load32(base + END);
    expectAddress(address, base + STATE + UNIT, end);
    const block = address - UNIT;
    const link = memory.load32(block);
    if (link % UNIT === 0 && link >= base && link < end) throw new DoubleFreeError(address);
    if (link !== USED || this.#size(block) < 2 * UNIT || block + this.#size(block) > end) {
      throw new InvalidPointerError(address, "is no block of this heap");
    }
    return block;
  }

  usableSize(address: Address): number {
    return this.#size(this.#live(address)) - UNIT;
  }

  goodSize(size: number): number {
    const needed = this.#blockSize(size);
    return needed === 0 ? size : needed - UNIT;
  }

  owns(address: Address): boolean {
    return address >= this.base + STATE && address < this.memory.load32(this.base + END);
  }

  /** The free blocks in address order, base first. */
  *#circle(): Generator<Address> {
    const start = this.base + BASE;
    let block = start;
    do {
      yield block;
      block = this.#next(block);
    } while (block !== start);
  }

  *walk(): Generator<BlockInfo> {
    const { memory, base } = this;
    const end = memory.load32(base + END);
    yield { address: base, size: STATE, state: "meta" };
    for (let block = base + STATE; block < end; block += this.#size(block)) {
      const link = memory.load32(block);
      const info = { address: block, size: this.#size(block), payload: block + UNIT };
      if (info.size === 0) return;
      if (link === FOREIGN) yield { address: block, size: UNIT, state: "meta" };
      else if (link === USED) yield { ...info, state: "live" };
      else yield { ...info, state: "free", bin: "free list" };
    }
    yield { address: end, size: UNIT, state: "meta" };
  }

  check(): readonly HeapFault[] {
    const { memory, base } = this;
    const faults: HeapFault[] = [];
    const end = memory.load32(base + END);
    const circle = new Set<Address>();
    let last: Address = NULL;
    for (const block of this.#circle()) {
      if (block <= last || (block !== base + BASE && !this.owns(block))) {
        faults.push({ address: block, fault: "the circle is not in address order" });
        return faults;
      }
      if (last !== NULL && last + this.#size(last) === block) {
        faults.push({ address: block, fault: "free neighbours are not joined" });
      }
      last = block;
      circle.add(block);
    }
    if (!circle.delete(memory.load32(base + FREEP)) && memory.load32(base + FREEP) !== base + BASE) {
      faults.push({ address: base + FREEP, fault: "freep is no free block" });
    } else circle.add(memory.load32(base + FREEP));
    circle.delete(base + BASE);
    let block = base + STATE;
    while (block < end) {
      const link = memory.load32(block);
      const size = this.#size(block);
      if (size < UNIT || block + size > end) break;
      if (link !== USED && link !== FOREIGN && !circle.delete(block)) {
        faults.push({ address: block, fault: "a block is neither used nor in the circle" });
      }
      block += size;
    }
    if (block !== end)
      faults.push({ address: block, fault: `${this.#size(block)} bytes do not lead to the end` });
    else if (memory.load32(end) !== FOREIGN || memory.load32(end + 4) !== 1) {
      faults.push({ address: end, fault: "the end of the heap was overwritten" });
    }
    for (const address of circle) faults.push({ address, fault: "the circle names what is no free block" });
    return faults;
  }

  stats(): HeapStats {
    const stats = { allocatedBytes: 0, freeBytes: 0, liveBlocks: 0, freeBlocks: 0, largestFreeBytes: 0 };
    for (const { size, state } of this.walk()) {
      if (state === "live") {
        stats.allocatedBytes += size;
        stats.liveBlocks++;
      } else if (state === "free") {
        stats.freeBytes += size;
        stats.freeBlocks++;
        stats.largestFreeBytes = Math.max(stats.largestFreeBytes, size);
      }
    }
    return { heapBytes: this.footprint(), ...stats };
  }

  footprint(): number {
    const { memory, base } = this;
    return memory.load32(base + END) + UNIT - base - memory.load32(base + FOREIGN_BYTES);
  }
}
