/*
 * The express code of one thread, put together: see paths.ts.
 */
import type { ThreadState } from "../thread-state.ts";
import { makeCalloc } from "./calloc.ts";
import { makeConsolidate } from "./consolidate.ts";
import { makeFree } from "./free.ts";
import { makeFindLarge, makePutLarge } from "./largebins.ts";
import { makeUnlink } from "./lists.ts";
import { makeMalloc } from "./malloc.ts";
import type { Express, Place } from "./paths.ts";
import { makeRealloc } from "./realloc.ts";
import { makeTcache } from "./tcache.ts";

/** Makes the express code for a thread as it is now. It has a tcache. */
export const makeExpress = (thread: ThreadState): Express => {
  const { core, words, halves, tcache, bins, room } = thread;
  const maxFast = core.load32(core.maxFastAt);
  const { main } = core;
  const at = (offset: number): number => (main + offset) >>> 2;
  const place: Place = {
    core,
    words,
    halves,
    main,
    tcache,
    bins,
    room,
    key: core.tcacheKey(tcache) | 0,
    maxFast,
    unsorted: main + 0x38,
    haveFastAt: at(8),
    fastBinsAt: at(0xc),
    topAt: at(0x38),
    remainderAt: at(0x3c),
    newestAt: at(0x40),
    oldestAt: at(0x44),
    binmapAt: at(0x438),
    systemMemAt: at(0x454),
  };
  const cache = makeTcache(place);
  const unlink = makeUnlink(place);
  const consolidate = makeConsolidate(place, unlink);
  const putLarge = makePutLarge(place);
  const findLarge = makeFindLarge(place);
  const malloc = makeMalloc(place, thread, { cache, unlink, putLarge, findLarge, consolidate });
  const { free, freeInside } = makeFree(place, cache, unlink, consolidate);
  const realloc = makeRealloc(place, thread, unlink, { malloc, freeInside });
  const calloc = makeCalloc(place, thread, malloc);
  return { malloc, calloc, realloc, free, freeInside };
};
