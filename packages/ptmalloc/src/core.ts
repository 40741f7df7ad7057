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
 * Invariant: nothing here decides anything. All state by which malloc acts is in the memory.
 */
import type { Address, MappingSource, Memory, PageSource } from "@heapwright/allocator";
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

/**
 * The memory of one heap seen through the layout of one ABI and profile. What depends on the width of a word is in
 * {@link Core32} and {@link Core64}: a few short accessors each, so that a heap never tests its width.
 */
export abstract class Core {
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

  readonly #stops: (() => void)[] = [];

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
  readonly keyIsCache: boolean;
  readonly binZeroAt: number;
  readonly fastbinsAt: number;
  readonly binmapAt: number;
  readonly systemMemAt: number;
  readonly smallShift: number;
  readonly smallCorrection: number;
  readonly fastShift: number;
  readonly maxFastAt: Address;
  readonly perturbAt: Address;
  readonly multiThreadedAt: Address;
  readonly keyAt: Address;
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
    this.keyIsCache = profile.tcacheKey === "cache";
    // bin_at (av, 1) begins two words before the bins array, so that the array's first words are its fd and bk.
    this.binZeroAt = g.binsAt - 4 * g.word;
    this.fastbinsAt = g.fastbinsAt;
    this.binmapAt = g.binmapAt;
    this.systemMemAt = g.systemMemAt;
    this.smallShift = g.smallShift;
    this.smallCorrection = g.smallCorrection;
    this.fastShift = g.fastShift;
    this.maxFastAt = state + PARAMETER.globalMaxFast;
    this.perturbAt = state + PARAMETER.perturbByte;
    this.multiThreadedAt = state + PARAMETER.multiThreaded;
    this.keyAt = state + PARAMETER.tcacheKey;
    this.topAt = g.topAt;
    this.heapMax = g.heapMax;
  }

  /** Calls `listener` when the memory's views were renewed, until the heap ends. */
  watch(listener: () => void): void {
    this.#stops.push(this.mem.onGrow(listener));
  }

  /** The heap has ended: nobody wants to know of the memory's growth any more. */
  unwatch(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  // ---- words: by the ABI's width ---------------------------------------------------------------------------------------

  /** The word at an address. */
  abstract load(address: Address): number;
  /** Stores a word. */
  abstract store(address: Address, value: number): void;
  /** The 4 bytes at an address, whatever the width of a word. */
  load32(address: Address): number {
    return this.mem.load32(address);
  }
  store32(address: Address, value: number): void {
    this.mem.store32(address, value);
  }
  /** The link crossed with the page of its own position: see {@link Core.mangle}. */
  abstract crossed(position: Address, link: number): number;

  // ---- chunks ------------------------------------------------------------------------------------------------------

  /** The size word with its flags. */
  abstract head(chunk: Address): number;
  abstract setHead(chunk: Address, head: number): void;
  /** The chunk's size in bytes, without the flags. */
  abstract size(chunk: Address): number;
  abstract fd(chunk: Address): Address;
  abstract setFd(chunk: Address, to: Address): void;
  abstract bk(chunk: Address): Address;
  abstract setBk(chunk: Address, to: Address): void;
  abstract fdNext(chunk: Address): Address;
  abstract setFdNext(chunk: Address, to: Address): void;
  abstract bkNext(chunk: Address): Address;
  abstract setBkNext(chunk: Address, to: Address): void;
  /** Whether the chunk that begins `size` bytes after `chunk` says that the one before it is in use. */
  inUseAt(chunk: Address, size: number): boolean {
    return (this.head(chunk + size) & 1) === 1;
  }

  setInUseAt(chunk: Address, size: number): void {
    this.setFlag(chunk + size + this.word, 1);
  }

  clearInUseAt(chunk: Address, size: number): void {
    this.clearFlag(chunk + size + this.word, 1);
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

  setNonMainArena(chunk: Address): void {
    this.setFlag(chunk + this.word, NON_MAIN_ARENA);
  }

  /** Sets a flag in the low half of the word at an address. */
  setFlag(at: Address, flag: number): void {
    this.store32(at, this.load32(at) | flag);
  }

  /** Clears a flag in the low half of the word at an address. */
  clearFlag(at: Address, flag: number): void {
    this.store32(at, this.load32(at) & ~flag);
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
    return this.safeLinking ? this.crossed(position, link) : link;
  }

  /** What marks an entry of this tcache as cached: the cache's address (2.29 to 2.33), or the heap's word. */
  tcacheKey(tcache: Address): number {
    return this.keyIsCache ? tcache : this.mem.load32(this.keyAt);
  }

  /** The chunk size for a request, or -1 when the request is larger than PTRDIFF_MAX. checked_request2size. */
  chunkSizeFor(bytes: number): number {
    if (bytes < 0x7fff0000) {
      return Math.max((bytes + this.word + this.alignMask) & ~this.alignMask, this.minSize);
    }
    const alignment = this.alignMask + 1;
    return bytes > this.g.requestMax ? -1 : Math.ceil((bytes + this.word) / alignment) * alignment;
  }

  // ---- free chunks in lists: the accesses that go together, so that a hot function makes one call for them -------------

  /** Whether both neighbours of a free chunk in its list link back to it. */
  linked(chunk: Address, previous: Address, next: Address): boolean {
    return this.bk(next) === chunk && this.fd(previous) === chunk;
  }

  /** Links two chunks of a list with each other, past what was between. */
  join(previous: Address, next: Address): void {
    this.setBk(next, previous);
    this.setFd(previous, next);
  }

  /** Puts a free chunk between two neighbours of a list. */
  linkBetween(chunk: Address, previous: Address, next: Address): void {
    this.setBk(chunk, previous);
    this.setFd(chunk, next);
    this.setBk(next, chunk);
    this.setFd(previous, chunk);
  }

  /** Writes both boundary tags of a free chunk behind one in use. */
  setFree(chunk: Address, size: number): void {
    this.setHead(chunk, size | PREV_INUSE);
    this.setFoot(chunk, size);
  }

  // ---- bins --------------------------------------------------------------------------------------------------------

  /** The header of bin `index` of an arena, as the pretended chunk whose fd and bk are the bin's ends. */
  bin(arena: Address, index: number): Address {
    return arena + this.binZeroAt + index * this.header;
  }

  smallIndex(size: number): number {
    return (size >>> this.smallShift) + this.smallCorrection;
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
    return ((size >>> this.fastShift) - 2) >>> 0;
  }

  /** The address of a fast bin's head. */
  fastbin(arena: Address, index: number): Address {
    return arena + this.fastbinsAt + index * this.word;
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
    return this.load(arena + this.systemMemAt);
  }
  setSystemMem(arena: Address, bytes: number): void {
    this.store(arena + this.systemMemAt, bytes);
  }
  contiguous(arena: Address): boolean {
    return (this.load32(arena + 4) & NONCONTIGUOUS) === 0;
  }
  setNoncontiguous(arena: Address): void {
    this.mem.store32(arena + 4, this.mem.load32(arena + 4) | NONCONTIGUOUS);
  }
  haveFastChunks(arena: Address): boolean {
    return this.load32(arena + 8) !== 0;
  }
  setHaveFastChunks(arena: Address, have: boolean): void {
    this.store32(arena + 8, have ? 1 : 0);
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
    return this.mem.load32(this.multiThreadedAt) !== 0;
  }

  /** Counts chunks that are mappings of their own, as they come and go. */
  countMappings(mappings: number, bytes: number): void {
    const regions = this.parameter(PARAMETER.mmaps) + mappings;
    const total = this.parameter(PARAMETER.mmappedMem) + bytes;
    this.setParameter(PARAMETER.mmaps, regions);
    this.setParameter(PARAMETER.mmappedMem, total);
    if (regions > this.parameter(PARAMETER.maxMmaps)) this.setParameter(PARAMETER.maxMmaps, regions);
    if (total > this.parameter(PARAMETER.maxMmappedMem)) this.setParameter(PARAMETER.maxMmappedMem, total);
  }

  // ---- pages -------------------------------------------------------------------------------------------------------

  pageUp(bytes: number): number {
    return Math.ceil(bytes / this.pageSize) * this.pageSize;
  }

  pageDown(bytes: number): number {
    return bytes - (bytes % this.pageSize);
  }
}
