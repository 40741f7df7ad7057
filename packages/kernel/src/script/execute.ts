import { Errno, errnoName } from "../abi/errno.ts";
import { MapFlag, MremapFlag } from "../abi/mman.ts";
import { Fault } from "../fault/result.ts";
import { readObject, truncateObject, writeObject } from "../page-cache/page-cache.ts";
import { translate } from "../paging/access.ts";
import { brk } from "../syscalls/brk.ts";
import { madvise } from "../syscalls/madvise.ts";
import { mincore } from "../syscalls/mincore.ts";
import { mlock, munlock } from "../syscalls/mlock.ts";
import { mmap } from "../syscalls/mmap.ts";
import { mprotect } from "../syscalls/mprotect.ts";
import { mremap } from "../syscalls/mremap.ts";
import { msync } from "../syscalls/msync.ts";
import { munmap } from "../syscalls/munmap.ts";
import { flagLetters } from "../vma/flags.ts";
import { type Expression, evaluate, type Values } from "./expression.ts";
import type { Action } from "./operation.ts";
import { IMAGE_END, IMAGE_START, type World } from "./world.ts";

/** What came of an operation. */
export interface Outcome {
  /** The result as it is printed. */
  readonly text: string;
  /** What `$n` stands for from now on; undefined when the operation failed. */
  readonly value: number | undefined;
}

const PAGE = 4096;
/** Pages for which mincore has room. */
const MINCORE_PAGES = 32 * 1024;
/** MADV_REMOVE empties pages of the cache. */
const REMOVE = 9;

const hex = (value: number, digits = 8): string => value.toString(16).padStart(digits, "0");
const failed = (text: string): Outcome => ({ text, value: undefined });
const SKIPPED = failed("skip");
const REFUSED = failed("refused");

const FAULT_NAMES: Readonly<Record<number, string>> = {
  [Fault.MAPERR]: "SEGV_MAPERR",
  [Fault.ACCERR]: "SEGV_ACCERR",
  [Fault.PKUERR]: "SEGV_PKUERR",
  [Fault.ADRERR]: "BUS_ADRERR",
  [Fault.OOM]: "OOM",
};
const fault = (result: number, address: number): Outcome => failed(`${FAULT_NAMES[result]}@${hex(address)}`);

/** The result of a call that answers 0. */
const answer = (result: number, value: number): Outcome =>
  result < 0 ? failed(`-${errnoName(result)}`) : { text: "0", value };

/** The result of a call that answers an address. */
const answerAddress = (result: number): Outcome =>
  result < 0 ? failed(`-${errnoName(result)}`) : { text: hex(result), value: result };

/** Whether a range touches the process's own image; such operations are refused. */
const hitsImage = (address: number, length: number): boolean =>
  address < IMAGE_END && address + (length || 1) > IMAGE_START;

/** Runs one operation. */
export const execute = (world: World, action: Action, values: Values): Outcome => {
  const { mm } = world;
  const get = (expression: Expression): number | undefined => evaluate(expression, values);
  switch (action.op) {
    case "brk": {
      const offset = action.offset === null ? -IMAGE_END : get(action.offset);
      if (offset === undefined) return SKIPPED;
      return answerAddress(brk(mm, (IMAGE_END + offset) % 2 ** 32));
    }
    case "mmap": {
      const address = get(action.address);
      const length = get(action.length);
      const pgoff = action.fd === null ? 0 : get(action.fd.pgoff);
      if (address === undefined || length === undefined || pgoff === undefined) return SKIPPED;
      const { flags, fd } = action;
      const replaces = (flags & MapFlag.FIXED) !== 0 && (flags & MapFlag.FIXED_NOREPLACE) === 0;
      if (replaces && hitsImage(address, length)) return REFUSED;
      const file = fd === null ? null : world.files.get(fd.id);
      return answerAddress(mmap(mm, address, length, action.prot, flags, file, pgoff));
    }
    case "mremap": {
      const address = get(action.address);
      const oldLength = get(action.oldLength);
      const newLength = get(action.newLength);
      const target = action.target === null ? 0 : get(action.target);
      if (address === undefined || oldLength === undefined) return SKIPPED;
      if (newLength === undefined || target === undefined) return SKIPPED;
      const { flags } = action;
      if (hitsImage(address, oldLength)) return REFUSED;
      if (flags & MremapFlag.FIXED && hitsImage(target, newLength)) return REFUSED;
      return answerAddress(mremap(mm, address, oldLength, newLength, flags, target));
    }
    case "read":
    case "write": {
      const address = get(action.address);
      const byte = action.op === "write" ? get(action.byte) : 0;
      if (address === undefined || byte === undefined) return SKIPPED;
      if (hitsImage(address, 1)) return REFUSED;
      return accessByte(world, address, action.op === "write" ? byte : -1);
    }
    case "fill":
    case "sum": {
      const address = get(action.address);
      const length = get(action.length);
      const byte = action.byte === null ? 0 : get(action.byte);
      if (address === undefined || length === undefined || byte === undefined) return SKIPPED;
      if (hitsImage(address, length)) return REFUSED;
      return action.op === "fill" ? fill(world, address, length, byte) : sum(world, address, length);
    }
    case "vmflags": {
      const address = get(action.address);
      if (address === undefined) return SKIPPED;
      const area = mm.areas.at(address);
      return failed(area === null ? "novma" : flagLetters(area.flags).join(",") || "-");
    }
    case "open":
      world.open(action.id, action.size, action.mode);
      return { text: "0", value: 0 };
    case "truncate":
    case "filedump":
    case "filewrite":
      return fileOperation(world, action, get);
    case "rlimit":
      if (action.bytes > mm.limits.hard[action.limit]) return failed(`-${errnoName(Errno.EINVAL)}`);
      mm.limits[action.limit] = action.bytes;
      return { text: "0", value: 0 };
    default:
      return rangeOperation(world, action, get);
  }
};

