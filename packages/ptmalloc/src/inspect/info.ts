/*
 * What malloc tells of itself: mallinfo2, malloc_stats and malloc_info, the last two in glibc's very words.
 */
import type { Address } from "@heapwright/allocator";
import { arenasOf } from "../arenas/arena.ts";
import { heapPrevious, heapProtected, heapSize } from "../arenas/heap.ts";
import type { Core } from "../core.ts";
import { corrupted } from "../errors.ts";
import { NBINS } from "../layout/geometry.ts";
import { PARAMETER } from "../layout/statics.ts";

/** `struct mallinfo2`: sums over all arenas. Sizes are bytes. */
export interface Mallinfo2 {
  /** Bytes obtained from the system for arenas. */
  readonly arena: number;
  /** Free chunks not in fast bins, tops included. */
  readonly ordblks: number;
  /** Chunks in fast bins. */
  readonly smblks: number;
  /** Mapped chunks. */
  readonly hblks: number;
  /** Bytes in mapped chunks. */
  readonly hblkhd: number;
  /** Always 0. */
  readonly usmblks: number;
  /** Bytes in fast bins. */
  readonly fsmblks: number;
  /** Bytes in use, tcached chunks included. */
  readonly uordblks: number;
  /** Free bytes. */
  readonly fordblks: number;
  /** Bytes in the main arena's top. */
  readonly keepcost: number;
}

/** Calls `visit` for each chunk of a fast bin. */
const eachFast = (
  core: Core,
  arena: Address,
  index: number,
  where: string,
  visit: (size: number) => void,
): void => {
  let chunk = core.load(core.fastbin(arena, index));
  while (chunk !== 0) {
    if (core.safeLinking && core.misaligned(chunk))
      throw corrupted(chunk, `${where}(): unaligned fastbin chunk detected`);
    visit(core.size(chunk));
    chunk = core.mangle(chunk + core.fdAt, core.fd(chunk));
  }
};

type Totals = { -readonly [Field in keyof Mallinfo2]: number };

const none = (): Totals => ({
  arena: 0,
  ordblks: 0,
  smblks: 0,
  hblks: 0,
  hblkhd: 0,
  usmblks: 0,
  fsmblks: 0,
  uordblks: 0,
  fordblks: 0,
  keepcost: 0,
});

/** Adds one arena's numbers. int_mallinfo. */
const addArena = (core: Core, arena: Address, total: Totals): void => {
  const top = core.size(core.top(arena));
  let fast = 0;
  let free = top;
  for (let index = 0; index < core.g.fastBins; index++) {
    eachFast(core, arena, index, "int_mallinfo", (size) => {
      total.smblks++;
      fast += size;
    });
  }
  free += fast;
  total.ordblks++;
  for (let index = 1; index < NBINS; index++) {
    const bin = core.bin(arena, index);
    for (let chunk = core.bk(bin); chunk !== bin; chunk = core.bk(chunk)) {
      total.ordblks++;
      free += core.size(chunk);
    }
  }
  const systemMem = core.systemMem(arena);
  total.fordblks += free;
  total.uordblks += systemMem - free;
  total.arena += systemMem;
  total.fsmblks += fast;
  if (arena === core.main) {
    total.hblks = core.parameter(PARAMETER.mmaps);
    total.hblkhd = core.parameter(PARAMETER.mmappedMem);
    total.keepcost = top;
  }
};

/** `mallinfo2`. */
export const mallinfo2 = (core: Core): Mallinfo2 => {
  const total = none();
  for (const arena of arenasOf(core)) addArena(core, arena, total);
  return total;
};

const wide = (value: number): string => String(value % 2 ** 32).padStart(10);

/** The text that `malloc_stats` writes to standard error. */
export const mallocStats = (core: Core): string => {
  let system = core.parameter(PARAMETER.mmappedMem);
  let inUse = system;
  let text = "";
  arenasOf(core).forEach((arena, number) => {
    const info = none();
    addArena(core, arena, info);
    text += `Arena ${number}:\n`;
    text += `system bytes     = ${wide(info.arena)}\nin use bytes     = ${wide(info.uordblks)}\n`;
    system += info.arena;
    inUse += info.uordblks;
  });
  text += `Total (incl. mmap):\nsystem bytes     = ${wide(system)}\nin use bytes     = ${wide(inUse)}\n`;
  text += `max mmap regions = ${wide(core.parameter(PARAMETER.maxMmaps))}\n`;
  text += `max mmap bytes   = ${String(core.parameter(PARAMETER.maxMmappedMem)).padStart(10)}\n`;
  return text;
};

interface SizeRange {
  from: number;
  to: number;
  total: number;
  count: number;
}

