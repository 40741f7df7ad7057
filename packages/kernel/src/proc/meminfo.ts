import { Frame } from "../frames/frames.ts";
import type { MachineCore } from "../machine/core.ts";
import { kilobytes } from "./format.ts";

/** The page frames of a machine by what they are used for. */
export interface FrameCounts {
  readonly free: number;
  readonly cached: number;
  readonly shmem: number;
  readonly anon: number;
  readonly mapped: number;
  readonly dirty: number;
  readonly tables: number;
  readonly swapCached: number;
  /** Listed pages: anonymous or shared memory, and of files. */
  readonly activeAnon: number;
  readonly inactiveAnon: number;
  readonly activeFile: number;
  readonly inactiveFile: number;
}

/** Counts a machine's page frames. O(frames). */
export const countFrames = ({ frames }: MachineCore): FrameCounts => {
  const counts = {
    free: frames.free,
    cached: 0,
    shmem: 0,
    anon: 0,
    mapped: 0,
    dirty: 0,
    tables: 0,
    swapCached: 0,
    activeAnon: 0,
    inactiveAnon: 0,
    activeFile: 0,
    inactiveFile: 0,
  };
  for (let frame = 1; frame < frames.count; frame++) {
    if (!frames.isUsed(frame)) continue;
    const flags = frames.flagsOf(frame);
    if (flags & Frame.TABLE) counts.tables += 1;
    if (flags & Frame.ANON) counts.anon += 1;
    if (flags & Frame.SWAP_CACHED) counts.swapCached += 1;
    if (flags & Frame.CACHED) {
      counts.cached += 1;
      if (frames.mapCountOf(frame) > 0) counts.mapped += 1;
      if (flags & Frame.SHMEM) counts.shmem += 1;
      else if (flags & Frame.DIRTY) counts.dirty += 1;
    }
    if ((flags & Frame.LISTED) === 0) continue;
    const swappable = (flags & (Frame.ANON | Frame.SHMEM)) !== 0;
    if (flags & Frame.ACTIVE) counts[swappable ? "activeAnon" : "activeFile"] += 1;
    else counts[swappable ? "inactiveAnon" : "inactiveFile"] += 1;
  }
  return counts;
};

/** The text of /proc/meminfo: those of its lines that the model knows. O(frames). */
export const meminfoText = (machine: MachineCore): string => {
  const { frames, swap, commit } = machine;
  const counts = countFrames(machine);
  const reclaimable = counts.cached - counts.shmem;
  const lines: readonly (readonly [string, number])[] = [
    ["MemTotal", frames.total],
    ["MemFree", counts.free],
    ["MemAvailable", Math.max(0, counts.free - frames.lowWatermark + reclaimable)],
    ["Cached", counts.cached],
    ["SwapCached", counts.swapCached],
    ["Active", counts.activeAnon + counts.activeFile],
    ["Inactive", counts.inactiveAnon + counts.inactiveFile],
    ["Active(anon)", counts.activeAnon],
    ["Inactive(anon)", counts.inactiveAnon],
    ["Active(file)", counts.activeFile],
    ["Inactive(file)", counts.inactiveFile],
    ["SwapTotal", swap.slots],
    ["SwapFree", swap.slots - swap.used],
    ["Dirty", counts.dirty],
    ["AnonPages", counts.anon],
    ["Mapped", counts.mapped],
    ["Shmem", counts.shmem],
    ["Slab", frames.slabPages],
    ["PageTables", counts.tables],
    ["CommitLimit", commit.limit],
    ["Committed_AS", commit.committed],
  ];
  return lines.map(([name, pages]) => kilobytes(name, pages, 8)).join("");
};

/** The text of /proc/vmstat: those of its lines that the model knows. O(frames). */
export const vmstatText = (machine: MachineCore): string => {
  const { events } = machine;
  const counts = countFrames(machine);
  const lines: readonly (readonly [string, number])[] = [
    ["nr_free_pages", counts.free],
    ["nr_inactive_anon", counts.inactiveAnon],
    ["nr_active_anon", counts.activeAnon],
    ["nr_inactive_file", counts.inactiveFile],
    ["nr_active_file", counts.activeFile],
    ["nr_anon_pages", counts.anon],
    ["nr_mapped", counts.mapped],
    ["nr_file_pages", counts.cached],
    ["nr_dirty", counts.dirty],
    ["nr_shmem", counts.shmem],
    ["nr_page_table_pages", counts.tables],
    ["pgpgin", events.pgpgin * 4],
    ["pgpgout", events.pgpgout * 4],
    ["pswpin", events.pswpin],
    ["pswpout", events.pswpout],
    ["pgfault", events.pgfault],
    ["pgmajfault", events.pgmajfault],
    ["pgscan_direct", events.pgscan],
    ["pgsteal_direct", events.pgsteal],
    ["oom_kill", events.oomKill],
  ];
  return lines.map(([name, value]) => `${name} ${value}\n`).join("");
};

/**
 * The text of /proc/buddyinfo.
 *
 * @param freeRuns Free runs by order, from 0 on.
 */
export const buddyinfoText = (freeRuns: readonly number[]): string =>
  `Node 0, zone   Normal ${freeRuns.map((count) => `${String(count).padStart(6)} `).join("")}\n`;