type Get = (expression: Expression) => number | undefined;

const rangeOperation = (world: World, action: Extract<Action, { extra: unknown }>, get: Get): Outcome => {
  const { mm } = world;
  const address = get(action.address);
  const length = get(action.length);
  const extra = typeof action.extra === "number" ? action.extra : get(action.extra);
  if (address === undefined || length === undefined || extra === undefined) return SKIPPED;
  if (hitsImage(address, length)) return REFUSED;
  switch (action.op) {
    case "munmap":
      return answer(munmap(mm, address, length), address);
    case "mlock":
      return answer(mlock(mm, address, length, 0), address);
    case "mlock2":
      return answer(mlock(mm, address, length, extra), address);
    case "munlock":
      return answer(munlock(mm, address, length), address);
    case "mprotect":
      return answer(mprotect(mm, address, length, extra), address);
    case "msync":
      return answer(msync(mm, address, length, extra), address);
    case "madvise": {
      const result = madvise(mm, address, length, extra);
      if (extra === REMOVE) world.cacheFiles();
      return answer(result, address);
    }
    case "mincore":
      return coreMap(world, address, length);
  }
};

const coreMap = (world: World, address: number, length: number): Outcome => {
  const pages = Math.ceil(length / PAGE);
  if (pages > MINCORE_PAGES) return failed("too-long");
  const vector = new Uint8Array(pages).fill(0xee);
  const result = mincore(world.mm, address, length, vector);
  const { text, value } = answer(result, address);
  if (result === -Errno.EINVAL) return { text, value };
  const runs: string[] = [];
  for (let i = 0; i < pages; ) {
    let j = i;
    while (j < pages && vector[j] === vector[i]) j++;
    const state = vector[i] === 0xee ? "?" : String(vector[i]! & 1);
    runs.push(j - i > 1 ? `${state}*${j - i}` : state);
    i = j;
  }
  return { text: `${text} ${runs.join(",")}`, value };
};

/** Loads a byte, or stores one when `byte` is not -1. */
const accessByte = (world: World, address: number, byte: number): Outcome => {
  const physical = translate(world.space, address, byte >= 0);
  if (physical < 0) return fault(physical, address);
  const { bytes } = world.machine.frames.memory;
  if (byte < 0) return { text: `val=${hex(bytes[physical]!, 2)}`, value: address };
  bytes[physical] = byte;
  return { text: "ok", value: address };
};

/** Stores `byte` to every byte of the range in ascending order, up to the first fault. */
const fill = (world: World, address: number, length: number, byte: number): Outcome => {
  const { bytes } = world.machine.frames.memory;
  for (let at = address, end = address + length; at < end; ) {
    const count = Math.min(PAGE - (at % PAGE), end - at);
    const physical = translate(world.space, at % 2 ** 32, true);
    if (physical < 0) return fault(physical, at % 2 ** 32);
    bytes.fill(byte, physical, physical + count);
    at += count;
  }
  return { text: "ok", value: address };
};

const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over the range, up to the first fault. */
const sum = (world: World, address: number, length: number): Outcome => {
  const { bytes } = world.machine.frames.memory;
  let hash = FNV_BASIS;
  for (let at = address, end = address + length; at < end; ) {
    const count = Math.min(PAGE - (at % PAGE), end - at);
    const physical = translate(world.space, at % 2 ** 32, false);
    if (physical < 0) return fault(physical, at % 2 ** 32);
    for (let i = 0; i < count; i++) hash = Math.imul(hash ^ bytes[physical + i]!, FNV_PRIME);
    at += count;
  }
  return { text: `fnv=${hex(hash >>> 0)}`, value: address };
};

const fileOperation = (
  world: World,
  action: Extract<Action, { op: "truncate" | "filedump" | "filewrite" }>,
  get: Get,
): Outcome => {
  const { machine } = world;
  const { object } = world.files.get(action.id)!;
  if (action.op === "truncate") {
    const size = get(action.size);
    if (size === undefined) return SKIPPED;
    truncateObject(machine, object, size);
    world.cacheFiles();
    return { text: "0", value: 0 };
  }
  const offset = get(action.offset);
  const length = get(action.length);
  if (offset === undefined || length === undefined) return SKIPPED;
  if (action.op === "filewrite") {
    const byte = get(action.byte);
    if (byte === undefined) return SKIPPED;
    const page = new Uint8Array(PAGE).fill(byte);
    for (let at = offset, end = offset + length; at < end; ) {
      const count = Math.min(PAGE - (at % PAGE), end - at);
      writeObject(machine, object, at, page.subarray(0, count));
      at += count;
    }
    world.cacheFiles();
    return { text: "0", value: 0 };
  }
  const target = new Uint8Array(Math.min(length, Math.max(0, object.size - offset)));
  readObject(machine, object, offset, target);
  if (length <= 64) return { text: `n=${target.length} hex=${hexBytes(target)}`, value: 0 };
  let hash = FNV_BASIS;
  for (const byte of target) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return { text: `n=${target.length} fnv=${hex(hash >>> 0)}`, value: 0 };
};

const hexBytes = (bytes: Uint8Array): string => Array.from(bytes, (byte) => hex(byte, 2)).join("");