/** What one bin holds. The unsorted bin and each large bin may hold several sizes. */
const rangeOfBin = (core: Core, arena: Address, index: number): SizeRange => {
  const range: SizeRange = { from: Number.POSITIVE_INFINITY, to: 0, total: 0, count: 0 };
  const bin = core.bin(arena, index);
  for (let chunk = core.fd(bin); chunk !== bin; chunk = core.fd(chunk)) {
    const size = core.head(chunk);
    range.count++;
    range.total += size;
    range.from = Math.min(range.from, size);
    range.to = Math.max(range.to, size);
  }
  if (range.count === 0) range.from = 0;
  return range;
};

const line = (tag: string, range: SizeRange): string =>
  `  <${tag} from="${range.from}" to="${range.to}" total="${range.total}" count="${range.count}"/>\n`;

interface InfoTotals {
  fastBlocks: number;
  fastBytes: number;
  blocks: number;
  bytes: number;
  system: number;
  maxSystem: number;
  space: number;
  accessible: number;
}

const fastLines = (core: Core, arena: Address, totals: InfoTotals): string => {
  let text = "";
  for (let index = 0; index < core.g.fastBins; index++) {
    let count = 0;
    let size = 0;
    eachFast(core, arena, index, "__malloc_info", (each) => {
      count++;
      size = each;
    });
    if (count === 0) continue;
    totals.fastBlocks += count;
    totals.fastBytes += count * size;
    text += line("size", { from: size - core.alignMask, to: size, total: count * size, count });
  }
  return text;
};

const heapInfo = (core: Core, arena: Address, number: number, grand: InfoTotals): string => {
  const own: InfoTotals = {
    fastBlocks: 0,
    fastBytes: 0,
    blocks: 1,
    bytes: core.size(core.top(arena)),
    system: core.systemMem(arena),
    maxSystem: core.load(arena + core.g.maxSystemMemAt),
    space: 0,
    accessible: 0,
  };
  let sizes = fastLines(core, arena, own);
  let unsorted = "";
  for (let index = 1; index < NBINS - 1; index++) {
    const range = rangeOfBin(core, arena, index);
    if (range.count === 0) continue;
    own.blocks += range.count;
    own.bytes += range.total;
    if (index === 1) unsorted = line("unsorted", range);
    else sizes += line("size", range);
  }
  let heaps = 0;
  if (arena === core.main) {
    own.space = own.system;
    own.accessible = own.system;
  } else {
    for (let heap = core.heapFor(core.top(arena)); heap !== 0; heap = heapPrevious(core, heap)) {
      own.space += heapSize(core, heap);
      own.accessible += heapProtected(core, heap);
      heaps++;
    }
  }
  for (const key of Object.keys(own) as (keyof InfoTotals)[]) grand[key] += own[key];
  let text = `<heap nr="${number}">\n<sizes>\n${sizes}${unsorted}</sizes>\n`;
  text += `<total type="fast" count="${own.fastBlocks}" size="${own.fastBytes}"/>\n`;
  text += `<total type="rest" count="${own.blocks}" size="${own.bytes}"/>\n`;
  text += `<system type="current" size="${own.system}"/>\n<system type="max" size="${own.maxSystem}"/>\n`;
  text += `<aspace type="total" size="${own.space}"/>\n<aspace type="mprotect" size="${own.accessible}"/>\n`;
  if (heaps > 0) text += `<aspace type="subheaps" size="${heaps}"/>\n`;
  return `${text}</heap>\n`;
};

/** The XML document that `malloc_info (0, stream)` writes. */
export const mallocInfo = (core: Core): string => {
  const grand: InfoTotals = {
    fastBlocks: 0,
    fastBytes: 0,
    blocks: 0,
    bytes: 0,
    system: 0,
    maxSystem: 0,
    space: 0,
    accessible: 0,
  };
  let text = '<malloc version="1">\n';
  arenasOf(core).forEach((arena, number) => {
    text += heapInfo(core, arena, number, grand);
  });
  text += `<total type="fast" count="${grand.fastBlocks}" size="${grand.fastBytes}"/>\n`;
  text += `<total type="rest" count="${grand.blocks}" size="${grand.bytes}"/>\n`;
  text += `<total type="mmap" count="${core.parameter(PARAMETER.mmaps)}" size="${core.parameter(PARAMETER.mmappedMem)}"/>\n`;
  text += `<system type="current" size="${grand.system}"/>\n<system type="max" size="${grand.maxSystem}"/>\n`;
  text += `<aspace type="total" size="${grand.space}"/>\n<aspace type="mprotect" size="${grand.accessible}"/>\n`;
  return `${text}</malloc>\n`;
};
