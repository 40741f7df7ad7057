/*
 * mallopt and the tunables: the parameters that a program may set, with glibc's ranges.
 */
import { consolidate } from "./bins/fastbins.ts";
import type { Core } from "./core.ts";
import { TCACHE_BINS } from "./layout/geometry.ts";
import { PARAMETER } from "./layout/statics.ts";
import type { Tunables } from "./options.ts";
import type { ProbeEvent } from "./probe.ts";

/** Parameter numbers of `mallopt`, as `<malloc.h>` gives them. */
export const Mallopt: {
  readonly M_MXFAST: 1;
  readonly M_TRIM_THRESHOLD: -1;
  readonly M_TOP_PAD: -2;
  readonly M_MMAP_THRESHOLD: -3;
  readonly M_MMAP_MAX: -4;
  readonly M_CHECK_ACTION: -5;
  readonly M_PERTURB: -6;
  readonly M_ARENA_TEST: -7;
  readonly M_ARENA_MAX: -8;
} = {
  M_MXFAST: 1,
  M_TRIM_THRESHOLD: -1,
  M_TOP_PAD: -2,
  M_MMAP_THRESHOLD: -3,
  M_MMAP_MAX: -4,
  M_CHECK_ACTION: -5,
  M_PERTURB: -6,
  M_ARENA_TEST: -7,
  M_ARENA_MAX: -8,
};

const DEFAULT_MMAPS_MAX = 65536;
const DEFAULT_THRESHOLD = 128 * 1024;
const DEFAULT_TOP_PAD = 128 * 1024;
const DEFAULT_TCACHE_COUNT = 7;
const TCACHE_COUNT_MAX = 65535;
const HUGE_PAGE = 2 ** 21;

const told = (core: Core, name: ProbeEvent, value: number, offset: number): void => {
  const probe = core.probe;
  if (probe !== undefined)
    probe.event(name, value, core.parameter(offset), core.parameter(PARAMETER.noDynThreshold));
};

/** Sets the largest request served by fast bins. Returns whether it is in range. do_set_mxfast. */
const setMxFast = (core: Core, value: number): boolean => {
  if (value < 0 || value > core.g.maxFast) return false;
  told(core, "memory_mallopt_mxfast", value, PARAMETER.globalMaxFast);
  // A value of 0 must keep even the smallest chunk out.
  const largest = value === 0 ? core.word * 2 : (value + core.word) & ~core.alignMask;
  core.setParameter(PARAMETER.globalMaxFast, largest);
  return true;
};

const setFixing = (core: Core, name: ProbeEvent, offset: number, value: number): void => {
  told(core, name, value, offset);
  core.setParameter(offset, value);
  core.setParameter(PARAMETER.noDynThreshold, 1);
};

const setMmapThreshold = (core: Core, value: number): boolean => {
  if (!core.profile.anyMmapThreshold && value > core.heapMax / 2) return false;
  setFixing(core, "memory_mallopt_mmap_threshold", PARAMETER.mmapThreshold, value);
  return true;
};

const setPerturb = (core: Core, value: number): void => {
  told(core, "memory_mallopt_perturb", value, PARAMETER.perturbByte);
  core.setParameter(PARAMETER.perturbByte, value >>> 0);
};

const setArenaTest = (core: Core, value: number): void => {
  told(core, "memory_mallopt_arena_test", value, PARAMETER.arenaTest);
  if (value > 0) core.setParameter(PARAMETER.arenaTest, value);
};

const setArenaMax = (core: Core, value: number): void => {
  told(core, "memory_mallopt_arena_max", value, PARAMETER.arenaMax);
  core.setParameter(PARAMETER.arenaMax, value);
};

const setTcacheMax = (core: Core, value: number): void => {
  const spacing = core.alignMask + 1;
  if (value < 0 || value > (TCACHE_BINS - 1) * spacing + core.minSize - core.word) return;
  told(core, "memory_tunable_tcache_max_bytes", value, PARAMETER.tcacheMaxBytes);
  core.setParameter(PARAMETER.tcacheMaxBytes, value);
  const size = core.chunkSizeFor(value);
  core.setParameter(PARAMETER.tcacheBins, Math.floor((size - core.minSize + core.alignMask) / spacing) + 1);
};

/** A C int widened to size_t. */
const toSize = (core: Core, value: number): number =>
  value >= 0 ? value : (core.wide ? 2 ** 64 : 2 ** 32) + value;

