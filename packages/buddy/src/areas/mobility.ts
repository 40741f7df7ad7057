/**
 * What can become of a run while it is live. Runs of one kind are kept together in pageblocks, so that one page
 * that cannot move does not stop the runs around it from merging. Linux's migratetypes.
 */
export const Mobility: {
  /** Stays where it is until it is freed. Linux's MIGRATE_UNMOVABLE, and the default. */
  readonly UNMOVABLE: 0;
  /** Its owner can move it elsewhere: see contiguous ranges. MIGRATE_MOVABLE. */
  readonly MOVABLE: 1;
  /** Cannot be moved, but given up on demand, as caches are. MIGRATE_RECLAIMABLE. */
  readonly RECLAIMABLE: 2;
} = { UNMOVABLE: 0, MOVABLE: 1, RECLAIMABLE: 2 };

/** One of the values of the constant of the same name. */
export type Mobility = 0 | 1 | 2;

/** The type of pageblocks from which nothing is handed out while a range is made free. MIGRATE_ISOLATE. */
export const ISOLATE = 3;

/** Names as /proc/pagetypeinfo has them, by type. */
export const TYPE_NAMES: readonly string[] = ["Unmovable", "Movable", "Reclaimable", "Isolate"];
