/*
 * Blocks beyond the largest general cache: runs of pages, known to the page map by their first page's order.
 */
import { type Address, InvalidPointerError, NULL } from "@heapwright/allocator";
import type { Hierarchy } from "./hierarchy.ts";
import * as L from "./layout.ts";
import { TAG_LARGE, TAG_LARGE_TAIL, TAG_MASK } from "./page-map.ts";

/** A run of `2^order` pages for a user, or `NULL`. */
export const allocateRun = (hierarchy: Hierarchy, order: number): Address => {
  if (order > hierarchy.pages.maxOrder) return NULL;
  for (;;) {
    const run = takeRun(hierarchy, order);
    if (run !== NULL || !hierarchy.reclaim()) return run;
  }
};

const takeRun = (hierarchy: Hierarchy, order: number): Address => {
  hierarchy.enter();
  try {
    const run = hierarchy.takeMappedPages(order);
    if (run === NULL) return NULL;
    if (order > 0) hierarchy.map.set(run, 2 ** order, run | TAG_LARGE_TAIL);
    hierarchy.map.set(run, 1, (order << 8) | TAG_LARGE);
    count(hierarchy, 1, 2 ** order);
    return run;
  } finally {
    hierarchy.leave();
  }
};

/** Gives a user's run back. */
export const freeRun = (hierarchy: Hierarchy, run: Address): void => {
  hierarchy.enter();
  try {
    const entry = hierarchy.map.entry(run);
    if ((entry & TAG_MASK) !== TAG_LARGE) throw new InvalidPointerError(run, "is not the start of a block");
    const order = entry >>> 8;
    hierarchy.givePages(run, order);
    count(hierarchy, -1, -(2 ** order));
  } finally {
    hierarchy.leave();
  }
};

/** Bytes of the user's run that begins at `run`. */
export const runBytes = (hierarchy: Hierarchy, run: Address): number =>
  hierarchy.pages.pageSize * 2 ** (hierarchy.map.entry(run) >>> 8);

const count = (hierarchy: Hierarchy, runs: number, pages: number): void => {
  hierarchy.store(L.ROOT_LARGE_RUNS, hierarchy.load(L.ROOT_LARGE_RUNS) + runs);
  hierarchy.store(L.ROOT_LARGE_PAGES, hierarchy.load(L.ROOT_LARGE_PAGES) + pages);
};
