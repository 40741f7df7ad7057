import {
  DoubleFreeError,
  expectAlignment,
  type HeapFault,
  InvalidArgumentError,
  InvalidPointerError,
  type Memory,
} from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import {
  expectFormat,
  expectPageShift,
  format,
  type Geometry,
  metadataBytes,
  metadataEnd,
  moveTables,
  tableBytes,
} from "./areas/format.ts";
import { FreeAreas } from "./areas/free-areas.ts";
import { Header, Kind, ORDER_MASK } from "./areas/layout.ts";
import { Mobility } from "./areas/mobility.ts";
import { checkFrames } from "./inspect/check.ts";
import { NO_SPACE, type StorageReport } from "./offset/offset-allocator.ts";
import { exactLength, markExact, orderFor } from "./runs/exact.ts";

/** What can be chosen for a {@link RangeBuddy}. */
export interface RangeBuddyOptions {
  /** The smallest run in bytes, of which all sizes and offsets are multiples: a power of two up to 2^30; 256 unless given. */
  readonly unit?: number;
  /**
   * What becomes of the part of a run that a request does not need. `"give back"` (unless given) keeps just the units
   * asked for; `"keep"` is the textbook's buddy system, which keeps the whole power of two.
   */
  readonly tail?: "give back" | "keep";
  /** The memory for the metadata, from address 0 on; a private one that grows unless given. 9 bytes a unit. */
  readonly metadata?: Memory;
}

/** Orders up to 30, so that a range of 2^31 units needs no more. */
const MAX_ORDER = 30;
const MAX_UNITS = 2 ** 31 - 1;

/**
 * The buddy system over a range of numbers that it never touches: a GPU buffer, a file. Offsets begin at 0 and go
 * up to 2^31 units.
 *
 * Each allocation is aligned to its size rounded up to a power of two, when the run was found by its order. When
 * there is no such run, but enough free units stand side by side, those are taken: a request fails only when it does
 * not fit (with `tail: "keep"`, only when there is no run of its order).
 *
 * Misuse found, always: an offset that begins no allocation, a double free. Metadata: 9 bytes a unit. See
 * {@link OffsetAllocator} for the strategy that wastes less, and whose cost does not depend on the unit.
 *
 * @example
 * ```ts
 * import { NO_SPACE, RangeBuddy } from "@heapwright/buddy";
 *
 * const buffer = RangeBuddy.create(64 * 2 ** 20);
 * const vertices = buffer.allocate(100_000);
 * if (vertices !== NO_SPACE) buffer.free(vertices);
 * ```
 */
export class RangeBuddy {
  readonly #own: boolean;
  readonly #keep: boolean;
  #areas: FreeAreas;
  /** Bytes of the smallest run. */
  readonly unit: number;

  private constructor(metadata: Memory, own: boolean, keep: boolean) {
    this.#own = own;
    this.#keep = keep;
    this.#areas = new FreeAreas(metadata, 0, metadata);
    this.unit = 2 ** metadata.load32(Header.PAGE_SHIFT);
  }

  /**
   * Begins with a range that is all free.
   *
   * @param size Bytes, rounded down to units: 1 to 2^31 - 1 units.
   * @throws InvalidArgumentError when an argument is out of range, or the memory for the metadata too small.
   */
  static create(size: number, options: RangeBuddyOptions = {}): RangeBuddy {
    const pageShift = expectPageShift(options.unit ?? 256, 1);
    const units = expectUnits(size, 2 ** pageShift);
    const geometry: Geometry = {
      ...{ pageShift, maxOrder: MAX_ORDER, blockOrder: MAX_ORDER, external: true },
      ...{ first: 0, capacity: units, limit: MAX_UNITS, cpus: 1, batch: 1, high: 0 },
    };
    const bytes = metadataBytes(geometry);
    const metadata = options.metadata ?? LinearMemory.fixed(bytes);
    if (!metadata.grow(bytes)) {
      throw new InvalidArgumentError(
        "metadata",
        metadata.maxByteLength,
        `a memory of at least ${bytes} bytes`,
      );
    }
    format(metadata, 0, geometry);
    const range = new RangeBuddy(metadata, options.metadata === undefined, options.tail === "keep");
    range.#areas.extend(units, 0);
    return range;
  }

