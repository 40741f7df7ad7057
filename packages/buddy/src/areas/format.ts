import { type Address, AttachError, InvalidArgumentError, type Memory } from "@heapwright/allocator";
import { Header, Kind, MAGIC, NO_FRAME, TYPES, VERSION } from "./layout.ts";
import { listsBytes } from "./per-cpu-lists.ts";

/** Everything that is chosen once, when the metadata of a buddy system is laid out. */
export interface Geometry {
  readonly pageShift: number;
  readonly maxOrder: number;
  readonly blockOrder: number;
  /** The first frame that the tables speak of. */
  readonly first: number;
  /** Frames that the tables have room for. */
  readonly capacity: number;
  /** Frames that the range may ever have. */
  readonly limit: number;
  readonly cpus: number;
  readonly batch: number;
  readonly high: number;
  /** Whether the links of free runs stand in the metadata rather than in the runs. */
  readonly external: boolean;
}

const blockCount = (first: number, capacity: number, blockOrder: number): number =>
  ((first + capacity - 1) >>> blockOrder) - (first >>> blockOrder) + 1;
const blocks = (g: Geometry): number => blockCount(g.first, g.capacity, g.blockOrder);
const headerBytes = (g: Geometry): number =>
  Header.AREAS + (g.maxOrder + 1) * TYPES * 8 + g.cpus * listsBytes(g.batch, g.high);
const align8 = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** Bytes of metadata that a geometry needs. */
export const metadataBytes = (g: Geometry): number =>
  align8(headerBytes(g)) + align8(blocks(g) + g.capacity) + (g.external ? g.capacity * 8 : 0);

/** Bytes of the tables for so many frames, links apart. */
export const tableBytes = (first: number, capacity: number, blockOrder: number): number =>
  blockCount(first, capacity, blockOrder) + capacity;

/** Copies the tables to another place, where they have room for more frames; external links come along. */
export const moveTables = (meta: Memory, at: Address, to: Address, capacity: number): void => {
  const first = meta.load32(at + Header.FIRST);
  const frames = meta.load32(at + Header.FRAMES);
  const blockOrder = meta.load32(at + Header.BLOCK_ORDER);
  const states = to + blockCount(first, capacity, blockOrder);
  meta.copy(to, meta.load32(at + Header.BLOCKS), blockCount(first, frames, blockOrder));
  meta.copy(states, meta.load32(at + Header.STATES), frames);
  if (meta.load32(at + Header.LINK_SHIFT) === 3) {
    const links = to + align8(tableBytes(first, capacity, blockOrder));
    meta.copy(links, meta.load32(at + Header.LINK_BASE), frames * 8);
    meta.store32(at + Header.LINK_BASE, links);
  }
  meta.store32(at + Header.BLOCKS, to);
  meta.store32(at + Header.STATES, states);
  meta.store32(at + Header.CAPACITY, capacity);
};

/** The first byte after the tables where they stand now, a multiple of 8. */
export const metadataEnd = (meta: Memory, at: Address): Address => {
  const capacity = meta.load32(at + Header.CAPACITY);
  const blockOrder = meta.load32(at + Header.BLOCK_ORDER);
  const tables = align8(tableBytes(meta.load32(at + Header.FIRST), capacity, blockOrder));
  const links = meta.load32(at + Header.LINK_SHIFT) === 3 ? capacity * 8 : 0;
  return meta.load32(at + Header.BLOCKS) + tables + links;
};

/** Lays out the metadata of a buddy system without frames: see layout.ts. */
export const format = (meta: Memory, at: Address, g: Geometry): void => {
  const tables = at + align8(headerBytes(g));
  const links = tables + align8(blocks(g) + g.capacity);
  meta.fill(at, metadataBytes(g), 0);
  const store = (offset: number, value: number): void => meta.store32(at + offset, value);
  store(Header.VERSION, VERSION);
  store(Header.PAGE_SHIFT, g.pageShift);
  store(Header.MAX_ORDER, g.maxOrder);
  store(Header.FIRST, g.first);
  store(Header.CAPACITY, g.capacity);
  store(Header.LIMIT, g.limit);
  store(Header.CPUS, g.cpus);
  store(Header.BATCH, g.batch);
  store(Header.HIGH, g.high);
  store(Header.BLOCKS, tables);
  store(Header.STATES, tables + blocks(g));
  store(Header.LINK_BASE, g.external ? links : g.first * 2 ** g.pageShift);
  store(Header.LINK_SHIFT, g.external ? 3 : g.pageShift);
  store(Header.BLOCK_ORDER, g.blockOrder);
  const lists = Header.AREAS + (g.maxOrder + 1) * TYPES * 8;
  for (let offset = Header.AREAS; offset < lists; offset += 8) store(offset, NO_FRAME);
  meta.fill(tables + blocks(g), g.capacity, Kind.RESERVED);
  // Last, so that no half-made heap can be attached to.
  store(Header.MAGIC, MAGIC);
};

/**
 * Makes sure that the metadata of a buddy system stands at an address.
 *
 * @throws AttachError when it does not, or has another version.
 */
export const expectFormat = (meta: Memory, at: Address): void => {
  if (at % 8 !== 0 || at < 0 || at + Header.AREAS > meta.byteLength || meta.load32(at) !== MAGIC) {
    throw new AttachError(`no buddy system at 0x${at.toString(16)}`);
  }
  const version = meta.load32(at + Header.VERSION);
  if (version !== VERSION) {
    throw new AttachError(`buddy system version ${version} at 0x${at.toString(16)}, not ${VERSION}`);
  }
};

/**
 * The per-CPU batch for a zone of so many pages: a thousandth of it, one page at least and 63 at most, one less than a
 * power of two (so that several CPUs do not fall into step). Linux's `zone_batchsize`.
 */
export const batchFor = (pages: number): number => {
  const wanted = Math.min(Math.max(Math.floor(pages / 4096), 1), 64);
  return Math.max(2 ** Math.floor(Math.log2(wanted + wanted / 2)) - 1, 1);
};

/** Checks an option that is a whole number in a range. */
export const expectInteger = (name: string, value: number, low: number, high: number): number => {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new InvalidArgumentError(name, value, `an integer from ${low} to ${high}`);
  }
  return value;
};

/** The exponent of a page size, checked. */
export const expectPageShift = (pageSize: number, low: number): number => {
  const shift = 31 - Math.clz32(pageSize);
  if (pageSize !== 2 ** shift || pageSize < low || shift > 30) {
    throw new InvalidArgumentError("pageSize", pageSize, `a power of two from ${low} to 2^30`);
  }
  return shift;
};
