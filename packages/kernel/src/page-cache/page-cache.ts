import { PAGE_SIZE } from "../abi/page.ts";
import { Frame } from "../frames/frames.ts";
import type { MachineCore } from "../machine/core.ts";
import { cleanEverywhere, zapObject } from "../paging/rmap.ts";
import type { CachedObject } from "./cached-object.ts";

/**
 * The page cache: pages of files, and of shared memory objects, in memory. Every function takes the machine whose
 * frames it uses and the object whose pages are meant.
 */

/** The frame of a page that is in the cache, 0 when it is not. */
export const findPage = (object: CachedObject, index: number): number => object.pages.get(index) ?? 0;

/** Puts a new frame, contents undefined, into the cache; 0 when there is none. */
const addPage = (machine: MachineCore, object: CachedObject, index: number): number => {
  const { frames, lru } = machine;
  const frame = frames.take();
  if (frame === 0) return 0;
  frames.assign(frame, object.isShmem ? Frame.CACHED | Frame.SHMEM : Frame.CACHED, object, index);
  object.pages.set(index, frame);
  lru.add(frame, false);
  return frame;
};

/** Shared memory that has nothing reserved is charged against the commit limit page by page. `shmem_acct_blocks`. */
export const chargePages = (machine: MachineCore, object: CachedObject, count: number): void => {
  if (object.isShmem && object.reserved === 0) machine.commit.committed += count;
};

/**
 * The frame of a page, read from where it is if it is not in the cache yet.
 *
 * @returns 0 when there is no frame for it.
 */
export const loadPage = (machine: MachineCore, object: CachedObject, index: number): number => {
  const found = findPage(object, index);
  if (found !== 0) return found;
  const frame = addPage(machine, object, index);
  if (frame === 0) return 0;
  const slot = object.slots.get(index);
  if (slot === undefined) chargePages(machine, object, 1);
  const target = machine.frames.bytesOf(frame);
  if (slot !== undefined) {
    machine.swap.read(slot, target);
    machine.events.pswpin += 1;
    object.slots.delete(index);
    machine.swap.drop(slot);
    machine.frames.mark(frame, Frame.DIRTY);
  } else if (object.store === null) target.fill(0);
  else {
    object.store.readPage(index, target);
    machine.events.pgpgin += 1;
  }
  return frame;
};

/** Whether getting at a page would have to read from a device. */
export const isPageAway = (object: CachedObject, index: number): boolean =>
  !object.pages.has(index) && (object.store !== null || object.slots.has(index));

/** Takes a page that nothing maps out of the cache and frees its frame; its contents are lost. */
export const dropPage = (machine: MachineCore, object: CachedObject, index: number): void => {
  const frame = object.pages.get(index);
  if (frame === undefined) return;
  object.pages.delete(index);
  machine.lru.remove(frame);
  machine.frames.release(frame);
};

const dropRange = (machine: MachineCore, object: CachedObject, from: number, to: number): void => {
  const drop = (index: number): void => {
    const slot = object.slots.get(index);
    if (slot !== undefined || object.pages.has(index)) chargePages(machine, object, -1);
    dropPage(machine, object, index);
    if (slot === undefined) return;
    object.slots.delete(index);
    machine.swap.drop(slot);
  };
  if (to - from <= object.pages.size + object.slots.size) {
    for (let index = from; index < to; index++) drop(index);
    return;
  }
  const indices = [...object.pages.keys(), ...object.slots.keys()];
  for (const index of indices) if (index >= from && index < to) drop(index);
};

/** Copies file bytes out; what lies beyond the end of the file is left out. Returns how many were copied, -1 when out of frames. */
export const readObject = (
  machine: MachineCore,
  object: CachedObject,
  offset: number,
  target: Uint8Array,
): number => {
  const end = Math.min(offset + target.length, object.size);
  let at = offset;
  while (at < end) {
    const frame = loadPage(machine, object, Math.floor(at / PAGE_SIZE));
    if (frame === 0) return -1;
    const inPage = at % PAGE_SIZE;
    const count = Math.min(PAGE_SIZE - inPage, end - at);
    target.set(machine.frames.bytesOf(frame).subarray(inPage, inPage + count), at - offset);
    at += count;
  }
  return Math.max(0, end - offset);
};

