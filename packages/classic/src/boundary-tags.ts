import {
  type Address,
  type AlignedAllocator,
  type BlockInfo,
  DoubleFreeError,
  type ExpandingAllocator,
  expectAlignment,
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
  type ReallocatingAllocator,
  type Trimmer,
  type UsableSize,
} from "@heapwright/allocator";
import { align8, createState, expectAddress, expectState } from "./state.ts";

/*
 * The heap of chunks with boundary tags (Knuth, The Art of Computer Programming 1, 2.5, algorithm C) that first, next and
 * best fit and TLSF share. They differ only in how they keep their free chunks and which one they take.
 *
 *   live chunk                       free chunk
 *   +0  size | flags                 +0         size | flags
 *   +4  payload: the user's          +4         two words of the strategy's (list or tree links)
 *       (up to the end)              size - 4   size again: the boundary tag
 *
 *   base           first                                             end   break
 *   | state, roots | chunk | chunk | chunk                           | 0|1 |
 *
 * Chunks begin 4 bytes before a multiple of 8, so payloads are aligned to 8; sizes are multiples of 8. The flags say
 * whether the chunk is used, and whether the one before it is: only when that is free is its tag, the word before
 * this chunk, valid. `end` holds the header of a last chunk of size 0 that is always used. Where somebody else
 * has moved the break, a chunk with the flag FOREIGN spans what is not ours.
 *
 * Between two calls no two free chunks are neighbours, and each free chunk is known to the strategy exactly once.
 *
 * Vital statistics: 8-byte alignment, 4 bytes of overhead a block, smallest chunk 16 bytes.
 */
const FIRST = 8;
const END = 12;
const FOREIGN_BYTES = 16;
const ROOTS = 24;
const STEP = 65536;

/** Flag: the chunk is handed out. */
const USED = 1;
/** Flag: the chunk before this one is used. */
const PREVIOUS_USED = 2;
/** Flag: the chunk spans memory between two pieces of the heap. */
const FOREIGN = 4;

/** The smallest chunk: header, two links, tag. */
export const MIN_CHUNK = 16;
/** Bytes from a chunk to its payload. */
export const HEADER = 4;

