import {
  type Address,
  DoubleFreeError,
  type HeapFault,
  InvalidArgumentError,
  InvalidPointerError,
  type Memory,
  NULL,
} from "@heapwright/allocator";
import { alignUp, BINS_END, Bins } from "./bins.ts";
import { ALIGNMENT, FREE, LIVE, Node, Nodes, Word } from "./nodes.ts";
import { CLASSES, classOf } from "./size-classes.ts";

/** What {@link OffsetAllocator.allocate} answers when there is no room. Offset 0 is an ordinary place. */
export const NO_SPACE = -1;

/** What is left of a range, in bytes. */
export interface StorageReport {
  /** The whole range. */
  readonly size: number;
  /** All free bytes together. */
  readonly totalFreeSpace: number;
  /** The largest request that can be served now, at alignment 1. */
  readonly largestFreeRegion: number;
  /** Number of free regions. */
  readonly freeRegions: number;
  /** Number of live allocations. */
  readonly allocations: number;
}

/** One step of a compaction: the host copies `size` bytes from one offset to another, lower one. */
export interface Move {
  /** Where the allocation is. */
  readonly from: number;
  /** Where it goes: below `from`. */
  readonly to: number;
  /** Its bytes. */
  readonly size: number;
}

/** What can be chosen for an {@link OffsetAllocator}. */
export interface OffsetAllocatorOptions {
  /** Sizes and alignments are rounded up to multiples of this many bytes: 1 to 2^32 - 1, 1 unless given. */
  readonly granularity?: number;
  /** The memory for the records, from address 0 on; a private one that grows unless given. 40 bytes a region. */
  readonly metadata?: Memory;
}

/**
 * Divides a range of numbers that it never touches: the bytes of a GPU buffer, a file, a texture's rows. Two-level
 * segregated fit with immediate merging of neighbours, all records kept elsewhere.
 *
 * ```
 *   0                                                     size
 *   | live | free  | live       | live | free             |
 * ```
 *
 * An allocation fails only when no free region can hold it at its alignment. Sizes, offsets and alignments are exact up
 * to 2^53; the number of allocations is bounded by the memory for the records alone.
 *
 * Misuse found, always: an offset that begins no allocation, a double free.
 *
 * After sebbbi/OffsetAllocator (the idea and the words of its report) and the virtual blocks of the Vulkan Memory
 * Allocator.
 *
 * @example
 * ```ts
 * import { NO_SPACE, OffsetAllocator } from "@heapwright/buddy";
 *
 * const buffer = OffsetAllocator.create(64 * 2 ** 20, { granularity: 256 });
 * const vertices = buffer.allocate(100_000); // an offset, or NO_SPACE
 * if (vertices !== NO_SPACE) buffer.free(vertices);
 * ```
 */
export class OffsetAllocator {
  readonly #nodes: Nodes;
  readonly #bins: Bins;

  private constructor(nodes: Nodes) {
    this.#nodes = nodes;
    this.#bins = new Bins(nodes);
  }

  /**
   * Begins with a range that is all free.
   *
   * @param size Bytes of the range: 1 to 2^53 - 1, rounded down to the granularity.
   * @throws InvalidArgumentError when an argument is out of range, or the memory for the records too small.
   */
  static create(size: number, options: OffsetAllocatorOptions = {}): OffsetAllocator {
    const granularity = expectWhole("granularity", options.granularity ?? 1, MAX_ALIGNMENT);
    expectWhole("size", size, Number.MAX_SAFE_INTEGER);
    const usable = size - (size % granularity);
    if (usable === 0)
      throw new InvalidArgumentError("size", size, `at least the granularity, ${granularity}`);
    const nodes = new Nodes(options.metadata);
    if (!nodes.create(BINS_END) || !nodes.reserve(1)) {
      const expected = `a memory that holds more than ${BINS_END} bytes`;
      throw new InvalidArgumentError("metadata", nodes.memory.maxByteLength, expected);
    }
    const allocator = new OffsetAllocator(nodes);
    nodes.memory.store32(Word.GRANULARITY, granularity);
    allocator.grow(usable);
    return allocator;
  }

  /**
   * Finds the records that another instance keeps in a memory, in another worker or a restored image.
   *
   * @throws AttachError when there are none of this version.
   */
  static attach(metadata: Memory): OffsetAllocator {
    const nodes = new Nodes(metadata);
    nodes.expect();
    return new OffsetAllocator(nodes);
  }

