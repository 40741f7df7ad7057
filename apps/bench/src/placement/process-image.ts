/*
 * The process that a memory map shows, with a heap that nothing has been asked of yet: where a placement starts from.
 *
 * A trace of T threads creates its T - 1 further threads before the first op, and each creation makes the main thread call
 * calloc(17, 2 * word) for the new thread's dtv. The map was taken after that, so its [heap] is left out here and made
 * again by the same calls.
 */
import { Process } from "@heapwright/kernel";
import { type Abi, type ProfileName, Ptmalloc } from "@heapwright/ptmalloc";

/** Entries of the dtv that the C library allocates for a thread of a program with one TLS module. */
const DTV_ENTRIES = 17;
/** malloc's own static data stands where a program has nothing: below it, at the least address that can be mapped. */
const STATE_ADDRESS = 0x10000;

/** Which C library, and what it starts from. */
export interface PlacementOptions {
  readonly abi: Abi;
  readonly profile: ProfileName;
  /** Processors: they bound the number of arenas. */
  readonly cores: number;
  readonly tcache: boolean;
  /** /proc/self/maps before the first op; what follows a line `--` is not read. */
  readonly maps: string;
}

/** A process and its heap. */
export interface Image {
  readonly process: Process;
  readonly heap: Ptmalloc;
}

/** The part of a MAPS file that was written before the first op. */
export const mapsBefore = (text: string): string => {
  const cut = text.startsWith("--\n") ? 0 : text.indexOf("\n--\n") + 1;
  return cut === 0 && !text.startsWith("--\n") ? text : text.slice(0, cut);
};

/** The process before the first op of a trace of so many threads. */
export const startProcess = (options: PlacementOptions, threads: number): Image => {
  const { abi, profile, cores, tcache } = options;
  const lines = mapsBefore(options.maps).split(/(?<=\n)/);
  const untouched = lines.filter((line) => !line.trimEnd().endsWith(" [heap]")).join("");
  const process = Process.fromMaps(untouched, { abi });
  const tunables = tcache ? {} : { "glibc.malloc.tcache_count": 0 };
  const heap = new Ptmalloc(process, { abi, profile, cores, tunables, stateAddress: STATE_ADDRESS });
  const word = abi === "i386" ? 4 : 8;
  for (let thread = 1; thread < threads; thread++) {
    heap.thread(thread);
    heap.calloc(DTV_ENTRIES, 2 * word);
  }
  return { process, heap };
};
