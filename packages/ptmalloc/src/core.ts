/*
 * Core: what every part of malloc works on. The memory, the numbers of the ABI, and the chunk and arena accessors.
 *
 * A chunk, in words of the ABI. `chunk` is its address in all of this package, `mem` the address the user has:
 *
 *            chunk -> +----------------------------------+
 *                     | prev_size: size of the chunk     |  only valid when the chunk before is free (P clear);
 *                     | before, or that chunk's last word|  else the chunk before uses it for its data
 *                     +----------------------------------+
 *                     | size                       |A|M|P|  A: of a thread arena; M: mmapped by itself;
 *              mem -> +----------------------------------+  P: the chunk before is in use
 *                     | fd: next in the bin              |  from here on user data while the chunk is in use
 *                     +----------------------------------+
 *                     | bk: previous in the bin          |
 *                     +----------------------------------+
 *                     | fd_nextsize: next smaller size   |  large chunks only, and only the first of each size
 *                     +----------------------------------+
 *                     | bk_nextsize: next larger size    |
 *                     +----------------------------------+
 *                     | ...                              |
 *       next chunk -> +----------------------------------+
 *                     | prev_size = size while free      |
 *
 * A word is read whole, whatever its width: on x86-64 as low + high * 2^32. Addresses of the memory never have a high
 * part, so one that has is corruption: the tests see it as the huge number it is, and a load through it faults.
 *
 * Invariant: nothing here decides anything. All state by which malloc acts is in the memory.
 */
import {
  type Address,
  HeapCorruptionError,
  type MappingSource,
  type Memory,
  type PageSource,
} from "@heapwright/allocator";
import { type Geometry, NBINS } from "./layout/geometry.ts";
import type { Profile } from "./layout/profile.ts";
import { PARAMETER } from "./layout/statics.ts";
import type { Probe } from "./probe.ts";

/** Size flag: the chunk before is in use. */
export const PREV_INUSE = 1;
/** Size flag: the chunk is a mapping of its own. */
export const IS_MMAPPED = 2;
/** Size flag: the chunk belongs to a thread arena. */
export const NON_MAIN_ARENA = 4;
const HIGH = 2 ** 32;
const NONCONTIGUOUS = 2;

/** The memory of one heap seen through the layout of one ABI and profile. */
export class Core {
  readonly mem: Memory;
  readonly source: PageSource;
  /** The source again when it can map, else undefined. */
  readonly maps: MappingSource | undefined;
  readonly g: Geometry;
  readonly profile: Profile;
  readonly pageSize: number;
  /** Address of the state area. */
  readonly state: Address;
  /** Address of main_arena. */
  readonly main: Address;
  probe: Probe | undefined = undefined;
  /** The mapped chunks that this object made: glibc keeps no list of them, a walk wants one. */
  readonly mappings: Set<Address> = new Set<Address>();

  // Copies of the geometry, each one load away.
  readonly wide: boolean;
  readonly word: number;
  readonly header: number;
  readonly alignMask: number;
  readonly minSize: number;
  readonly minLarge: number;
  readonly fdAt: number;
  readonly bkAt: number;
  readonly fdNextAt: number;
  readonly bkNextAt: number;
  readonly safeLinking: boolean;
  readonly unsortedAt: number;
  readonly topAt: number;
  readonly heapMax: number;

  constructor(
    source: PageSource,
    maps: MappingSource | undefined,
    g: Geometry,
    profile: Profile,
    state: Address,
    main: Address,
  ) {
    this.mem = source.memory;
    this.source = source;
    this.maps = maps;
    this.g = g;
    this.profile = profile;
    this.pageSize = source.pageSize;
    this.state = state;
    this.main = main;
    this.wide = g.word === 8;
    this.word = g.word;
    this.header = 2 * g.word;
    this.alignMask = g.alignment - 1;
    this.minSize = g.minSize;
    this.minLarge = g.minLarge;
    this.fdAt = 2 * g.word;
    this.bkAt = 3 * g.word;
    this.fdNextAt = 4 * g.word;
    this.bkNextAt = 5 * g.word;
    this.safeLinking = profile.safeLinking;
    // bin_at (av, 1): the bins array seen as chunks begins two words early.
    this.unsortedAt = g.binsAt - 2 * g.word;
    this.topAt = g.topAt;
    this.heapMax = g.heapMax;
  }

  // ---- words -------------------------------------------------------------------------------------------------------

  /** The word at an address. */
  load(address: Address): number {
    const low = this.mem.load32(address);
    return this.wide ? this.loadWide(address, low) : low;
  }