  /** The memory that the records stand in now. */
  get metadata(): Memory {
    return this.#nodes.memory;
  }
  /** Bytes of the range. */
  get size(): number {
    return this.#nodes.load(Word.SIZE);
  }
  /** What sizes and offsets are multiples of. */
  get granularity(): number {
    return this.#nodes.memory.load32(Word.GRANULARITY);
  }

  /**
   * Takes `size` bytes at a multiple of `alignment`. O(1) but for the last resort: see `Bins.find`.
   *
   * @param size Bytes, rounded up to the granularity; 0 counts as 1.
   * @param alignment 1 to 2^32 - 1, not necessarily a power of two (a vertex stride of 12, say). The offset is a multiple of
   * it and of the granularity.
   * @returns the offset, or {@link NO_SPACE} when no free region can hold it, or the memory for the records is full;
   * then nothing has changed.
   * @throws InvalidArgumentError when an argument is no such number.
   */
  allocate(size: number, alignment = 1): number {
    const { granularity } = this;
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new InvalidArgumentError("size", size, "an integer of bytes, 0 or more");
    }
    expectWhole("alignment", alignment, MAX_ALIGNMENT);
    const step = leastCommonMultiple(alignment, granularity);
    const needed = alignUp(Math.max(size, 1), granularity);
    if (needed > this.size) return NO_SPACE;
    const nodes = this.#nodes;
    const node = this.#bins.find(needed, step);
    if (node === NULL || !nodes.reserve(2)) return NO_SPACE;
    return this.#place(node, alignUp(nodes.offset(node), step), needed, step);
  }

  /** Makes `[offset, offset + size)` of a free region live; what is left on both sides stays free. */
  #place(node: Address, offset: number, size: number, alignment: number): number {
    const nodes = this.#nodes;
    this.#bins.remove(node);
    const start = nodes.offset(node);
    const end = start + nodes.size(node);
    if (offset > start) {
      this.#bins.insert(this.#link(start, offset - start, nodes.memory.load32(node + Node.BEFORE), node));
    }
    if (offset + size < end) {
      const rest = end - offset - size;
      this.#bins.insert(this.#link(offset + size, rest, node, nodes.memory.load32(node + Node.BEHIND)));
    }
    const { memory } = nodes;
    nodes.store(node + Node.OFFSET, offset);
    nodes.store(node + Node.SIZE, size);
    memory.store32(node + ALIGNMENT, alignment);
    memory.store32(node + Node.STATE, LIVE);
    memory.store32(Word.LIVE_COUNT, memory.load32(Word.LIVE_COUNT) + 1);
    nodes.enter(node);
    return offset;
  }

  /** A new node between two others; its state is left to the caller. */
  #link(offset: number, size: number, before: Address, behind: Address): Address {
    const nodes = this.#nodes;
    const node = nodes.take();
    nodes.store(node + Node.OFFSET, offset);
    nodes.store(node + Node.SIZE, size);
    const { memory } = nodes;
    memory.store32(node + Node.BEFORE, before);
    memory.store32(node + Node.BEHIND, behind);
    memory.store32(before === NULL ? Word.FIRST : before + Node.BEHIND, node);
    memory.store32(behind === NULL ? Word.LAST : behind + Node.BEFORE, node);
    return node;
  }

  /** Takes a node out of the range; its bytes belong to a neighbour now. */
  #unlink(node: Address): void {
    const { memory } = this.#nodes;
    const before = memory.load32(node + Node.BEFORE);
    const behind = memory.load32(node + Node.BEHIND);
    memory.store32(before === NULL ? Word.FIRST : before + Node.BEHIND, behind);
    memory.store32(behind === NULL ? Word.LAST : behind + Node.BEFORE, before);
    this.#nodes.give(node);
  }

  /**
   * Gives an allocation back and merges it with its free neighbours. O(1) expected.
   *
   * @throws DoubleFreeError when the offset is free; InvalidPointerError when it begins no allocation.
   */
  free(offset: number): void {
    this.#release(this.#live(offset));
  }

  #release(node: Address): void {
    const nodes = this.#nodes;
    const { memory } = nodes;
    nodes.leave(node);
    memory.store32(Word.LIVE_COUNT, memory.load32(Word.LIVE_COUNT) - 1);
    let start = nodes.offset(node);
    let end = start + nodes.size(node);
    const before = memory.load32(node + Node.BEFORE);
    if (before !== NULL && memory.load32(before + Node.STATE) === FREE) {
      this.#bins.remove(before);
      start = nodes.offset(before);
      this.#unlink(before);
    }
    const behind = memory.load32(node + Node.BEHIND);
    if (behind !== NULL && memory.load32(behind + Node.STATE) === FREE) {
      this.#bins.remove(behind);
      end += nodes.size(behind);
      this.#unlink(behind);
    }
    nodes.store(node + Node.OFFSET, start);
    nodes.store(node + Node.SIZE, end - start);
    this.#bins.insert(node);
  }

  /** The node of an allocation; says what is wrong when there is none. O(1) expected when there is. */
  #live(offset: number): Address {
    const nodes = this.#nodes;
    if (!Number.isSafeInteger(offset) || offset < 0 || offset >= this.size) {
      throw new InvalidPointerError(offset, "is no offset of this range");
    }
    const found = nodes.find(offset);
    if (found !== NULL) return found;
    for (const node of nodes.inOrder()) {
      if (offset >= nodes.offset(node) + nodes.size(node)) continue;
      if (nodes.memory.load32(node + Node.STATE) === FREE) throw new DoubleFreeError(offset);
      break;
    }
    throw new InvalidPointerError(offset, "lies inside an allocation");
  }

  /**
   * The bytes of the allocation at an offset: what was asked for, rounded up to the granularity.
   *
   * @throws DoubleFreeError or InvalidPointerError as {@link OffsetAllocator.free}.
   */
  sizeOf(offset: number): number {
    return this.#nodes.size(this.#live(offset));
  }

  /** What is left. O(regions of one size class). */
  storageReport(): StorageReport {
    const { memory } = this.#nodes;
    return {
      size: this.size,
      totalFreeSpace: this.#nodes.load(Word.FREE_SPACE),
      largestFreeRegion: this.#bins.largest(),
      freeRegions: memory.load32(Word.FREE_COUNT),
      allocations: memory.load32(Word.LIVE_COUNT),
    };
  }

  /**
   * Makes the range larger at its end: the host has put a larger buffer, or more of the file, in its place. O(1).
   *
   * @param size Bytes of the whole range, rounded down to the granularity.
   * @returns false, with nothing changed, when that is no more than before or the memory for the records is full.
   * @throws InvalidArgumentError when `size` is no whole number from 1 to 2^53 - 1.
   */
  grow(size: number): boolean {
    expectWhole("size", size, Number.MAX_SAFE_INTEGER);
    const nodes = this.#nodes;
    const old = this.size;
    const now = size - (size % this.granularity);
    if (now <= old || !nodes.reserve(1)) return false;
    const last = nodes.memory.load32(Word.LAST);
    if (last !== NULL && nodes.memory.load32(last + Node.STATE) === FREE) {
      this.#bins.remove(last);
      nodes.store(last + Node.SIZE, now - nodes.offset(last));
      this.#bins.insert(last);
    } else {
      this.#bins.insert(this.#link(old, now - old, last, NULL));
    }
    nodes.store(Word.SIZE, now);
    return true;
  }

  /**
   * How to bring the free space together: moves by which the allocations slide down, in the order in which the host must
   * perform them. Nothing is changed; each move that was performed is told by {@link OffsetAllocator.commit}.
   *
   * @param overlapping Whether a move may have its source and target overlap (`memmove`; a copy within one GPU buffer must
   * not). Without, an allocation that cannot clear its own place stays, and so the plan may gather less.
   */
  compactionPlan(overlapping = true): Move[] {
    const nodes = this.#nodes;
    const moves: Move[] = [];
    let end = 0;
    for (const node of nodes.inOrder()) {
      if (nodes.memory.load32(node + Node.STATE) !== LIVE) continue;
      const from = nodes.offset(node);
      const size = nodes.size(node);
      const to = alignUp(end, nodes.memory.load32(node + ALIGNMENT));
      const moved = to < from && (overlapping || to + size <= from);
      if (moved) moves.push({ from, to, size });
      end = (moved ? to : from) + size;
    }
    return moves;
  }

  /**
   * Takes note that the host has performed a move: the allocation is at `to` now, the rest of its old place is free.
   *
   * @throws InvalidPointerError or DoubleFreeError when there is no allocation at `from`; InvalidArgumentError when its size
   * is another, or `to` is not free, not aligned as the allocation was, or not below `from`.
   */
  commit(move: Move): void {
    const nodes = this.#nodes;
    const { memory } = nodes;
    const node = this.#live(move.from);
    const size = nodes.size(node);
    const alignment = memory.load32(node + ALIGNMENT);
    if (size !== move.size)
      throw new InvalidArgumentError("move.size", move.size, `${size}, the allocation's size`);
    let target = memory.load32(node + Node.BEFORE);
    while (target !== NULL && nodes.offset(target) > move.to) target = memory.load32(target + Node.BEFORE);
    const free = target !== NULL && memory.load32(target + Node.STATE) === FREE;
    const end = free ? nodes.offset(target) + nodes.size(target) : 0;
    // The space before an allocation merges with its own when it goes.
    const room = end === move.from ? end + size : end;
    if (!(move.to >= 0 && move.to < move.from && move.to % alignment === 0 && move.to + size <= room)) {
      throw new InvalidArgumentError(
        "move.to",
        move.to,
        `a free place below ${move.from}, aligned to ${alignment}`,
      );
    }
    if (!nodes.reserve(2))
      throw new InvalidArgumentError("metadata", memory.byteLength, "large enough for two more regions");
    const merged = end === move.from;
    this.#release(node);
    // When the two merged, the region is the node's; otherwise it is still the target's.
    this.#place(merged ? node : target, move.to, size, alignment);
  }

  /** All regions in ascending order. */
  *regions(): Generator<{ offset: number; size: number; live: boolean }> {
    const nodes = this.#nodes;
    for (const node of nodes.inOrder()) {
      const live = nodes.memory.load32(node + Node.STATE) === LIVE;
      yield { offset: nodes.offset(node), size: nodes.size(node), live };
    }
  }

  /** Verifies every invariant of the records. Empty when they are sound. O(regions). */
  check(): readonly HeapFault[] {
    const nodes = this.#nodes;
    const { memory } = nodes;
    const faults: HeapFault[] = [];
    const report = (address: number, fault: string): void => {
      faults.push({ address, fault });
    };
    let offset = 0;
    let before: Address = NULL;
    let free = 0;
    let live = 0;
    const known = this.#listed(report);
    for (const node of nodes.inOrder()) {
      const size = nodes.size(node);
      const state = memory.load32(node + Node.STATE);
      if (nodes.offset(node) !== offset) report(offset, `region begins at ${nodes.offset(node)}`);
      if (size <= 0 || size % this.granularity !== 0) report(offset, `region has ${size} bytes`);
      if (memory.load32(node + Node.BEFORE) !== before)
        report(offset, "region's link to the one before is wrong");
      if (state === FREE) {
        if (before !== NULL && memory.load32(before + Node.STATE) === FREE)
          report(offset, "free regions are neighbours");
        if (!known.delete(node)) report(offset, "free region is on no list of its class");
        free += size;
      } else {
        live++;
        if (state !== LIVE) report(offset, `region's state is ${state}`);
        if (nodes.find(offset) !== node) report(offset, "allocation is not in the table");
        if (offset % memory.load32(node + ALIGNMENT) !== 0) report(offset, "allocation is misaligned");
      }
      before = node;
      offset += size;
    }
    if (offset !== this.size) report(offset, `regions end here, not at ${this.size}`);
    if (memory.load32(Word.LAST) !== before) report(offset, "the last region is another");
    for (const node of known) report(nodes.offset(node), "a list names what is no free region");
    const { totalFreeSpace, allocations } = this.storageReport();
    if (free !== totalFreeSpace) report(0, `${free} bytes free, ${totalFreeSpace} counted`);
    if (live !== allocations) report(0, `${live} allocations, ${allocations} counted`);
    return faults;
  }

  /** All nodes on the lists; the lists are checked on the way. */
  #listed(report: (address: number, fault: string) => void): Set<Address> {
    const nodes = this.#nodes;
    const known = new Set<Address>();
    for (let index = this.#bins.next(0); index < CLASSES; index = this.#bins.next(index + 1)) {
      let count = 0;
      for (const node of this.#bins.regions(index)) {
        if (known.has(node)) {
          report(nodes.offset(node), `list ${index} leads in a circle`);
          return known;
        }
        known.add(node);
        count++;
        if (classOf(nodes.size(node)) !== index)
          report(nodes.offset(node), `region is on the wrong list ${index}`);
      }
      if (count === 0) report(0, `list ${index} is marked but empty`);
    }
    if (known.size !== nodes.memory.load32(Word.FREE_COUNT))
      report(0, `${known.size} regions on lists, not as counted`);
    return known;
  }
}

const MAX_ALIGNMENT = 2 ** 32 - 1;

const expectWhole = (name: string, value: number, most: number): number => {
  if (!Number.isSafeInteger(value) || value < 1 || value > most) {
    throw new InvalidArgumentError(name, value, `an integer from 1 to ${most}`);
  }
  return value;
};

const leastCommonMultiple = (a: number, b: number): number => {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  const multiple = (a / x) * b;
  if (multiple > MAX_ALIGNMENT) {
    throw new InvalidArgumentError("alignment", a, `one whose least common multiple with ${b} is below 2^32`);
  }
  return multiple;
};
