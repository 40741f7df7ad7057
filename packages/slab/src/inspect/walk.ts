/*
 * The blocks of a hierarchy in address order, as kmalloc's user sees them: objects of general caches and large runs are
 * blocks; descriptors, page-map leaves and the objects of all other caches are the allocator's own data.
 */
import type { Address, BlockInfo, BlockState } from "@heapwright/allocator";
import { slabRun } from "../core/grow.ts";
import { type Hierarchy, readName } from "../core/hierarchy.ts";
import * as L from "../core/layout.ts";
import { TAG_LARGE, TAG_MASK, TAG_SLAB } from "../core/page-map.ts";

export function* walkHierarchy(hierarchy: Hierarchy): Generator<BlockInfo> {
  const { memory, map, root } = hierarchy;
  const { pageSize } = hierarchy.pages;
  const rootBytes = pageSize * 2 ** hierarchy.load(L.ROOT_ORDER);
  const own: BlockInfo[] = map.leaves().map((address) => ({ address, size: pageSize, state: "meta" }));
  own.push({ address: root, size: rootBytes, state: "meta" });
  own.sort((a, b) => a.address - b.address);
  let next = 0;
  let end = 0;
  for (const { page, entry } of map.entries()) {
    while (next < own.length && own[next]!.address < page) yield own[next++]!;
    // Further pages of a run that has been shown.
    if (page < end) continue;
    const tag = entry & TAG_MASK;
    if (tag === TAG_LARGE) {
      const size = pageSize * 2 ** (entry >>> 8);
      end = page + size;
      yield { address: page, size, state: "live", payload: page };
    } else if (tag === TAG_SLAB) {
      const cache = memory.load32(entry + L.SLAB_CACHE);
      end = page + pageSize * 2 ** memory.load32(cache + L.CACHE_ORDER);
      yield* walkSlab(hierarchy, cache, entry, end);
    }
  }
  yield* own.slice(next);
}

function* walkSlab(hierarchy: Hierarchy, cache: Address, slab: Address, end: Address): Generator<BlockInfo> {
  const { memory } = hierarchy;
  const run = slabRun(hierarchy, cache, slab);
  const first = memory.load32(slab + L.SLAB_FIRST);
  const num = memory.load32(cache + L.CACHE_NUM);
  const size = memory.load32(cache + L.CACHE_SIZE);
  const offset = memory.load32(cache + L.CACHE_OBJECT_OFFSET);
  const id = memory.load32(cache + L.CACHE_ID);
  const general = id >= 1 && id <= hierarchy.load(L.ROOT_GENERAL_COUNT);
  const bin = readName(memory, cache);
  if (first > run) yield { address: run, size: first - run, state: "meta" };
  for (let index = 0; index < num; index++) {
    const address = first + index * size;
    const control = memory.load32(slab + L.SLAB_CONTROLS + L.CONTROL_BYTES * index);
    if (general) yield { address, size, state: stateOf(control), payload: address + offset, bin };
    else yield { address, size, state: "meta", bin };
  }
  const used = first + num * size;
  if (used < end) yield { address: used, size: end - used, state: "meta" };
}

const stateOf = (control: number): BlockState =>
  control === L.CONTROL_ACTIVE ? "live" : control === L.CONTROL_CACHED ? "cached" : "free";