/** `mallopt`: returns 1, or 0 when the value is out of the parameter's range. Fast chunks are merged first. */
export const mallopt = (core: Core, parameter: number, value: number): 0 | 1 => {
  const probe = core.probe;
  if (probe !== undefined) probe.event("memory_mallopt", parameter, value, 0);
  consolidate(core, core.main);
  const size = toSize(core, value | 0);
  switch (parameter) {
    case Mallopt.M_MXFAST:
      return setMxFast(core, size) ? 1 : 0;
    case Mallopt.M_TRIM_THRESHOLD:
      setFixing(core, "memory_mallopt_trim_threshold", PARAMETER.trimThreshold, size);
      break;
    case Mallopt.M_TOP_PAD:
      setFixing(core, "memory_mallopt_top_pad", PARAMETER.topPad, size);
      break;
    case Mallopt.M_MMAP_THRESHOLD:
      return setMmapThreshold(core, size) ? 1 : 0;
    case Mallopt.M_MMAP_MAX:
      setFixing(core, "memory_mallopt_mmap_max", PARAMETER.mmapsMax, Math.max(0, value | 0));
      break;
    case Mallopt.M_PERTURB:
      setPerturb(core, value);
      break;
    case Mallopt.M_ARENA_TEST:
      setArenaTest(core, value | 0);
      break;
    case Mallopt.M_ARENA_MAX:
      setArenaMax(core, size);
      break;
  }
  return 1;
};

/** The values that a program starts with. */
export const setDefaults = (core: Core): void => {
  const { profile, word } = core;
  core.setParameter(PARAMETER.trimThreshold, DEFAULT_THRESHOLD);
  core.setParameter(PARAMETER.topPad, DEFAULT_TOP_PAD);
  core.setParameter(PARAMETER.mmapThreshold, DEFAULT_THRESHOLD);
  core.setParameter(PARAMETER.arenaTest, core.g.arenasPerCore);
  core.setParameter(PARAMETER.mmapsMax, core.maps === undefined ? 0 : DEFAULT_MMAPS_MAX);
  core.setParameter(PARAMETER.narenas, 1);
  setMxFast(core, 16 * word);
  core.setParameter(PARAMETER.tcacheCount, profile.tcache ? DEFAULT_TCACHE_COUNT : 0);
  if (profile.tcache) setTcacheMax(core, (TCACHE_BINS - 1) * (core.alignMask + 1) + core.minSize - core.word);
  // Without mappings there can be no thread heaps: all threads share the main arena.
  if (core.maps === undefined) core.setParameter(PARAMETER.arenaMax, 1);
};

/** Applies tunables, in the order in which glibc reads them. */
export const applyTunables = (core: Core, tunables: Tunables): void => {
  const when = (name: keyof Tunables, set: (value: number) => void): void => {
    const value = tunables[name];
    if (value !== undefined) set(value);
  };
  when("glibc.malloc.top_pad", (v) => setFixing(core, "memory_mallopt_top_pad", PARAMETER.topPad, v));
  when("glibc.malloc.perturb", (v) => setPerturb(core, v));
  when("glibc.malloc.mmap_threshold", (v) => setMmapThreshold(core, v));
  when("glibc.malloc.trim_threshold", (v) =>
    setFixing(core, "memory_mallopt_trim_threshold", PARAMETER.trimThreshold, v),
  );
  when("glibc.malloc.mmap_max", (v) =>
    setFixing(core, "memory_mallopt_mmap_max", PARAMETER.mmapsMax, Math.max(0, v | 0)),
  );
  when("glibc.malloc.arena_max", (v) => setArenaMax(core, v));
  when("glibc.malloc.arena_test", (v) => setArenaTest(core, v));
  if (core.profile.tcache) {
    when("glibc.malloc.tcache_max", (v) => setTcacheMax(core, v));
    when("glibc.malloc.tcache_count", (v) => {
      if (v >= 0 && v <= TCACHE_COUNT_MAX) core.setParameter(PARAMETER.tcacheCount, v);
    });
    when("glibc.malloc.tcache_unsorted_limit", (v) => core.setParameter(PARAMETER.tcacheUnsortedLimit, v));
  }
  when("glibc.malloc.mxfast", (v) => setMxFast(core, v));
  when("glibc.malloc.hugetlb", (v) => {
    if (v === 1) core.setParameter(PARAMETER.thpPageSize, HUGE_PAGE);
  });
};