  /**
   * Finds the metadata that another instance keeps in a memory.
   *
   * @param tail As chosen there; it concerns new allocations only.
   * @throws AttachError when there is none of this version.
   */
  static attach(metadata: Memory, tail: "give back" | "keep" = "give back"): RangeBuddy {
    expectFormat(metadata, 0);
    return new RangeBuddy(metadata, false, tail === "keep");
  }

  /** Bytes of the range. */
  get size(): number {
    return this.#areas.frames * this.unit;
  }
  /** The memory that the metadata stands in now. */
  get metadata(): Memory {
    return this.#areas.meta;
  }

  /**
   * Takes `size` bytes at a multiple of `alignment`. O(orders) when there is a run of the order, O(runs) otherwise.
   *
   * @param size Bytes, rounded up to units; 0 counts as 1.
   * @param alignment A power of two from 1 to 2^31.
   * @returns the offset, or {@link NO_SPACE} when nothing fits; then nothing has changed.
   * @throws InvalidArgumentError when an argument is no such number.
   */
  allocate(size: number, alignment = 1): number {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new InvalidArgumentError("size", size, "an integer of bytes, 0 or more");
    }
    expectAlignment(alignment);
    const units = Math.max(Math.ceil(size / this.unit), 1);
    const areas = this.#areas;
    if (units > areas.frames) return NO_SPACE;
    const alignmentUnits = Math.max(alignment / this.unit, 1);
    const order = Math.max(orderFor(units), Math.log2(alignmentUnits));
    const frame = order <= MAX_ORDER ? areas.take(order, Mobility.MOVABLE) : -1;
    if (frame >= 0) {
      if (this.#keep) areas.setState(frame, Kind.LIVE | order);
      else {
        markExact(areas, frame, frame + units);
        areas.giveRange(frame + units, frame + 2 ** order);
      }
      return frame * this.unit;
    }
    const found = this.#keep ? -1 : this.#search(units, alignmentUnits);
    if (found < 0) return NO_SPACE;
    areas.takeRange(found, found + units);
    markExact(areas, found, found + units);
    return found * this.unit;
  }

