import type { HeapFault } from "@heapwright/allocator";
import type { FreeAreas } from "../areas/free-areas.ts";
import { ASKED_TYPES, CACHED_ORDERS, Header, Kind, NO_FRAME, ORDER_MASK, TYPES } from "../areas/layout.ts";
import { ISOLATE, TYPE_NAMES } from "../areas/mobility.ts";
import type { Buddy } from "../buddy.ts";

/** Verifies every invariant of a buddy system: see {@link FreeAreas}. Empty when it is sound. O(frames). */
export const check = (buddy: Buddy): readonly HeapFault[] => {
  const faults: HeapFault[] = [];
  const report = (frame: number, fault: string): void => {
    faults.push({ address: buddy.addressOf(frame), fault });
  };
  const cached = checkFrames(buddy.areas, report);
  checkLists(buddy, cached, report);
  return faults;
};

/** Takes note of a broken invariant. */
export type Report = (frame: number, fault: string) => void;

/**
 * Verifies the states and the free areas.
 *
 * @returns the number of runs of each low order that are marked as being on a per-CPU list.
 */
export const checkFrames = (areas: FreeAreas, report: Report): readonly number[] => {
  const seen = checkRuns(areas, report);
  checkAreas(areas, seen, report);
  checkBlocks(areas, report);
  return seen.cached;
};

/** Runs found by the states: free ones by order and type, cached ones by order. */
interface Seen {
  readonly free: Map<string, number>;
  readonly cached: number[];
}

const checkRuns = (areas: FreeAreas, report: Report): Seen => {
  const end = areas.first + areas.frames;
  const seen: Seen = { free: new Map(), cached: new Array(CACHED_ORDERS).fill(0) };
  let before: number = Kind.RESERVED;
  for (let frame = areas.first; frame < end; ) {
    const state = areas.state(frame);
    const kind = state & ~ORDER_MASK;
    const order = state & ORDER_MASK;
    const length = 2 ** order;
    if (kind === Kind.TAIL) {
      report(frame, `frame ${frame} belongs to no run`);
      frame++;
      continue;
    }
    if (frame % length !== 0) report(frame, `run of order ${order} at frame ${frame} is misaligned`);
    if (frame + length > end) report(frame, `run of order ${order} at frame ${frame} leaves the range`);
    if (order > areas.maxOrder) report(frame, `order ${order} exceeds ${areas.maxOrder}`);
    for (let tail = frame + 1; tail < Math.min(frame + length, end); tail++) {
      if (areas.state(tail) !== Kind.TAIL) report(tail, `frame ${tail} has a state inside a run`);
    }
    if (kind === Kind.MORE && before !== Kind.EXACT && before !== Kind.MORE) {
      report(frame, `frame ${frame} continues no exact run`);
    }
    if (kind === Kind.CACHED) seen.cached[order] = (seen.cached[order] ?? 0) + 1;
    if (kind === Kind.FREE) {
      const key = `${order} ${areas.typeOf(frame)}`;
      seen.free.set(key, (seen.free.get(key) ?? 0) + 1);
      const twin = (frame ^ length) >>> 0;
      const apart =
        order >= areas.blockOrder &&
        areas.has(twin) &&
        (areas.typeOf(twin) === ISOLATE) !== (areas.typeOf(frame) === ISOLATE);
      if (
        order < areas.maxOrder &&
        twin > frame &&
        areas.has(twin) &&
        areas.state(twin) === state &&
        !apart
      ) {
        report(frame, `buddies of order ${order} at frames ${frame} and ${twin} are both free`);
      }
    }
    before = kind;
    frame += length;
  }
  return seen;
};

const checkAreas = (areas: FreeAreas, seen: Seen, report: Report): void => {
  const { meta, links } = areas;
  let total = 0;
  for (let type = 0; type < TYPES; type++) {
    for (let order = 0; order <= areas.maxOrder; order++) {
      const name = `free area of order ${order}, ${TYPE_NAMES[type]}`;
      let frame = meta.load32(areas.area(order, type));
      const count = areas.count(order, type);
      const bit = (meta.load32(areas.at + Header.BITMAPS + type * 4) >>> order) & 1;
      if ((bit === 1) !== (frame !== NO_FRAME)) report(areas.first, `${name}: bitmap says ${bit}`);
      let previous: number = NO_FRAME;
      let found = 0;
      for (; frame !== NO_FRAME; found++) {
        if (!areas.has(frame) || areas.state(frame) !== (Kind.FREE | order) || found > count) {
          report(frame, `${name}: frame ${frame} is no such run`);
          break;
        }
        if (areas.typeOf(frame) !== type)
          report(frame, `${name}: frame ${frame} is in another type's pageblock`);
        if (links.load32(areas.link(frame) + 4) !== previous)
          report(frame, `${name}: broken link at ${frame}`);
        previous = frame;
        frame = links.load32(areas.link(frame));
      }
      const expected = seen.free.get(`${order} ${type}`) ?? 0;
      if (found !== count || found !== expected) {
        report(areas.first, `${name}: ${found} runs listed, ${count} counted, ${expected} marked`);
      }
      total += found * 2 ** order;
    }
  }
  if (total !== areas.freeFrames) report(areas.first, `${total} frames free, ${areas.freeFrames} counted`);
};

const checkLists = (buddy: Buddy, cached: readonly number[], report: Report): void => {
  for (let order = 0; order < CACHED_ORDERS; order++) {
    let listed = 0;
    for (let cpu = 0; cpu < buddy.cpus; cpu++) {
      for (let type = 0; type < ASKED_TYPES; type++) {
        let runs = 0;
        for (const frame of buddy.lists.runs(cpu, order, type)) {
          runs++;
          if (!buddy.areas.has(frame) || buddy.areas.state(frame) !== (Kind.CACHED | order)) {
            report(frame, `per-CPU list of order ${order}: frame ${frame} is no cached run`);
            break;
          }
        }
        const count = buddy.lists.count(cpu, order, type);
        if (runs !== count)
          report(buddy.areas.first, `per-CPU list of order ${order}: ${runs} runs, not ${count}`);
        listed += runs;
      }
    }
    if (listed !== cached[order]) {
      report(buddy.areas.first, `${listed} runs of order ${order} on per-CPU lists, ${cached[order]} marked`);
    }
  }
};

const checkBlocks = (areas: FreeAreas, report: Report): void => {
  const counts: number[] = new Array(TYPES).fill(0);
  const end = areas.first + areas.frames;
  for (
    let frame = areas.first;
    frame < end;
    frame = ((frame >>> areas.blockOrder) + 1) * 2 ** areas.blockOrder
  ) {
    counts[areas.typeOf(frame)]!++;
  }
  for (let type = 0; type < TYPES; type++) {
    const counted = areas.blocks(type);
    if (counts[type] !== counted) {
      report(areas.first, `${counts[type]} ${TYPE_NAMES[type]} pageblocks, ${counted} counted`);
    }
  }
};
