/*
 * The process that a memory map shows, with a heap that nothing has been asked of yet: where a placement starts from.
 *
 * The map was taken before the first op, but the C library had begun by then:
 *
 * - A trace of T threads creates its T - 1 further threads first, and each creation makes the main thread call
 *   calloc(17, 2 * word) for the new thread's dtv.
 * - The loader of glibc 2.31 copies GLIBC_TUNABLES, when it is set, to the break.
 *
 * So the map's [heap] is made again by the same steps.
 */
import {
  type Address,
  InvalidArgumentError,
  type MappingSource,
  type Memory,
  NULL,
  Protection,
} from "@heapwright/allocator";
import { MapFlag, Process } from "@heapwright/kernel";
import { type Abi, type ProfileName, Ptmalloc } from "@heapwright/ptmalloc";
import { breakStart } from "./program-break.ts";
import type { ReplayTarget } from "./replay.ts";

/** Entries of the dtv that the C library allocates for a thread of a program with one TLS module. */
const DTV_ENTRIES = 17;
/** malloc's own static data stands where a program has nothing: below it, at the least address that can be mapped. */
const STATE_ADDRESS = 0x10000;
/** Only below this are the window's addresses those of the break (and all of them on i386). */
const BREAK_LIMIT = 2 ** 30;
/** A moved break keeps its place in the largest heap that is aligned, twice over. */
const GRANULE = 2 ** 27;
/** "GLIBC_TUNABLES=glibc.malloc.tcache_count=0" and its final zero. */
const TUNABLES_COPY = 43;

/** Which C library, and what it starts from. */
export interface PlacementOptions {
  readonly abi: Abi;
  readonly profile: ProfileName;
  /** Processors: they bound the number of arenas. */
  readonly cores: number;
  readonly tcache: boolean;
  /** /proc/self/maps before the first op; what follows a line `--` is not read. */
  readonly maps: string;
  /** Where the break begins, when the map does not tell. */
  readonly break?: number;
}

/** A process and its heap. */
export class Image implements ReplayTarget {
  readonly process: Process;
  readonly heap: Ptmalloc;
  /** Real address of the break minus its address in the window. */
  readonly #shift: number;

  constructor(process: Process, heap: Ptmalloc, shift: number) {
    this.process = process;
    this.heap = heap;
    this.#shift = shift;
  }

