/*
 * The check: every invariant of every structure, each violation with the values that show it. It changes nothing and does not
 * trust what it reads: lists are followed only while they lead to chunks and never twice to the same one.
 */
import { type Address, HeapCorruptionError, type HeapFault } from "@heapwright/allocator";
import { attachedThreads, nextArena } from "../arenas/arena.ts";
import { heapArena, heapPrevious, heapProtected, heapSize } from "../arenas/heap.ts";
import { threadCount } from "../bins/tcache.ts";
import { type Core, PREV_INUSE } from "../core.ts";
import { mainArenaAt, PARAMETER, THREAD, THREAD_BYTES, THREADS_AT } from "../layout/statics.ts";
import { checkChunks } from "./check-chunks.ts";
import { checkBins, checkFastBins, checkTcaches, type Listed } from "./check-lists.ts";
import { Faults, hex } from "./faults.ts";
import { walkHeap } from "./walk.ts";

const checkTop = (core: Core, faults: Faults, arena: Address): boolean => {
  const top = core.top(arena);
  const size = core.size(top);
  if (top === core.bin(arena, 1)) return true;
  if (!faults.readable(top, "top")) return false;
  faults.expect((core.head(top) & PREV_INUSE) !== 0, top, "top says that the chunk before it is free");
  faults.expect(size >= core.minSize, top, `top has ${size} bytes, fewer than the smallest chunk`);
  faults.expect(
    (top + size) % core.pageSize === 0,
    top,
    `top ends at ${hex(top + size)}, not at a page boundary`,
  );
  const system = core.systemMem(arena);
  return faults.expect(size <= system, top, `top has ${size} bytes, more than the arena's ${system}`);
};

/** The heaps of a thread arena. */
const checkHeaps = (core: Core, faults: Faults, arena: Address): boolean => {
  let total = 0;
  let heap = core.heapFor(core.top(arena));
  for (let first = true; heap !== 0; first = false) {
    if (!faults.expect(heapArena(core, heap) === arena, heap, `heap of ${hex(heapArena(core, heap))}`))
      return false;
    const size = heapSize(core, heap);
    const accessible = heapProtected(core, heap);
    const sound = size <= accessible && accessible <= core.heapMax && size % core.pageSize === 0;
    if (!faults.expect(sound, heap, `heap of ${size} bytes, ${accessible} accessible`)) return false;
    const top = core.top(arena);
    if (first)
      faults.expect(
        top + core.size(top) === heap + size,
        top,
        `top ends at ${hex(top + core.size(top))}, its heap at ${hex(heap + size)}`,
      );
    total += size;
    heap = heapPrevious(core, heap);
  }
  const system = core.systemMem(arena);
  return faults.expect(system === total, arena, `system_mem is ${system}, its heaps have ${total} bytes`);
};

/** The circular list of arenas; gives the sound part of it. */
const checkArenaList = (core: Core, faults: Faults): Address[] => {
  const arenas = [core.main];
  let arena = nextArena(core, core.main);
  while (arena !== core.main) {
    const sound = arena !== 0 && arena < core.mem.byteLength && !arenas.includes(arena);
    if (!faults.expect(sound, arena, "the list of arenas is broken")) return arenas;
    arenas.push(arena);
    arena = nextArena(core, arena);
  }
  const count = core.parameter(PARAMETER.narenas);
  faults.expect(count === arenas.length, core.state, `narenas is ${count}, the list has ${arenas.length}`);
  return arenas;
};

/** How many threads say that they are attached to an arena, against what the arena counts. */
const checkAttached = (core: Core, faults: Faults, arenas: readonly Address[]): void => {
  if (core.profile.arenaChoice === "ring") return;
  for (const arena of arenas) {
    let threads = 0;
    for (let thread = 0; thread < threadCount(core); thread++)
      if (core.mem.load32(core.state + THREADS_AT + thread * THREAD_BYTES + THREAD.arena) === arena)
        threads++;
    const counted = attachedThreads(core, arena);
    faults.expect(
      counted === threads,
      arena,
      `attached_threads is ${counted}, with ${threads} threads attached`,
    );
  }
};

/** Verifies an arena but for its chunks. Returns whether these can be walked. */
const checkArena = (core: Core, faults: Faults, listed: Listed, arena: Address): boolean => {
  let walkable = checkTop(core, faults, arena);
  if (walkable && arena !== core.main) walkable = checkHeaps(core, faults, arena);
  const peak = core.load(arena + core.g.maxSystemMemAt);
  faults.expect(core.systemMem(arena) <= peak, arena, `system_mem is above its maximum of ${peak}`);
  checkFastBins(core, faults, listed, arena);
  checkBins(core, faults, listed, arena);
  return walkable;
};

/** What a check finds. */
const faultsOf = (core: Core, check: (faults: Faults) => void): HeapFault[] => {
  const faults = new Faults(core);
  try {
    check(faults);
  } catch (error) {
    // A word of 8 bytes led beyond all memory: that far the check could go.
    if (!(error instanceof HeapCorruptionError)) throw error;
    faults.expect(false, error.address, error.message);
  }
  return faults.found;
};

/** Whether everything in one arena is as it should be, whatever goes on in others and in the tcaches. */
export const isArenaSound = (core: Core, arena: Address): boolean => {
  const faults = faultsOf(core, (faults) => {
    const listed: Listed = new Map();
    const walkable = checkArena(core, faults, listed, arena);
    if (faults.found.length === 0 && walkable) checkChunks(core, faults, walkHeap(core, [arena], 0), listed);
  });
  return faults.length === 0;
};

const checkAll = (core: Core, faults: Faults, lost: ReadonlySet<Address>): void => {
  const threads = threadCount(core);
  const asBegun = core.state + mainArenaAt(threads) === core.main;
  if (!faults.expect(asBegun, core.state, `${threads} threads, another number than at the begin`)) return;
  const listed: Listed = new Map();
  const arenas = checkArenaList(core, faults);
  const inUse = arenas.filter((arena) => !lost.has(arena));
  let walkable = true;
  for (const arena of inUse) walkable = checkArena(core, faults, listed, arena) && walkable;
  checkTcaches(core, faults, listed);
  checkAttached(core, faults, arenas);
  if (lost.size > 0)
    for (const chunk of listed.keys()) if (lost.has(core.arenaFor(chunk))) listed.delete(chunk);
  if (faults.found.length === 0 && walkable) checkChunks(core, faults, walkHeap(core, inUse), listed);
};

/** Verifies the heap, all arenas but the `lost` ones. Empty when it is sound. */
export const checkHeap = (core: Core, lost: ReadonlySet<Address> = new Set()): HeapFault[] =>
  faultsOf(core, (faults) => checkAll(core, faults, lost));
