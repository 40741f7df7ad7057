import { Errno } from "../abi/errno.ts";
import { PAGE_SIZE } from "../abi/page.ts";
import { type AnonVma, cloneAnonVma, type MappedFile, unlinkAnonVmas, type VmArea } from "../vma/area.ts";
import { VM_SPECIAL, VM_STICKY } from "../vma/flags.ts";
import { MAX_MAP_COUNT, type Mm } from "./mm.ts";

/**
 * Splitting and joining areas.
 *
 * Two neighbours join when all flags are equal, the file is the same open file, page offsets continue, and their
 * anon_vmas agree: the same, or only one of them has one and no fork stands behind it.
 *
 *         prev          new or changed         next
 *     |----------||=====================||-------------|      both join:   one area
 *                                                             only left:   prev grows
 *                                                             only right:  next grows downwards
 *
 * When both sides could join but hold different anon_vmas, the left one wins.
 */

const isForkChild = (area: VmArea): boolean => area.chain.length > 1;

/** Whether a range with `anonVma` and `target` may share an area, as far as anonymous pages go. */
const anonCompatible = (target: VmArea, anonVma: AnonVma | null, source: VmArea | null): boolean => {
  if (target.anonVma === anonVma) return true;
  if (target.anonVma === null) return source === null || !isForkChild(source);
  return anonVma === null && !isForkChild(target);
};

/** What a range is, for the question whether it continues its neighbours. */
export interface RangeKind {
  readonly flags: number;
  readonly pgoff: number;
  readonly file: MappedFile | null;
  readonly anonVma: AnonVma | null;
  /** The area that the anon_vma comes from, if it comes from one. */
  readonly source: VmArea | null;
}

const sameFlags = (a: number, b: number): boolean => ((a ^ b) & ~VM_STICKY) === 0;

const joinsAfter = (prev: VmArea, start: number, kind: RangeKind): boolean =>
  prev.end === start &&
  sameFlags(prev.flags, kind.flags) &&
  prev.file === kind.file &&
  prev.label === "" &&
  prev.pgoff + prev.pages === kind.pgoff &&
  anonCompatible(prev, kind.anonVma, kind.source);

const joinsBefore = (next: VmArea, start: number, end: number, kind: RangeKind): boolean =>
  next.start === end &&
  sameFlags(next.flags, kind.flags) &&
  next.file === kind.file &&
  next.label === "" &&
  kind.pgoff + (end - start) / PAGE_SIZE === next.pgoff &&
  anonCompatible(next, kind.anonVma, kind.source);

const bothJoin = (prev: VmArea, next: VmArea): boolean =>
  prev.anonVma === null || next.anonVma === null || prev.anonVma === next.anonVma;

const inheritAnon = (target: VmArea, from: VmArea | null): void => {
  if (target.anonVma === null && from !== null && from.anonVma !== null) cloneAnonVma(target, from);
};

/**
 * Takes an area out of the space and out of everything that points to it, and frees it. Counters are the caller's
 * business.
 */
export const discardArea = (mm: Mm, area: VmArea): void => {
  mm.areas.remove(area);
  unlinkAnonVmas(area);
  area.free();
  const object = area.file?.object;
  if (object === undefined) return;
  object.areas.delete(area);
  if (object.areas.size > 0) return;
  mm.charge(-object.reserved);
  mm.pager.unreferenced(object);
};

/**
 * Lets the free range `[start, end)` become part of a neighbour. `vma_merge_new_range`.
 *
 * @param leftOnly Whether only the lower neighbour may take it (brk).
 * @returns the area that now holds the range, or null when neither could.
 */
