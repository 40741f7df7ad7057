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
  const { core, words, halves, tcache, bins, room, fastKey } = thread;
  const maxFast = core.load32(core.maxFastAt);
  const place: Place = { core, words, halves, main: core.main, tcache, bins, room, key: fastKey, maxFast };
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
