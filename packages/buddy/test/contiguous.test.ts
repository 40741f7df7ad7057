import { InvalidArgumentError, InvalidPointerError } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import { expect, test } from "vitest";
import { allocateContiguousRange, Buddy, buddyinfo, check, freePagesExact, Mobility } from "../src/index.ts";

const PAGE = 64;

/** Pages 64 to 127, pageblocks of 4 pages, in which the given runs are live and movable and all else is free. */
const buddyWith = (live: readonly (readonly [page: number, order: number])[]): Buddy => {
  const buddy = Buddy.create(LinearMemory.fixed(128 * PAGE), {
    ...{ start: 64 * PAGE, pageSize: PAGE, maxOrder: 6, pageblockOrder: 2, high: 0 },
    metadata: LinearMemory.growing(),
  });
  // Every run in turn is taken as a range, given back, and taken again by its order once nothing else is free.
  const wanted = new Map(live.map(([page, order]) => [page * PAGE, order]));
  const pages: number[] = [];
  for (let page = buddy.allocatePages(0); page !== 0; page = buddy.allocatePages(0)) pages.push(page);
  for (const [address, order] of wanted) {
    for (let i = 0; i < 2 ** order; i++) {
      buddy.freePages(address + i * PAGE, 0);
      pages.splice(pages.indexOf(address + i * PAGE), 1);
    }
    expect(buddy.allocateOn(0, Mobility.MOVABLE, order)).toBe(address);
  }
  for (const page of pages) buddy.freePages(page, 0);
  expect(check(buddy)).toEqual([]);
  return buddy;
};

const range = (buddy: Buddy, from: number, to: number): { done: boolean; moves: [number, number][] } => {
  const moves: [number, number][] = [];
  const done = allocateContiguousRange(buddy, from * PAGE, to - from, (source, target) => {
    moves.push([source / PAGE, target / PAGE]);
    return true;
  });
  expect(check(buddy)).toEqual([]);
  expect(buddy.areas.blocks(3)).toBe(0);
  return { done, moves };
};

const upTo = (from: number, to: number): [number, number][] =>
  Array.from({ length: to - from }, (_, i) => [from + i, 0]);

test("what is in the way moves out of the range, never within it", () => {
  const buddy = buddyWith([...upTo(64, 80), ...upTo(96, 128)]);
  const { done, moves } = range(buddy, 84, 100);
  expect(done).toBe(true);
  expect(moves.map(([from]) => from)).toEqual([96, 97, 98, 99]);
  expect(moves.map(([, to]) => to).sort()).toEqual([80, 81, 82, 83]);
  freePagesExact(buddy, 84 * PAGE, 16);
  expect(() => freePagesExact(buddy, 84 * PAGE, 16)).toThrow(/already free/);
});

test("a free run that reaches into the range is no place to move to", () => {
  // Free are 80 to 95 only: a run of 8 pages would have to overlap the range.
  const buddy = buddyWith([...upTo(64, 80), [96, 3], ...upTo(104, 128)]);
  const before = buddyinfo([{ name: "Normal", buddy }]);
  expect(range(buddy, 84, 104)).toEqual({ done: false, moves: [] });
  expect(buddyinfo([{ name: "Normal", buddy }])).toBe(before);
});

test("what was moved out leaves no run behind that others are moved to", () => {
  // 100 goes to 112; were it to merge with 96 to 99 then, 104 would go there, half into the range.
  const buddy = buddyWith([...upTo(64, 96), [100, 2], [104, 3], ...upTo(116, 128)]);
  const { done, moves } = range(buddy, 100, 112);
  expect(done).toBe(false);
  expect(moves).toEqual([[100, 112]]);
});

test("a run that cannot move stops it before anything is moved", () => {
  const buddy = buddyWith(upTo(64, 100));
  const pinned = buddy.allocatePages(0);
  expect(range(buddy, 90, pinned / PAGE + 1)).toEqual({ done: false, moves: [] });
  expect(allocateContiguousRange(buddy, 96 * PAGE, 4)).toBe(false);
  expect(check(buddy)).toEqual([]);
});

test("a range that is none is refused", () => {
  const buddy = buddyWith([]);
  expect(() => allocateContiguousRange(buddy, 64 * PAGE, 65)).toThrow(InvalidArgumentError);
  expect(() => allocateContiguousRange(buddy, 64 * PAGE, 0)).toThrow(InvalidArgumentError);
  expect(() => allocateContiguousRange(buddy, 64 * PAGE + 1, 1)).toThrow(InvalidPointerError);
  expect(() => allocateContiguousRange(buddy, 0, 1)).toThrow(InvalidPointerError);
  expect(range(buddy, 64, 128).done).toBe(true);
});
