/*
 * The check of every list: tcache bins, fast bins, and the double-linked bins with their map.
 */
import type { Address } from "@heapwright/allocator";
import { tcacheOf, threadCount } from "../bins/tcache.ts";
import type { Core } from "../core.ts";
import { NBINS, TCACHE_BINS } from "../layout/geometry.ts";
import { PARAMETER } from "../layout/statics.ts";
import { type Faults, hex } from "./faults.ts";
import { binName } from "./names.ts";

/** Chunks by the list that holds them. */
export type Listed = Map<Address, string>;

const list = (listed: Listed, faults: Faults, chunk: Address, name: string): boolean => {
  const other = listed.get(chunk);
  if (!faults.expect(other === undefined, chunk, `in ${name} and in ${other}`)) return false;
  listed.set(chunk, name);
  return true;
};

const checkTcacheBin = (core: Core, faults: Faults, listed: Listed, tcache: Address, bin: number): void => {
  const wanted = core.minSize + bin * (core.alignMask + 1);
  const name = `tcache ${wanted}`;
  const count = core.mem.load16(tcache + 2 * bin);
  const limit = core.parameter(PARAMETER.tcacheCount);
  faults.expect(count <= limit, tcache + 2 * bin, `${name} counts ${count} chunks, more than ${limit}`);
  let length = 0;
  let entry = core.load(tcache + core.g.tcacheEntriesAt + bin * core.word);
  while (entry !== 0) {
    const chunk = entry - core.header;
    if (!faults.readable(chunk, name) || !list(listed, faults, chunk, name)) return;
    const size = core.size(chunk);
    faults.expect(size === wanted, chunk, `size ${size} in ${name}`);
    faults.expect(core.inUseAt(chunk, size), chunk, `in ${name}, but its neighbour says it is free`);
    const key = core.load(entry + core.word);
    faults.expect(key === core.tcacheKey(tcache), entry + core.word, `key ${hex(key)} of a chunk in ${name}`);
    length++;
    entry = core.mangle(entry, core.load(entry));
  }
  faults.expect(length === count, tcache + 2 * bin, `${name} counts ${count} chunks and holds ${length}`);
};

/** Every tcache. */
export const checkTcaches = (core: Core, faults: Faults, listed: Listed): void => {
  for (let thread = 0; thread < threadCount(core); thread++) {
    const tcache = tcacheOf(core, thread);
    if (tcache === 0) continue;
    if (!faults.readable(tcache - core.header, `tcache of thread ${thread}`)) continue;
    for (let bin = 0; bin < TCACHE_BINS; bin++) checkTcacheBin(core, faults, listed, tcache, bin);
  }
};

/** The fast bins of an arena. */
export const checkFastBins = (core: Core, faults: Faults, listed: Listed, arena: Address): void => {
  for (let index = 0; index < core.g.fastBins; index++) {
    const name = `fast ${(index + 2) << core.g.fastShift}`;
    let chunk = core.load(core.fastbin(arena, index));
    if (chunk !== 0)
      faults.expect(core.haveFastChunks(arena), arena + 8, `have_fastchunks is false with chunks in ${name}`);
    while (chunk !== 0) {
      if (!faults.readable(chunk, name) || !list(listed, faults, chunk, name)) break;
      const size = core.size(chunk);
      faults.expect(core.fastIndex(size) === index, chunk, `size ${size} in ${name}`);
      faults.expect(core.inUseAt(chunk, size), chunk, `in ${name}, but its neighbour says it is free`);
      chunk = core.mangle(chunk + core.fdAt, core.fd(chunk));
    }
  }
};

/** One free chunk of a double-linked bin: its tags and its place. */
const checkBinned = (core: Core, faults: Faults, arena: Address, index: number, chunk: Address): void => {
  const name = binName(index);
  const size = core.size(chunk);
  const head = core.head(chunk);
  faults.expect((head & 7) === 1, chunk, `flags ${head & 7} of a free chunk in ${name}`);
  faults.expect(
    size >= core.minSize && size % (core.alignMask + 1) === 0 && size <= core.systemMem(arena),
    chunk,
    `size ${size} of a free chunk in ${name}`,
  );
  if (index > 1) faults.expect(core.binIndex(size) === index, chunk, `size ${size} in ${name}`);
  if (!faults.readable(chunk + size, `the size ${size} of ${hex(chunk)}`)) return;
  faults.expect(!core.inUseAt(chunk, size), chunk, `in ${name}, but its neighbour says it is in use`);
  const foot = core.prevSize(chunk + size);
  faults.expect(foot === size, chunk + size, `prev_size ${foot} behind a free chunk of ${size} bytes`);
};

/** The order of sizes and the skip list of one large bin. */
const checkSizes = (core: Core, faults: Faults, bin: Address, index: number): void => {
  const firsts: Address[] = [];
  let before = Number.POSITIVE_INFINITY;
  for (let chunk = core.fd(bin); chunk !== bin; chunk = core.fd(chunk)) {
    const size = core.size(chunk);
    faults.expect(size <= before, chunk, `size ${size} after ${before} in ${binName(index)}`);
    if (size < before) firsts.push(chunk);
    else faults.expect(core.fdNext(chunk) === 0, chunk, "a further chunk of its size, but in the skip list");
    before = size;
  }
  firsts.forEach((chunk, at) => {
    const smaller = firsts[(at + 1) % firsts.length]!;
    const next = core.fdNext(chunk);
    const back = core.bkNext(smaller);
    faults.expect(next === smaller, chunk, `fd_nextsize is ${hex(next)}, not ${hex(smaller)}`);
    faults.expect(back === chunk, smaller, `bk_nextsize is ${hex(back)}, not ${hex(chunk)}`);
  });
};

const marked = (core: Core, arena: Address, index: number): boolean =>
  ((core.mem.load32(arena + core.g.binmapAt + 4 * (index >>> 5)) >>> (index & 31)) & 1) !== 0;

/** One double-linked bin of an arena. */
const checkBin = (core: Core, faults: Faults, listed: Listed, arena: Address, index: number): void => {
  const name = binName(index);
  const bin = core.bin(arena, index);
  let previous = bin;
  for (let chunk = core.fd(bin); ; chunk = core.fd(chunk)) {
    if (chunk !== bin && !faults.readable(chunk, name)) return;
    const back = core.bk(chunk);
    if (!faults.expect(back === previous, chunk, `bk is ${hex(back)}, not ${hex(previous)}, in ${name}`))
      return;
    if (chunk === bin) break;
    if (!list(listed, faults, chunk, name)) return;
    checkBinned(core, faults, arena, index, chunk);
    previous = chunk;
  }
  if (previous === bin) return;
  if (index > 1) faults.expect(marked(core, arena, index), bin, `${name} has chunks, but its bit is clear`);
  if (index >= 64) checkSizes(core, faults, bin, index);
};

/** Every double-linked bin of an arena. */
export const checkBins = (core: Core, faults: Faults, listed: Listed, arena: Address): void => {
  for (let index = 1; index < NBINS - 1; index++) checkBin(core, faults, listed, arena, index);
};