export const mergeNew = (
  mm: Mm,
  start: number,
  end: number,
  kind: RangeKind,
  leftOnly: boolean,
): VmArea | null => {
  if (kind.flags & VM_SPECIAL) return null;
  const prev = mm.areas.before(start);
  const next = prev === null ? mm.areas.first : prev.next;
  const left = prev !== null && joinsAfter(prev, start, kind);
  const right =
    !leftOnly && next !== null && joinsBefore(next, start, end, kind) && (!left || bothJoin(prev, next));
  if (left) {
    let newEnd = end;
    prev.flags |= kind.flags & VM_STICKY;
    if (right) {
      prev.flags |= next.flags & VM_STICKY;
      inheritAnon(prev, next);
      newEnd = next.end;
      discardArea(mm, next);
    }
    inheritAnon(prev, kind.source);
    mm.areas.resize(prev, prev.start, newEnd);
    return prev;
  }
  if (right) {
    next.flags |= kind.flags & VM_STICKY;
    inheritAnon(next, kind.source);
    next.pgoff = kind.pgoff;
    mm.areas.resize(next, start, next.end);
    return next;
  }
  return null;
};

/**
 * Cuts an area in two at `at`; `area` stays the lower part, the upper is returned. Null, with nothing changed, when there
 * is no memory for another area. `__split_vma`.
 */
export const splitArea = (mm: Mm, area: VmArea, at: number): VmArea | null => {
  const upper = mm.newArea(at, area.end, area.flags, area.pgoffAt(at), area.file);
  if (upper === null) return null;
  upper.label = area.label;
  if (area.anonVma !== null) cloneAnonVma(upper, area);
  mm.areas.resize(area, area.start, at);
  mm.link(upper);
  return upper;
};

/** As {@link splitArea}, but null also when there are too many areas. `split_vma`. */
export const splitChecked = (mm: Mm, area: VmArea, at: number): VmArea | null =>
  mm.areas.size >= MAX_MAP_COUNT ? null : splitArea(mm, area, at);

/**
 * Gives `[start, end)` inside `area` other flags: joins it with neighbours that have them already, or cuts the area
 * so that the range is one of its own. `vma_modify`.
 *
 * @returns the area that holds the range, with the new flags, or a negated error number.
 */
export const modifyFlags = (
  mm: Mm,
  area: VmArea,
  start: number,
  end: number,
  flags: number,
): VmArea | number => {
  const merged = mergeExisting(mm, area, start, end, flags);
  if (merged !== null) return merged;
  let target = area;
  if (target.start < start) {
    const upper = splitChecked(mm, target, start);
    if (upper === null) return -Errno.ENOMEM;
    target = upper;
  }
  if (target.end > end && splitChecked(mm, target, end) === null) return -Errno.ENOMEM;
  target.flags = flags;
  return target;
};

/** `vma_merge_existing_range`. */
const mergeExisting = (mm: Mm, area: VmArea, start: number, end: number, flags: number): VmArea | null => {
  if (flags & VM_SPECIAL) return null;
  const pgoff = area.pgoffAt(start);
  const kind: RangeKind = { flags, pgoff, file: area.file, anonVma: area.anonVma, source: area };
  const atStart = start === area.start;
  const atEnd = end === area.end;
  const prev = atStart ? area.prev : null;
  const next = atEnd ? area.next : null;
  const left = prev !== null && joinsAfter(prev, start, kind);
  const right = next !== null && joinsBefore(next, start, end, kind) && (!left || bothJoin(prev, next));
  if (left) prev.flags |= flags & VM_STICKY;
  if (right) next.flags |= flags & VM_STICKY;
  if (left && right) {
    prev.flags |= next.flags & VM_STICKY;
    inheritAnon(prev, next.anonVma === null ? area : next);
    const newEnd = next.end;
    discardArea(mm, area);
    discardArea(mm, next);
    mm.areas.resize(prev, prev.start, newEnd);
    return prev;
  }
  if (left) {
    inheritAnon(prev, area);
    if (atEnd) discardArea(mm, area);
    else {
      area.pgoff = area.pgoffAt(end);
      mm.areas.resize(area, end, area.end);
    }
    mm.areas.resize(prev, prev.start, end);
    return prev;
  }
  if (right) {
    inheritAnon(next, area);
    if (atStart) discardArea(mm, area);
    else mm.areas.resize(area, area.start, start);
    next.pgoff = pgoff;
    mm.areas.resize(next, start, next.end);
    return next;
  }
  return null;
};