/** What the strategies over boundary tags have in common: see the top of this file. */
export abstract class TaggedHeap
  implements
    AlignedAllocator,
    ReallocatingAllocator,
    ExpandingAllocator,
    UsableSize,
    Owner,
    Trimmer,
    Inspectable,
    Footprint
{
  readonly memory: Memory;
  readonly alignment: number = 8;
  /** Where the state stands: what another instance attaches to. */
  readonly base: Address;
  /** Where the strategy's own words of state stand. */
  protected readonly roots: Address;
  readonly #source: PageSource;

  /** A new heap, with `words` zeroed words of state for the strategy, or the one that stands `at` an address. */
  protected constructor(source: PageSource, letters: string, words: number, at: Address) {
    this.#source = source;
    const memory = source.memory;
    this.memory = memory;
    if (at !== NULL) {
      expectState(source, letters, at);
      this.base = at;
    } else {
      const first = align8(ROOTS + words * 4) + 4;
      this.base = createState(source, letters, first + HEADER);
      memory.store32(this.base + FIRST, this.base + first);
      this.#setEnd(this.base + first, PREVIOUS_USED);
    }
    this.roots = this.base + ROOTS;
  }

  /** Finds a free chunk of at least `size` bytes and leaves it where it is; `NULL` when there is none. */
  protected abstract find(size: number): Address;
  /** Takes note of a free chunk; its header and tag are written. */
  protected abstract insert(chunk: Address): void;
  /** Forgets a free chunk. */
  protected abstract remove(chunk: Address): void;
  /** The free chunks that the strategy knows, and what is wrong with its own structure, as far as it can tell. */
  protected abstract inspect(faults: HeapFault[]): Set<Address>;
  /** The list that holds a free chunk, for {@link TaggedHeap.walk}. */
  protected binOf(_chunk: Address): string {
    return "free list";
  }

  /** The size of a chunk in bytes. */
  protected sizeOf(chunk: Address): number {
    return (this.memory.load32(chunk) & ~7) >>> 0;
  }

  /** Bytes of the chunk for a payload, or 0 when no chunk can be so large. */
  #chunkSize(size: number): number {
    if (size >>> 0 !== size || size > 0xffff0000) {
      expectSize(size);
      return 0;
    }
    return size <= MIN_CHUNK - HEADER ? MIN_CHUNK : ((size + HEADER + 7) & ~7) >>> 0;
  }

  allocate(size: number): Address {
    const needed = this.#chunkSize(size);
    if (needed === 0) return NULL;
    const chunk = this.find(needed) || this.#grow(needed);
    if (chunk === NULL) return NULL;
    this.remove(chunk);
    this.#use(chunk, needed);
    return chunk + HEADER;
  }

  /** Makes a chunk used that no strategy knows any more, and gives what it has beyond `needed` bytes back. */
  #use(chunk: Address, needed: number): void {
    const { memory } = this;
    const size = this.sizeOf(chunk);
    const flags = (memory.load32(chunk) & PREVIOUS_USED) | USED;
    if (size - needed >= MIN_CHUNK) {
      memory.store32(chunk, needed | flags);
      const rest = chunk + needed;
      memory.store32(rest, (size - needed) | USED | PREVIOUS_USED);
      this.#free(rest);
    } else {
      memory.store32(chunk, size | flags);
      const next = chunk + size;
      memory.store32(next, memory.load32(next) | PREVIOUS_USED);
    }
  }

  deallocate(address: Address): void {
    if (address !== NULL) this.#free(this.#live(address));
  }

  /** Frees a used chunk and merges it with its free neighbours. */
  #free(chunk: Address): void {
    const { memory } = this;
    const header = memory.load32(chunk);
    let size = (header & ~7) >>> 0;
    let start = chunk;
    // The header may end up inside a larger chunk: a second free of the same address still finds it unused.
    memory.store32(chunk, header & ~USED);
    const next = chunk + size;
    const nextHeader = memory.load32(next);
    if ((nextHeader & USED) === 0) {
      this.remove(next);
      size += (nextHeader & ~7) >>> 0;
    }
    if ((header & PREVIOUS_USED) === 0) {
      start = chunk - memory.load32(chunk - 4);
      this.remove(start);
      size += chunk - start;
    }
    memory.store32(start, size | PREVIOUS_USED);
    memory.store32(start + size - 4, size);
    memory.store32(start + size, memory.load32(start + size) & ~PREVIOUS_USED);
    this.insert(start);
  }

  /** The chunk of a live block; throws when there is none at the address. */
  #live(address: Address): Address {
    const { memory, base } = this;
    const end = memory.load32(base + END);
    expectAddress(address, memory.load32(base + FIRST), end);
    const chunk = address - HEADER;
    const header = memory.load32(chunk);
    const size = (header & ~7) >>> 0;
    const sized = size >= MIN_CHUNK && chunk + size <= end;
    if (sized && (header & USED) === 0) throw new DoubleFreeError(address);
    if (
      !sized ||
      (header & (USED | FOREIGN)) !== USED ||
      (memory.load32(chunk + size) & PREVIOUS_USED) === 0
    ) {
      throw new InvalidPointerError(address, "is no block of this heap");
    }
    return chunk;
  }

  #setEnd(end: Address, flags: number): void {
    this.memory.store32(end, USED | flags);
    this.memory.store32(this.base + END, end);
  }

  /**
   * Moves the break so that the heap ends with a free chunk of at least `needed` bytes; by 64 KiB when there is room.
   *
   * @returns that chunk, or `NULL`.
   */
  #grow(needed: number): Address {
    const { memory } = this;
    const end = memory.load32(this.base + END);
    const endHeader = memory.load32(end);
    const now = this.#source.sbrk(0);
    const contiguous = now === end + HEADER;
    const before = endHeader & PREVIOUS_USED;
    const start = contiguous ? end : align8(now) + 4;
    const missing =
      contiguous && before === 0 ? needed - memory.load32(end - 4) : Math.max(needed, MIN_CHUNK);
    let size = Math.ceil(missing / STEP) * STEP;
    if (this.#source.sbrk(start + size + HEADER - now) === NULL) {
      size = missing;
      if (this.#source.sbrk(start + size + HEADER - now) === NULL) return NULL;
    }
    if (contiguous) {
      memory.store32(start, size | before | USED);
    } else {
      memory.store32(end, (start - end) | before | USED | FOREIGN);
      memory.store32(start, size | USED | PREVIOUS_USED);
      const foreign = this.base + FOREIGN_BYTES;
      memory.store32(foreign, memory.load32(foreign) + (start - end - HEADER));
    }
    this.#setEnd(start + size, PREVIOUS_USED);
    this.#free(start);
    return start + size - memory.load32(start + size - 4);
  }

  allocateAligned(alignment: number, size: number): Address {
    expectAlignment(alignment);
    const needed = this.#chunkSize(size);
    if (alignment <= 8 || needed === 0) return this.allocate(size);
    const { memory } = this;
    const room = needed + alignment + MIN_CHUNK;
    const chunk = this.find(room) || this.#grow(room);
    if (chunk === NULL) return NULL;
    this.remove(chunk);
    // What stands before the aligned block must be a chunk of its own, or nothing.
    let block = Math.ceil((chunk + HEADER) / alignment) * alignment;
    let front = block - HEADER - chunk;
    if (front > 0 && front < MIN_CHUNK) block += Math.max(alignment, MIN_CHUNK);
    front = block - HEADER - chunk;
    if (front > 0) {
      memory.store32(chunk + front, (this.sizeOf(chunk) - front) | USED | PREVIOUS_USED);
      memory.store32(chunk, front | USED | PREVIOUS_USED);
      this.#free(chunk);
    }
    this.#use(block - HEADER, needed);
    return block;
  }

  expand(address: Address, size: number): boolean {
    const { memory } = this;
    const chunk = this.#live(address);
    const needed = this.#chunkSize(size);
    if (needed === 0) return false;
    const own = this.sizeOf(chunk);
    const next = chunk + own;
    if (needed > own) {
      const nextSize = (memory.load32(next) & USED) === 0 ? this.sizeOf(next) : 0;
      const end = memory.load32(this.base + END);
      if (own + nextSize < needed) {
        const last = next + nextSize === end && this.#source.sbrk(0) === end + HEADER;
        if (!last || this.#grow(needed - own) === NULL) return false;
      }
      this.remove(next);
      memory.store32(chunk, (own + this.sizeOf(next)) | (memory.load32(chunk) & 7));
    }
    this.#use(chunk, needed);
    return true;
  }

  reallocate(address: Address, size: number): Address {
    if (address === NULL) return this.allocate(size);
    const usable = this.usableSize(address);
    if (this.expand(address, size)) return address;
    const moved = this.allocate(size);
    if (moved === NULL) return NULL;
    this.memory.copy(moved, address, Math.min(usable, size));
    this.deallocate(address);
    return moved;
  }

  usableSize(address: Address): number {
    return this.sizeOf(this.#live(address)) - HEADER;
  }

  goodSize(size: number): number {
    const needed = this.#chunkSize(size);
    return needed === 0 ? size : needed - HEADER;
  }

  owns(address: Address): boolean {
    const { memory, base } = this;
    return address >= memory.load32(base + FIRST) && address < memory.load32(base + END);
  }

  trim(keep: number): number {
    expectSize(keep);
    const { memory } = this;
    const end = memory.load32(this.base + END);
    if ((memory.load32(end) & PREVIOUS_USED) !== 0 || this.#source.sbrk(0) !== end + HEADER) return 0;
    const size = memory.load32(end - 4);
    const kept = keep === 0 ? 0 : Math.max(align8(keep), MIN_CHUNK);
    if (kept >= size) return 0;
    const chunk = end - size;
    this.remove(chunk);
    if (this.#source.sbrk(kept - size) === NULL) {
      this.insert(chunk);
      return 0;
    }
    this.#setEnd(chunk + kept, PREVIOUS_USED);
    if (kept > 0) {
      memory.store32(chunk, kept | USED | PREVIOUS_USED);
      this.#free(chunk);
    }
    return size - kept;
  }

  *walk(): Generator<BlockInfo> {
    const { memory, base } = this;
    const first = memory.load32(base + FIRST);
    const end = memory.load32(base + END);
    yield { address: base, size: first - base, state: "meta" };
    for (let chunk = first; chunk < end; chunk += this.sizeOf(chunk)) {
      const header = memory.load32(chunk);
      const info = { address: chunk, size: this.sizeOf(chunk), payload: chunk + HEADER };
      if (info.size === 0) return;
      if ((header & FOREIGN) !== 0) yield { address: chunk, size: HEADER, state: "meta" };
      else if ((header & USED) !== 0) yield { ...info, state: "live" };
      else yield { ...info, state: "free", bin: this.binOf(chunk) };
    }
    yield { address: end, size: HEADER, state: "meta" };
  }

  check(): readonly HeapFault[] {
    const { memory, base } = this;
    const faults: HeapFault[] = [];
    const known = this.inspect(faults);
    const end = memory.load32(base + END);
    let before: number = USED;
    let chunk = memory.load32(base + FIRST);
    while (chunk < end) {
      const header = memory.load32(chunk);
      const size = this.sizeOf(chunk);
      if (size < 8 || chunk + size > end) break;
      const free = (header & USED) === 0;
      if (((header & PREVIOUS_USED) !== 0) !== (before === USED)) {
        faults.push({ address: chunk, fault: "the flag for the chunk before is wrong" });
      }
      if (free) {
        if (before !== USED) faults.push({ address: chunk, fault: "two free chunks are neighbours" });
        const tag = memory.load32(chunk + size - 4);
        if (tag !== size) faults.push({ address: chunk, fault: `tag says ${tag} bytes, header ${size}` });
        if (!known.delete(chunk)) faults.push({ address: chunk, fault: "free chunk is on no list" });
      }
      before = header & USED;
      chunk += size;
    }
    if (chunk !== end) {
      faults.push({ address: chunk, fault: `chunk of ${this.sizeOf(chunk)} bytes does not lead to the end` });
    } else if ((memory.load32(end) & ~PREVIOUS_USED) !== USED) {
      faults.push({ address: end, fault: "the end of the heap was overwritten" });
    }
    for (const address of known) faults.push({ address, fault: "a list names what is no free chunk" });
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
    return memory.load32(base + END) + HEADER - base - memory.load32(base + FOREIGN_BYTES);
  }
}
