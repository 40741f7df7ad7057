import { Frame } from "../frames/frames.ts";
import { frameOf, isGuard, isMapped, Pte } from "../page-table/entry.ts";
import type { PagedSpace } from "../paging/paged-space.ts";

/** Consecutive pages in one state. Addresses are bytes. */
export interface PageRun {
  readonly start: number;
  end: number;
  /** `z` page of zeros, `a` anonymous, `f` page cache, `g` guard, `s` swap. */
  readonly state: string;
}

/** All pages of `[start, end)` that are in some state, as runs in ascending order. From the page tables themselves. */
export const pageRuns = (space: PagedSpace, start: number, end: number, runs: PageRun[]): void => {
  const { table, machine } = space;
  const { frames } = machine;
  const { words } = frames.memory;
  const step = table.stride >>> 2;
  let last: PageRun | undefined = runs.at(-1);
  table.forEach(start, end, (first, firstAddress, count) => {
    for (let i = 0, word = first >>> 2; i < count; i++, word += step) {
      const pte = words[word]!;
      if (pte === 0) continue;
      let state = "s";
      if (isMapped(pte)) {
        if (pte & Pte.SPECIAL) state = "z";
        else state = frames.flagsOf(frameOf(pte)) & Frame.ANON ? "a" : "f";
      } else if (isGuard(pte)) state = "g";
      const address = firstAddress + i * 4096;
      if (last !== undefined && last.end === address && last.state === state) last.end = address + 4096;
      else {
        last = { start: address, end: address + 4096, state };
        runs.push(last);
      }
    }
  });
};

/** What changed between two lists of runs, in the words of the output: `pt START COUNT OLD>NEW`. */
export const diffRuns = (before: readonly PageRun[], after: readonly PageRun[]): string[] => {
  const lines: string[] = [];
  let i = 0;
  let j = 0;
  let at = 0;
  let pending: { start: number; end: number; change: string } | null = null;
  const emit = (): void => {
    if (pending === null) return;
    const start = pending.start.toString(16).padStart(8, "0");
    lines.push(`pt ${start} ${(pending.end - pending.start) / 4096} ${pending.change}`);
  };
  for (;;) {
    while (i < before.length && before[i]!.end <= at) i++;
    while (j < after.length && after[j]!.end <= at) j++;
    const a = before[i];
    const b = after[j];
    if (a === undefined && b === undefined) break;
    const inA = a !== undefined && a.start <= at;
    const inB = b !== undefined && b.start <= at;
    const nextA = a === undefined ? Number.POSITIVE_INFINITY : inA ? a.end : a.start;
    const nextB = b === undefined ? Number.POSITIVE_INFINITY : inB ? b.end : b.start;
    const next = Math.min(nextA, nextB);
    const old = inA ? a.state : ".";
    const now = inB ? b.state : ".";
    if (old !== now) {
      const change = `${old}>${now}`;
      if (pending !== null && pending.end === at && pending.change === change) pending.end = next;
      else {
        emit();
        pending = { start: at, end: next, change };
      }
    }
    at = next;
  }
  emit();
  return lines;
};
