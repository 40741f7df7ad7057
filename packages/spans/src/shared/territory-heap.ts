/*
 * The runs of one worker. They lie in *territories*: runs of whole 64 KiB units of the common heap, which belong to
 * this worker alone, so that it needs no lock for anything in them.
 *
 *   | fence | runs of the worker ...                                  | fence |        one granule each
 *
 * The fences belong to the heap and are never free, so no run is merged across them: the common heap on the outside and
 * the worker on the inside never look at the same tag, but for the fences, of which each side sees one face.
 * The first fence's granule holds the worker's next territory and the length of this one, in granules.
 */
import type { FutexLock, LinearPages } from "@heapwright/heap-memory";
import {
  FREE,
  GRANULE,
  KIND,
  LENGTH_SHIFT,
  LIVE,
  OWNER_SHIFT,
  PREV_FREE,
  TABLE,
  TERRITORY,
  TERRITORY_GRANULES,
} from "../layout.ts";
import { RunHeap } from "../run-heap.ts";
import { type Directory, fence, UNIT_GRANULES } from "./directory.ts";
import { rebuild } from "./repair.ts";

/** Granules of a territory at most, unless one block needs more: 4 MiB. */
const TERRITORY_MAX = 16384;
/** Granules of a territory at least: 256 KiB. */
const TERRITORY_MIN = 1024;

export class TerritoryHeap extends RunHeap {
  declare private readonly slot: number;
  declare private readonly directory: Directory;
  declare private readonly lock: FutexLock;
  declare private readonly common: RunHeap;

  constructor(pages: LinearPages, common: RunHeap, directory: Directory, slot: number, lock: FutexLock) {
    super(pages, common.heap, directory.arenaOf(slot), slot << OWNER_SHIFT);
    this.common = common;
    this.directory = directory;
    this.slot = slot;
    this.lock = lock;
  }

  override regions(): readonly number[] {
    const regions: number[] = [];
    const { words } = this;
    for (let start = words[this.arena + TERRITORY]!; start !== 0; ) {
      const header = start * (GRANULE / 4);
      regions.push(start + 1, start + words[header + 1]! - 1);
      start = words[header]!;
    }
    return regions;
  }

  /** Gets a territory with room for a run of `granules` from the common heap. */
  override grow(granules: number): boolean {
    const now = this.words[this.arena + TERRITORY_GRANULES]!;
    const needed = Math.ceil((granules + 2) / UNIT_GRANULES) * UNIT_GRANULES;
    const roomy = Math.min(TERRITORY_MAX, Math.max(TERRITORY_MIN, now >>> 3));
    const wanted = Math.max(needed, Math.ceil(roomy / UNIT_GRANULES) * UNIT_GRANULES);
    return this.locked(() => {
      const first = this.takeUnits(wanted);
      const start = first !== 0 || wanted === needed ? first : this.takeUnits(needed);
      if (start === 0) return false;
      this.settle(start, first !== 0 ? wanted : needed);
      return true;
    });
  }

  /** Does something while nobody else touches the common heap, which is repaired first if its last user died in it. */
  locked<T>(action: () => T): T {
    const { lock, common, directory } = this;
    const sound = lock.acquire();
    try {
      this.memory.refresh();
      if (!sound) {
        rebuild(common, common.regions(), directory);
        lock.repaired();
      }
      return action();
    } finally {
      lock.release();
    }
  }

  private takeUnits(granules: number): number {
    const { common } = this;
    return (
      common.takeAligned(granules, UNIT_GRANULES) ||
      (common.grow(granules + UNIT_GRANULES) ? common.takeAligned(granules, UNIT_GRANULES) : 0)
    );
  }

  /** Makes a run of the common heap a territory. */
  private settle(start: number, granules: number): void {
    const { words, heap, arena, directory } = this;
    const table = words[heap + TABLE]!;
    const header = start * (GRANULE / 4);
    words[header] = words[arena + TERRITORY]!;
    words[header + 1] = granules;
    const prevFree = words[table + start]! & PREV_FREE;
    words[table + start + 1] = ((granules - 2) << LENGTH_SHIFT) | this.owner | LIVE;
    fence(words, heap, start + granules - 1, 0);
    directory.owners.fill(this.slot, start / UNIT_GRANULES, (start + granules) / UNIT_GRANULES);
    fence(words, heap, start, prevFree);
    words[arena + TERRITORY] = start;
    words[arena + TERRITORY_GRANULES] = words[arena + TERRITORY_GRANULES]! + granules;
    this.give(start + 1, granules - 2);
  }

  /** Gives territories that are free from fence to fence back to the common heap. Returns their granules. */
  leaveEmpty(): number {
    let left = 0;
    this.locked(() => {
      const { words, heap, arena } = this;
      const table = words[heap + TABLE]!;
      let link = arena + TERRITORY;
      for (let start = words[link]!; start !== 0; start = words[link]!) {
        const header = start * (GRANULE / 4);
        const granules = words[header + 1]!;
        const inside = words[table + start + 1]!;
        if ((inside & KIND) !== FREE || inside >>> LENGTH_SHIFT !== granules - 2) {
          link = header;
          continue;
        }
        words[link] = words[header]!;
        words[arena + TERRITORY_GRANULES] = words[arena + TERRITORY_GRANULES]! - granules;
        this.withdraw(start, granules);
        left += granules;
      }
    });
    return left;
  }

  private withdraw(start: number, granules: number): void {
    const { words, heap, common, directory } = this;
    const table = words[heap + TABLE]!;
    this.takeWhole(start + 1);
    const prevFree = words[table + start]! & PREV_FREE;
    words[table + start + 1] = 0;
    words[table + start + granules - 1] = 0;
    words[table + start] = (granules << LENGTH_SHIFT) | common.owner | prevFree | LIVE;
    directory.owners.fill(0, start / UNIT_GRANULES, (start + granules) / UNIT_GRANULES);
    common.give(start, granules);
  }
}