  loadWide(address: Address, low: number): number {
    if (address >= HIGH || address < 0) throw fault(address);
    const high = this.mem.load32(address + 4);
    return high === 0 ? low : high * HIGH + low;
  }

  /** Stores a word. */
  store(address: Address, value: number): void {
    this.mem.store32(address, value);
    if (this.wide) this.storeWide(address, value);
  }

  storeWide(address: Address, value: number): void {
    if (address >= HIGH || address < 0) throw fault(address);
    // A size above 2^31 with flags set by | is negative here; its high word is 0 all the same.
    this.mem.store32(address + 4, value < HIGH ? 0 : Math.floor(value / HIGH));
  }

  // ---- chunks ------------------------------------------------------------------------------------------------------

  /** The size word with its flags. */
  head(chunk: Address): number {
    return this.load(chunk + this.word);
  }

  setHead(chunk: Address, head: number): void {
    this.store(chunk + this.word, head);
  }

  /** The chunk's size in bytes, without the flags. */
  size(chunk: Address): number {
    const low = this.mem.load32(chunk + this.word);
    return this.wide ? this.sizeWide(chunk, low) : (low & -8) >>> 0;
  }

  sizeWide(chunk: Address, low: number): number {
    const head = this.loadWide(chunk + this.word, low);
    return head < HIGH ? (head & -8) >>> 0 : head - (low & 7);
  }

  /** Sets the size and keeps the flags. */
  setHeadSize(chunk: Address, sizeAndFlags: number): void {
    this.setHead(chunk, (this.mem.load32(chunk + this.word) & 7) | sizeAndFlags);
  }

  prevSize(chunk: Address): number {
    return this.load(chunk);
  }

  setPrevSize(chunk: Address, size: number): void {
    this.store(chunk, size);
  }

  /** Writes the boundary tag behind a free chunk. */
  setFoot(chunk: Address, size: number): void {
    this.store(chunk + size, size);
  }

  /** Whether the chunk that begins `size` bytes after `chunk` says that the one before it is in use. */
  inUseAt(chunk: Address, size: number): boolean {
    return (this.head(chunk + size) & PREV_INUSE) !== 0;
  }

  setInUseAt(chunk: Address, size: number): void {
    const at = chunk + size + this.word;
    if (this.wide && at >= HIGH) throw fault(at);
    this.mem.store32(at, this.mem.load32(at) | PREV_INUSE);
  }

  clearInUseAt(chunk: Address, size: number): void {
    const at = chunk + size + this.word;
    this.mem.store32(at, this.mem.load32(at) & ~PREV_INUSE);
  }

  setNonMainArena(chunk: Address): void {
    const at = chunk + this.word;
    this.mem.store32(at, this.mem.load32(at) | NON_MAIN_ARENA);
  }

  fd(chunk: Address): Address {
    return this.load(chunk + this.fdAt);
  }
  setFd(chunk: Address, to: Address): void {
    this.store(chunk + this.fdAt, to);
  }
  bk(chunk: Address): Address {
    return this.load(chunk + this.bkAt);
  }
  setBk(chunk: Address, to: Address): void {
    this.store(chunk + this.bkAt, to);
  }
  fdNext(chunk: Address): Address {
    return this.load(chunk + this.fdNextAt);
  }
  setFdNext(chunk: Address, to: Address): void {
    this.store(chunk + this.fdNextAt, to);
  }
  bkNext(chunk: Address): Address {
    return this.load(chunk + this.bkNextAt);
  }
  setBkNext(chunk: Address, to: Address): void {
    this.store(chunk + this.bkNextAt, to);
  }

  /** Whether a chunk's user address breaks the alignment. */
  misaligned(chunk: Address): boolean {
    return ((chunk + this.header) & this.alignMask) !== 0;
  }

  /** Bytes the user may touch in a chunk in use. */
  usable(chunk: Address): number {
    const head = this.head(chunk);
    return this.size(chunk) - this.header + ((head & IS_MMAPPED) !== 0 ? 0 : this.word);
  }

  /**
   * Safe-linking: the link at `position` mangled with its own address, so that a forged link needs a leaked address.
   * The same function mangles and reveals.
   */
  mangle(position: Address, link: number): number {
    if (!this.safeLinking) return link;
    const low = ((position >>> 12) ^ link) >>> 0;
    return link < HIGH ? low : Math.floor(link / HIGH) * HIGH + low;
  }

  /** The chunk size for a request, or -1 when the request is larger than PTRDIFF_MAX. checked_request2size. */
  chunkSizeFor(bytes: number): number {
    if (bytes < 0x7fff0000) {
      return Math.max((bytes + this.word + this.alignMask) & ~this.alignMask, this.minSize);
    }
    const alignment = this.alignMask + 1;
    return bytes > this.g.requestMax ? -1 : Math.ceil((bytes + this.word) / alignment) * alignment;
  }