/** Stores file bytes, making the file longer if need be. Returns false when out of frames. */
export const writeObject = (
  machine: MachineCore,
  object: CachedObject,
  offset: number,
  source: Uint8Array,
): boolean => {
  const end = offset + source.length;
  if (end > object.size) zeroTail(machine, object, object.size);
  let at = offset;
  while (at < end) {
    const frame = loadPage(machine, object, Math.floor(at / PAGE_SIZE));
    if (frame === 0) return false;
    const inPage = at % PAGE_SIZE;
    const count = Math.min(PAGE_SIZE - inPage, end - at);
    machine.frames.bytesOf(frame).set(source.subarray(at - offset, at - offset + count), inPage);
    machine.frames.mark(frame, Frame.DIRTY);
    at += count;
  }
  object.size = Math.max(object.size, end);
  return true;
};

/** Zeroes what lies behind the end of the file in its last page: stores through mappings may have left bytes there. */
const zeroTail = (machine: MachineCore, object: CachedObject, size: number): void => {
  const inPage = size % PAGE_SIZE;
  if (inPage === 0) return;
  const frame = findPage(object, Math.floor(size / PAGE_SIZE));
  if (frame !== 0) machine.frames.bytesOf(frame).fill(0, inPage);
};

const extend = (machine: MachineCore, object: CachedObject, size: number): void => {
  zeroTail(machine, object, object.size);
  object.size = size;
};

/**
 * ftruncate(2). Pages wholly beyond the new end go, from all mappings and even where they were privately copied; the
 * rest of the last page becomes zero.
 */
export const truncateObject = (machine: MachineCore, object: CachedObject, size: number): void => {
  if (size >= object.size) {
    extend(machine, object, size);
    return;
  }
  const first = Math.ceil(size / PAGE_SIZE);
  const end = Math.ceil(object.size / PAGE_SIZE);
  object.size = size;
  zapObject(object, first, Number.MAX_SAFE_INTEGER, true);
  dropRange(machine, object, first, Number.MAX_SAFE_INTEGER);
  object.store?.discardPages(first, end);
  if (size % PAGE_SIZE !== 0) {
    const frame = loadPage(machine, object, first - 1);
    if (frame !== 0) machine.frames.mark(frame, Frame.DIRTY);
    zeroTail(machine, object, size);
  }
};

/** Frees pages `[from, to)` of the object (fallocate's hole); private copies of them stay. */
export const punchObject = (machine: MachineCore, object: CachedObject, from: number, to: number): void => {
  const end = Math.min(to, Math.ceil(object.size / PAGE_SIZE));
  if (from >= end) return;
  zapObject(object, from, end, false);
  dropRange(machine, object, from, end);
  object.store?.discardPages(from, end);
};

/** Writes one dirty page back; its mappings become clean, so that the next store to it faults. */
export const writeBackPage = (machine: MachineCore, object: CachedObject, index: number): void => {
  const frame = findPage(object, index);
  const { store } = object;
  if (frame === 0 || store === null || (machine.frames.flagsOf(frame) & Frame.DIRTY) === 0) return;
  cleanEverywhere(object, index, frame);
  if (index === Math.floor(object.size / PAGE_SIZE)) zeroTail(machine, object, object.size);
  store.writePage(index, machine.frames.bytesOf(frame));
  machine.frames.clear(frame, Frame.DIRTY);
  machine.events.pgpgout += 1;
};

/** Writes the dirty pages `[from, to)` back, in order. fsync(2) over a range. */
export const writeBackRange = (
  machine: MachineCore,
  object: CachedObject,
  from: number,
  to: number,
): void => {
  if (to - from <= object.pages.size) {
    for (let index = from; index < to; index++) writeBackPage(machine, object, index);
    return;
  }
  for (const index of [...object.pages.keys()].sort((a, b) => a - b)) {
    if (index >= from && index < to) writeBackPage(machine, object, index);
  }
};
