/*
 * Beginning a heap and finding it again: the state area is laid out, or recognised by its header.
 */
import {
  type Address,
  AttachError,
  canMap,
  InvalidArgumentError,
  type PageSource,
} from "@heapwright/allocator";
import { LinearPages } from "@heapwright/heap-memory";
import { initArena } from "./arenas/arena.ts";
import type { Core } from "./core.ts";
import { Core32 } from "./core32.ts";
import { Core64 } from "./core64.ts";
import { type Abi, wordBytes } from "./layout/abi.ts";
import { geometryOf } from "./layout/geometry.ts";
import { type Profile, type ProfileName, profiles } from "./layout/profile.ts";
import {
  HEADER,
  mainArenaAt,
  PARAMETER,
  STATE_MAGIC,
  STATE_VERSION,
  THREAD,
  THREADS_AT,
} from "./layout/statics.ts";
import { isLinear, Linear32 } from "./linear32.ts";
import { applyTunables, setDefaults } from "./mallopt.ts";
import type { PtmallocOptions } from "./options.ts";

const ALIGNMENT = 16;
const DEFAULT_KEY = 0x9e3779b9;
/** The name by which a linear heap says that this strategy lives in it. */
const STRATEGY = "ptma";

const coreAt = (source: PageSource, abi: Abi, profile: Profile, state: Address, threads: number): Core =>
  new (wordBytes(abi) === 8 ? Core64 : isLinear(source) ? Linear32 : Core32)(
    source,
    canMap(source) ? source : undefined,
    geometryOf(abi, profile),
    profile,
    state,
    state + mainArenaAt(threads),
  );

const integer = (name: string, value: number, least: number, most: number): number => {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new InvalidArgumentError(name, value, `an integer from ${least} to ${most}`);
  return value;
};

const profileNamed = (name: ProfileName): Profile => {
  if (!Object.hasOwn(profiles, name))
    throw new InvalidArgumentError("profile", name, `one of ${Object.keys(profiles).join(", ")}`);
  return profiles[name];
};

const expectAbi = (abi: Abi): Abi => {
  if (abi !== "i386" && abi !== "x86_64") throw new InvalidArgumentError("abi", abi, "i386 or x86_64");
  return abi;
};

/** Room for the state at the start of the break. */
const takeState = (source: PageSource, bytes: number): Address => {
  const start = source.sbrk(0);
  const state = Math.ceil(start / ALIGNMENT) * ALIGNMENT;
  if (source.sbrk(state + bytes - start) === 0)
    throw new InvalidArgumentError("source", source.memory.byteLength, "a page source with room for a heap");
  return state;
};

/** Begins a heap on a source. */
export const beginHeap = (source: PageSource, options: PtmallocOptions): Core => {
  const profile = profileNamed(options.profile ?? "glibc-2.36");
  const abi = expectAbi(options.abi ?? "i386");
  const threads = integer("maxThreads", options.maxThreads ?? 64, 1, 65536);
  const cores = integer("cores", options.cores ?? 2, 1, 65536);
  const g = geometryOf(abi, profile);
  const bytes = mainArenaAt(threads) + g.arenaBytes;
  const given = options.stateAddress;
  if (given !== undefined && (given === 0 || given % ALIGNMENT !== 0))
    throw new InvalidArgumentError("stateAddress", given, "a multiple of 16 above 0");
  if (source instanceof LinearPages) source.claim(STRATEGY, STATE_VERSION);
  const start = source.sbrk(0);
  const state = given ?? takeState(source, bytes);
  const { memory } = source;
  memory.fill(state, bytes, 0);
  memory.store32(state + HEADER.version, STATE_VERSION);
  memory.store32(state + HEADER.word, g.word);
  memory.store32(state + HEADER.profile, Object.keys(profiles).indexOf(profile.name));
  memory.store32(state + HEADER.cores, cores);
  memory.store32(state + HEADER.threads, threads);
  memory.store32(state + HEADER.start, start);
  const core = coreAt(source, abi, profile, state, threads);
  initArena(core, core.main);
  core.store(core.main + g.nextAt, core.main);
  core.store(core.main + g.attachedAt, 1);
  memory.store32(state + THREADS_AT + THREAD.arena, core.main);
  setDefaults(core);
  core.setParameter(
    PARAMETER.tcacheKey,
    integer("tcacheKey", options.tcacheKey ?? DEFAULT_KEY, 0, 2 ** 32 - 1),
  );
  applyTunables(core, options.tunables ?? {});
  memory.store32(state, STATE_MAGIC);
  if (source instanceof LinearPages) source.root = state;
  return core;
};

/** Where the state of the heap on `source` is, or an AttachError. */
const findState = (source: PageSource, stateAddress: Address | undefined): Address => {
  if (stateAddress !== undefined) return stateAddress;
  if (!(source instanceof LinearPages))
    throw new AttachError("a heap on this source is found only by the address of its state area");
  source.expect(STRATEGY, STATE_VERSION);
  if (source.root === 0) throw new AttachError(`the heap at 0x${source.start.toString(16)} has ended`);
  return source.root;
};

/** Finds the heap that was begun on a source. */
export const findHeap = (source: PageSource, stateAddress: Address | undefined): Core => {
  const state = findState(source, stateAddress);
  const { memory } = source;
  const at = `0x${state.toString(16)}`;
  if (
    state % ALIGNMENT !== 0 ||
    state + THREADS_AT > memory.byteLength ||
    memory.load32(state) !== STATE_MAGIC
  )
    throw new AttachError(`no ptmalloc heap at ${at}`);
  const version = memory.load32(state + HEADER.version);
  if (version !== STATE_VERSION)
    throw new AttachError(`ptmalloc heap of version ${version} at ${at}, not ${STATE_VERSION}`);
  const word = memory.load32(state + HEADER.word);
  const profile = Object.values(profiles)[memory.load32(state + HEADER.profile)];
  if ((word !== 4 && word !== 8) || profile === undefined)
    throw new AttachError(`ptmalloc heap of an unknown kind at ${at}`);
  const threads = memory.load32(state + HEADER.threads);
  return coreAt(source, word === 4 ? "i386" : "x86_64", profile, state, threads);
};
