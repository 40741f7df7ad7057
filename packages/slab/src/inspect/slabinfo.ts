/*
 * /proc/slabinfo, version 2.1. One difference: the kernel counts objects that lie free in the CPUs' arrays as active;
 * here active objects are those handed out.
 */
import type { Hierarchy } from "../core/hierarchy.ts";
import * as L from "../core/layout.ts";
import type { KmemCache } from "../kmem-cache.ts";

const HEADER = `slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
`;

const padded = (width: number, ...values: number[]): string =>
  values.map((value) => String(value).padStart(width)).join(" ");

export const slabinfo = (caches: readonly KmemCache[], hierarchy: Hierarchy): string => {
  const line = (cache: KmemCache): string => {
    const stats = cache.stats();
    const load = (field: number): number => hierarchy.memory.load32(cache.address + field);
    const activeSlabs = stats.fullSlabs + stats.partialSlabs;
    const slabs = activeSlabs + stats.freeSlabs;
    const counts = `${padded(6, stats.live, slabs * cache.objectsPerSlab, cache.size)} ${padded(4, cache.objectsPerSlab, 2 ** cache.order)}`;
    const tunables = padded(4, load(L.CACHE_LIMIT), load(L.CACHE_BATCH), load(L.CACHE_SHARED_FACTOR));
    const slabdata = padded(6, activeSlabs, slabs, stats.sharedAvailable);
    return `${cache.name.padEnd(17)} ${counts} : tunables ${tunables} : slabdata ${slabdata}\n`;
  };
  return HEADER + caches.map(line).join("");
};
