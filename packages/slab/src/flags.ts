/**
 * Flags of {@link Slabs.kmemCacheCreate}, numbered as Linux numbers them. `<linux/slab.h>`.
 */
export const SlabFlags: {
  /** Checks of every allocation and free, without red zones or poison. */
  readonly CONSISTENCY_CHECKS: 0x100;
  /** Guard bytes before and after each object, checked when it is allocated and freed. */
  readonly RED_ZONE: 0x400;
  /** Free objects are filled with a pattern and checked when they are handed out again. Not with a constructor. */
  readonly POISON: 0x800;
  /** Objects begin on a cache line, or on a half or quarter of one when several fit. */
  readonly HWCACHE_ALIGN: 0x2000;
  /** Remembers who allocated and who freed each object last. */
  readonly STORE_USER: 0x10000;
  /** The slabs can be reclaimed: low order is preferred to a tight fit, and reaping takes all that is empty. */
  readonly RECLAIM_ACCOUNT: 0x20000;
} = {
  CONSISTENCY_CHECKS: 0x100,
  RED_ZONE: 0x400,
  POISON: 0x800,
  HWCACHE_ALIGN: 0x2000,
  STORE_USER: 0x10000,
  RECLAIM_ACCOUNT: 0x20000,
};

/** The flags that keep a cache off the fast path. */
export const DEBUG_FLAGS: number = 0x100 | 0x400 | 0x800 | 0x10000;
export const ALL_FLAGS: number = 0x100 | 0x400 | 0x800 | 0x2000 | 0x10000 | 0x20000;