  /** The real address behind one of the heap's memory. */
  toReal(address: number): number {
    if (this.#shift !== 0 && address >= this.process.mm.startBrk && address < BREAK_LIMIT)
      return address + this.#shift;
    return this.process.toReal(address);
  }

  /** The address of the heap's memory that shows a real one, 0 for none. */
  fromReal(real: number): number {
    const moved = real - this.#shift;
    if (this.#shift !== 0 && moved >= this.process.mm.startBrk && moved < BREAK_LIMIT) return moved;
    return this.process.fromReal(real);
  }

  /** The program break, a real address. */
  get break(): number {
    return this.toReal(this.process.brkValue);
  }

  /** /proc/self/maps. */
  maps(): string {
    const text = this.process.maps();
    if (this.#shift === 0) return text;
    return sortLines(text.replace(/^.* \[heap\]$/m, (line) => this.#moved(line)));
  }

  #moved(line: string): string {
    const [from, to] = line
      .split(/[- ]/, 2)
      .map((text) => (Number.parseInt(text, 16) + this.#shift).toString(16));
    const rest = line.slice(line.indexOf(" "));
    const name = rest.trimEnd().lastIndexOf(" ") + 1;
    const columns = `${from}-${to}${rest.slice(0, name).trimEnd()} `;
    return columns.padEnd(line.lastIndexOf("[heap]")) + rest.slice(name);
  }
}

/** The part of a MAPS file that was written before the first op. */
export const mapsBefore = (text: string): string => {
  const end = /^--$/m.exec(text);
  return end === null ? text : text.slice(0, end.index);
};

/** The process before the first op of a trace of so many threads. */
export const startProcess = (options: PlacementOptions, threads: number): Image => {
  const { abi, profile, cores, tcache } = options;
  const text = mapsBefore(options.maps);
  if (text.trim() === "") throw new InvalidArgumentError("maps", "an empty file", "lines of /proc/PID/maps");
  const layout = readLayout(text, abi, options.break);
  const process = Process.fromMaps(layout.maps, { abi });
  if (layout.start !== undefined) {
    process.mm.startBrk = layout.start;
    process.mm.brk = layout.end;
  }
  const grown = layout.start !== undefined && layout.end > layout.start;
  const heapFlags = profile === "glibc-2.41" ? 0 : MapFlag.NORESERVE;
  const source = new StartingSource(process, heapFlags, grown ? layout.start : undefined);
  if (profile === "glibc-2.31" && !tcache && grown) source.sbrk(TUNABLES_COPY);
  const tunables = tcache ? {} : { "glibc.malloc.tcache_count": 0 };
  const heap = new Ptmalloc(source, { abi, profile, cores, tunables, stateAddress: STATE_ADDRESS });
  const word = abi === "i386" ? 4 : 8;
  for (let thread = 1; thread < threads; thread++) {
    heap.thread(thread);
    heap.calloc(DTV_ENTRIES, 2 * word);
  }
  source.started();
  return new Image(process, heap, layout.shift);
};

interface Layout {
  /** The map with its [heap] where the window shows it. */
  readonly maps: string;
  /** The break before anything was done, in the window, when it is known; and the end of the [heap]. */
  readonly start: number | undefined;
  readonly end: number;
  /** By how much the real break is above the one in the window. */
  readonly shift: number;
}

const HEAP_LINE = /^([0-9a-f]+)-([0-9a-f]+)( .*\[heap\])\n/m;

/**
 * Finds the break. One that lies above the window's part for it is shown in it, moved down by a multiple of 128 MiB.
 */
const readLayout = (maps: string, abi: Abi, given: number | undefined): Layout => {
  const wide = /^[0-9a-f]{9,}-/m.test(maps);
  if (wide !== (abi === "x86_64"))
    throw new InvalidArgumentError(
      "maps",
      wide ? "of a 64-bit one" : "of a 32-bit one",
      `of an ${abi} process`,
    );
  if (given !== undefined && abi === "i386" && given >= 2 ** 32)
    throw new InvalidArgumentError("break", given, "below 2^32 in an i386 process");
  const real = given ?? breakStart(maps, abi);
  if (real === undefined) return { maps, start: undefined, end: 0, shift: 0 };
  const shift = abi === "i386" || real < BREAK_LIMIT ? 0 : real - GRANULE - (real % GRANULE);
  const start = real - shift;
  const heap = HEAP_LINE.exec(maps);
  if (heap === null) return { maps, start, end: start, shift };
  const end = Number.parseInt(heap[2]!, 16) - shift;
  const line = `${hexAddress(start)}-${hexAddress(end)}${heap[3]}\n`;
  const rest = maps.slice(0, heap.index) + maps.slice(heap.index + heap[0].length);
  return { maps: sortLines(rest + line), start, end, shift };
};

const hexAddress = (address: number): string => address.toString(16).padStart(8, "0");

const sortLines = (maps: string): string => {
  const start = (line: string): number => Number.parseInt(line, 16);
  return maps
    .split(/(?<=\n)/)
    .sort((a, b) => start(a) - start(b))
    .join("");
};

/**
 * A process whose [heap] is all there already while the steps that made it are taken again: the break then only moves in it.
 * What else the map shows was partly mapped between these steps, so they could not be taken on the process itself.
 */
class StartingSource implements MappingSource {
  readonly memory: Memory;
  readonly pageSize: number;
  readonly #process: Process;
  /** Flags of a mapping without access, which is room for a thread heap. glibc said MAP_NORESERVE there up to 2.40. */
  readonly #heapFlags: number;
  /** The break while the [heap] is made again. */
  #break: number | undefined;

  constructor(process: Process, heapFlags: number, start: number | undefined) {
    this.memory = process.memory;
    this.pageSize = process.pageSize;
    this.#process = process;
    this.#heapFlags = heapFlags;
    this.#break = start;
  }

  /** From now on the break is the process's own. */
  started(): void {
    const { mm } = this.#process;
    if (this.#break === undefined) return;
    // A heap that other steps made is taken as it is.
    if (Math.ceil(this.#break / this.pageSize) * this.pageSize === mm.brk) mm.brk = this.#break;
    this.#break = undefined;
  }

  sbrk(increment: number): Address {
    if (this.#break === undefined) return this.#process.sbrk(increment);
    const before = this.#break;
    if (before + increment > this.#process.mm.brk) return NULL;
    this.#break = before + increment;
    return before;
  }
  mmap(length: number, protection: number, hint?: Address): Address {
    const flags = protection === Protection.NONE ? this.#heapFlags : 0;
    return this.#process.mmap(length, protection, hint, flags);
  }
  munmap(address: Address, length: number): boolean {
    return this.#process.munmap(address, length);
  }
  mremap(address: Address, oldLength: number, newLength: number, mayMove: boolean): Address {
    return this.#process.mremap(address, oldLength, newLength, mayMove);
  }
  mprotect(address: Address, length: number, protection: number): boolean {
    return this.#process.mprotect(address, length, protection);
  }
  madvise(address: Address, length: number, advice: number): boolean {
    return this.#process.madvise(address, length, advice);
  }
}