  // ---- bins --------------------------------------------------------------------------------------------------------

  /** The header of bin `index` of an arena, as the pretended chunk whose fd and bk are the bin's ends. */
  bin(arena: Address, index: number): Address {
    return arena + this.unsortedAt + (index - 1) * this.header;
  }

  smallIndex(size: number): number {
    return (size >>> this.g.smallShift) + this.g.smallCorrection;
  }

  /** Spacing doubles in powers of eight: 64 B, 512 B, 4 KiB, 32 KiB, 256 KiB, and one bin for the rest. */
  largeIndex(size: number): number {
    if (size >= 0xc0000) return NBINS - 2;
    if (size >>> 6 <= this.g.largeSteps) return this.g.largeBase + (size >>> 6);
    if (size >>> 9 <= 20) return 91 + (size >>> 9);
    if (size >>> 12 <= 10) return 110 + (size >>> 12);
    if (size >>> 15 <= 4) return 119 + (size >>> 15);
    return 124 + (size >>> 18);
  }

  binIndex(size: number): number {
    return size < this.minLarge ? this.smallIndex(size) : this.largeIndex(size);
  }

  /** `fastbin_index`: of 32 bits, as in C, so that a corrupted size maps as it does there. */
  fastIndex(size: number): number {
    return ((size >>> this.g.fastShift) - 2) >>> 0;
  }

  /** The address of a fast bin's head. */
  fastbin(arena: Address, index: number): Address {
    return arena + this.g.fastbinsAt + index * this.word;
  }

  // ---- arenas ------------------------------------------------------------------------------------------------------

  top(arena: Address): Address {
    return this.load(arena + this.topAt);
  }
  setTop(arena: Address, chunk: Address): void {
    this.store(arena + this.topAt, chunk);
  }
  lastRemainder(arena: Address): Address {
    return this.load(arena + this.g.lastRemainderAt);
  }
  setLastRemainder(arena: Address, chunk: Address): void {
    this.store(arena + this.g.lastRemainderAt, chunk);
  }
  systemMem(arena: Address): number {
    return this.load(arena + this.g.systemMemAt);
  }
  setSystemMem(arena: Address, bytes: number): void {
    this.store(arena + this.g.systemMemAt, bytes);
  }
  contiguous(arena: Address): boolean {
    return (this.mem.load32(arena + 4) & NONCONTIGUOUS) === 0;
  }
  setNoncontiguous(arena: Address): void {
    this.mem.store32(arena + 4, this.mem.load32(arena + 4) | NONCONTIGUOUS);
  }
  haveFastChunks(arena: Address): boolean {
    return this.mem.load32(arena + 8) !== 0;
  }
  setHaveFastChunks(arena: Address, have: boolean): void {
    this.mem.store32(arena + 8, have ? 1 : 0);
  }
  /** The A flag that chunks of this arena carry while in use. */
  arenaFlag(arena: Address): number {
    return arena === this.main ? 0 : NON_MAIN_ARENA;
  }
  /** The heap_info of the thread heap around an address. */
  heapFor(address: Address): Address {
    return address - (address % this.heapMax);
  }
  /** The arena that a chunk belongs to. */
  arenaFor(chunk: Address): Address {
    return (this.head(chunk) & NON_MAIN_ARENA) !== 0 ? this.load(this.heapFor(chunk)) : this.main;
  }

  // ---- parameters --------------------------------------------------------------------------------------------------

  /** A parameter of the state area (see {@link PARAMETER}), all 64 bits of it. */
  parameter(offset: number): number {
    const at = this.state + offset;
    const high = this.mem.load32(at + 4);
    return high === 0 ? this.mem.load32(at) : high * HIGH + this.mem.load32(at);
  }

  setParameter(offset: number, value: number): void {
    const at = this.state + offset;
    this.mem.store32(at, value);
    this.mem.store32(at + 4, Math.floor(value / HIGH));
  }

  /** Whether a second thread was ever started: glibc's !SINGLE_THREAD_P. */
  multiThreaded(): boolean {
    return this.mem.load32(this.state + PARAMETER.multiThreaded) !== 0;
  }

  // ---- pages -------------------------------------------------------------------------------------------------------

  pageUp(bytes: number): number {
    return Math.ceil(bytes / this.pageSize) * this.pageSize;
  }

  pageDown(bytes: number): number {
    return bytes - (bytes % this.pageSize);
  }
}

const fault = (address: number): HeapCorruptionError =>
  new HeapCorruptionError(address, `segmentation fault: 0x${address.toString(16)} is not mapped`);