  /** The first aligned place with so many free units side by side, whatever runs they belong to, or -1. */
  #search(units: number, alignment: number): number {
    for (const [from, to, live] of this.#stretches()) {
      const start = Math.ceil(from / alignment) * alignment;
      if (!live && start + units <= to) return start;
    }
    return -1;
  }

  /** The allocations, and between them the free runs joined, as frames. */
  *#stretches(): Generator<[from: number, to: number, live: boolean]> {
    const areas = this.#areas;
    let free = 0;
    for (let frame = 0; frame < areas.frames; ) {
      const state = areas.state(frame);
      const kind = state & ~ORDER_MASK;
      const length = kind === Kind.EXACT ? exactLength(areas, frame) : 2 ** (state & ORDER_MASK);
      if (kind !== Kind.FREE) {
        if (frame > free) yield [free, frame, false];
        yield [frame, frame + length, true];
        free = frame + length;
      }
      frame += length;
    }
    if (areas.frames > free) yield [free, areas.frames, false];
  }

  /** The frame of an allocation; throws when none begins at the offset. */
  #live(offset: number): number {
    const areas = this.#areas;
    const frame = offset / this.unit;
    if (!Number.isInteger(frame) || !(frame >= 0 && frame < areas.frames)) {
      throw new InvalidPointerError(offset, `is no multiple of ${this.unit} in this range`);
    }
    const kind = areas.state(frame) & ~ORDER_MASK;
    if (kind === Kind.EXACT || kind === Kind.LIVE) return frame;
    if ((areas.state(areas.headOf(frame)) & ~ORDER_MASK) === Kind.FREE) throw new DoubleFreeError(offset);
    throw new InvalidPointerError(offset, "lies inside an allocation");
  }

  #length(frame: number): number {
    const areas = this.#areas;
    const exact = (areas.state(frame) & ~ORDER_MASK) === Kind.EXACT;
    return exact ? exactLength(areas, frame) : 2 ** areas.orderOf(frame);
  }

  /**
   * Gives an allocation back. O(orders).
   *
   * @throws DoubleFreeError when the offset is free; InvalidPointerError when it begins no allocation.
   */
  free(offset: number): void {
    const frame = this.#live(offset);
    this.#areas.giveRange(frame, frame + this.#length(frame));
  }

  /** The bytes of the allocation at an offset. Throws as {@link RangeBuddy.free} does. */
  sizeOf(offset: number): number {
    return this.#length(this.#live(offset)) * this.unit;
  }

  /** What is left. `largestFreeRegion` is the largest request that can be served. O(runs). */
  storageReport(): StorageReport {
    let allocations = 0;
    let freeRegions = 0;
    let largest = 0;
    for (const [from, to, live] of this.#stretches()) {
      if (live) allocations++;
      else {
        freeRegions++;
        largest = Math.max(largest, to - from);
      }
    }
    if (this.#keep) {
      largest = 0;
      for (let order = 0; order <= MAX_ORDER; order++) {
        if (this.#areas.count(order, Mobility.MOVABLE) > 0) largest = 2 ** order;
      }
    }
    return {
      size: this.size,
      totalFreeSpace: this.#areas.freeFrames * this.unit,
      largestFreeRegion: largest * this.unit,
      freeRegions,
      allocations,
    };
  }

  /**
   * Makes the range larger at its end. O(units) when the tables must move, which is seldom.
   *
   * @param size Bytes of the whole range, rounded down to units.
   * @returns false, with nothing changed, when that is no more than before or the memory for the metadata is full.
   * @throws InvalidArgumentError when `size` is out of range.
   */
  grow(size: number): boolean {
    const units = expectUnits(size, this.unit);
    const more = units - this.#areas.frames;
    if (more <= 0) return false;
    const capacity = this.metadata.load32(Header.CAPACITY);
    if (units > capacity && !this.#moveTables(Math.min(Math.max(units, 2 * capacity), MAX_UNITS)))
      return false;
    this.#areas.extend(more, 0);
    return true;
  }

  #moveTables(capacity: number): boolean {
    const old = this.metadata;
    const at = metadataEnd(old, 0);
    const bytes = at + Math.ceil(tableBytes(0, capacity, MAX_ORDER) / 8) * 8 + capacity * 8;
    if (!old.grow(bytes)) {
      if (!this.#own || bytes > 2 ** 32) return false;
      const metadata = LinearMemory.fixed(bytes);
      metadata.write(0, old.read(0, at));
      this.#areas = new FreeAreas(metadata, 0, metadata);
    }
    moveTables(this.metadata, 0, at, capacity);
    return true;
  }

  /** All stretches in ascending order: allocations, and the free space between them. */
  *regions(): Generator<{ offset: number; size: number; live: boolean }> {
    for (const [from, to, live] of this.#stretches()) {
      yield { offset: from * this.unit, size: (to - from) * this.unit, live };
    }
  }

  /** Verifies every invariant of the metadata. Empty when it is sound. O(units). */
  check(): readonly HeapFault[] {
    const faults: HeapFault[] = [];
    checkFrames(this.#areas, (frame, fault) => faults.push({ address: frame * this.unit, fault }));
    return faults;
  }
}

const expectUnits = (size: number, unit: number): number => {
  const units = Math.floor(size / unit);
  if (!Number.isSafeInteger(size) || units < 1 || units > MAX_UNITS) {
    throw new InvalidArgumentError("size", size, `an integer of bytes: 1 to 2^31 - 1 units of ${unit}`);
  }
  return units;
};
