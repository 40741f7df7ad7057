/*
 * What the workers of a shared heap have in common, beside the tag table. One run of the heap's own, found through the
 * root of the header, made once for the greatest length of the memory:
 *
 *   slots    32 lines of 64 bytes:  state | arena | remote | -  ...         slot 0: how many ids were given out | -  ...
 *   owners   a byte for each 64 KiB of memory: the slot of the worker whose territory it is, 0 for the common heap
 *   remote   a bit for each 16 bytes: set while a block that starts there was freed by a stranger and waits for its owner
 *
 * A slot's state is `id << 2 | code`. Only compare-and-swap changes it, so that a worker that dies between two steps leaves
 * a slot that says what to do with it.
 */
import { AttachError } from "@heapwright/allocator";
import type { LinearPages } from "@heapwright/heap-memory";
import { GRANULE, HEAP_WORDS, LENGTH_SHIFT, LIVE, META_OWNER, TABLE } from "../layout.ts";
import { addressOf, RunHeap } from "../run-heap.ts";

/** log2 of the bytes in a unit: what territories are counted in. */
export const UNIT_BYTES_SHIFT = 16;
/** Granules in a unit. */
export const UNIT_GRANULES: number = (1 << UNIT_BYTES_SHIFT) / GRANULE;

const SLOT_WORDS = 16;
/** The most workers at a time. Slot 0 is the common heap; owners 30 and 31 have meanings of their own. */
export const MAX_WORKERS = 29;
const SLOTS_BYTES: number = (MAX_WORKERS + 3) * SLOT_WORDS * 4;

/** Words of a slot. */
const STATE = 0;
const ARENA = 1;
const REMOTE_HEAD = 2;

/** The first id that is given out; lower ones are for users to choose. */
export const FIRST_ID: number = 2 ** 28;
/** Codes of a slot's state. */
export const Code: { readonly UNUSED: 0; readonly HELD: 1; readonly CLOSED: 2; readonly DEAD: 3 } = {
  UNUSED: 0,
  HELD: 1,
  CLOSED: 2,
  DEAD: 3,
};

export class Directory {
  readonly pages: LinearPages;
  /** Word index of the slots. */
  readonly slots: number;
  /** The owners, by address / 65536. */
  readonly owners: Uint8Array;
  /** Where the remote bits of address 0 would be, as a word index. */
  readonly remote: number;

  /** The directory that {@link Directory.create} made. */
  constructor(pages: LinearPages) {
    this.pages = pages;
    const { root, end, memory } = pages;
    const units = Math.ceil(end / 2 ** UNIT_BYTES_SHIFT);
    this.slots = root / 4;
    this.owners = new Uint8Array(memory.buffer, root + SLOTS_BYTES, units);
    this.remote = Math.ceil((root + SLOTS_BYTES + units) / 4) - Math.floor(pages.start / 512);
  }

  /** Makes the directory of a new heap. Returns false when the memory has no room for it. */
  static create(pages: LinearPages, common: RunHeap): boolean {
    const bytes =
      SLOTS_BYTES + Math.ceil(pages.end / 2 ** UNIT_BYTES_SHIFT) + 8 + (pages.end - pages.start) / 128 + 8;
    const granules = Math.ceil(bytes / GRANULE);
    const run = common.obtain(granules);
    if (run === 0) return false;
    common.own(run);
    pages.memory.fill(addressOf(run), granules * GRANULE, 0);
    pages.root = addressOf(run);
    return true;
  }

  private get words(): Uint32Array {
    return this.pages.memory.words;
  }

  /** An id that no other worker has or had. */
  newId(): number {
    return FIRST_ID + Atomics.add(this.words, this.slots, 1);
  }

  /** Word index of the head of the list of a slot's blocks that strangers freed. */
  remoteHead(slot: number): number {
    return this.slots + slot * SLOT_WORDS + REMOTE_HEAD;
  }

  /** Word index of a slot's arena, 0 while it has none. */
  arenaOf(slot: number): number {
    return this.words[this.slots + slot * SLOT_WORDS + ARENA]!;
  }

  /** The arenas of all workers that are or were attached. */
  arenas(): number[] {
    const arenas: number[] = [];
    for (let slot = 1; slot <= MAX_WORKERS; slot++) {
      if (this.arenaOf(slot) !== 0) arenas.push(this.arenaOf(slot));
    }
    return arenas;
  }

  setArena(slot: number, arena: number): void {
    this.words[this.slots + slot * SLOT_WORDS + ARENA] = arena;
  }

  /**
   * Takes a slot for worker `id`: one that another worker has left, before a new one.
   *
   * @returns the slot and the code of its state before.
   * @throws AttachError when all slots are held.
   */
  claim(id: number): { readonly slot: number; readonly before: number } {
    for (const wanted of [Code.CLOSED, Code.DEAD, Code.UNUSED]) {
      for (let slot = 1; slot <= MAX_WORKERS; slot++) {
        const at = this.slots + slot * SLOT_WORDS + STATE;
        const state = Atomics.load(this.words, at);
        if ((state & 3) !== wanted) continue;
        const mine = ((id << 2) | Code.HELD) >>> 0;
        if (Atomics.compareExchange(this.words, at, state, mine) === state) return { slot, before: wanted };
      }
    }
    throw new AttachError(`all ${MAX_WORKERS} places for workers in the heap are taken`);
  }

  /** Says that worker `id` is gone. Returns whether it held a slot. */
  leave(id: number, code: number): boolean {
    for (let slot = 1; slot <= MAX_WORKERS; slot++) {
      const at = this.slots + slot * SLOT_WORDS + STATE;
      const held = ((id << 2) | Code.HELD) >>> 0;
      const gone = ((id << 2) | code) >>> 0;
      if (Atomics.compareExchange(this.words, at, held, gone) === held) return true;
    }
    return false;
  }
}

/** The heap that all workers get their territories from. Only who holds the lock may touch it. */
export const commonHeap = (pages: LinearPages): RunHeap => {
  const heap = (pages.start + 64) / 4;
  return new RunHeap(pages, heap, heap + HEAP_WORDS, 0);
};

/** Writes the tag of a run of one granule that belongs to the heap, keeping what it says of the run before. */
export const fence = (words: Int32Array, heap: number, granule: number, prevFree: number): void => {
  words[words[heap + TABLE]! + granule] = (1 << LENGTH_SHIFT) | META_OWNER | prevFree | LIVE;
};
