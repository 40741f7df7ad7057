/*
 * Where a buddy system keeps its state: one block of metadata, in the managed memory or in another one.
 *
 *   +0     magic "BUDY"            +64   bitmap of orders with free runs, one word a mobility type
 *   +4     version of this layout  +80   number of pageblocks of each mobility type
 *   +8     page shift              +128  free areas: for each order, for each type { head frame, number of runs }
 *   +12    greatest order                then per-CPU lists: for each CPU, order, type { length, frames ... }
 *   +16    first frame             then the tables (frames there are counted from the first one):
 *   +20    frames present                one byte a pageblock: its mobility type
 *   +24    frames the tables hold        one byte a frame: its state
 *   +28    frames free                   external metadata only: two words a frame, next and previous
 *   +32    CPUs
 *   +36    per-CPU batch, pages    A frame is a page number: address / page size. The links of a free run stand
 *   +40    per-CPU high mark       in the first 8 bytes of the run itself, or in the table when the managed memory
 *   +44    address of the states   cannot be touched.
 *   +48    link base
 *   +52    link shift
 *   +56    pageblock order
 *   +96    address of the pageblock types
 *   +100   frames that the range may ever have
 *   +104   watermarks min, low, high, in frames
 *   +116   frames kept from requests for higher zones, for each of 3 zones
 *
 * The tables inside the managed memory move to new frames, twice as large, when they are full; so their addresses are
 * read from the header each time.
 *
 * The state of a frame is `kind | order`. It stands at the first frame of a run; the other frames of the run have TAIL.
 */

/** First word of the metadata, "BUDY" in ASCII. */
export const MAGIC = 0x59445542;
/** Version of the layout above. */
export const VERSION = 2;

/** Offsets of the header's words, in bytes. */
export const Header = {
  MAGIC: 0,
  VERSION: 4,
  PAGE_SHIFT: 8,
  MAX_ORDER: 12,
  FIRST: 16,
  FRAMES: 20,
  CAPACITY: 24,
  FREE: 28,
  CPUS: 32,
  BATCH: 36,
  HIGH: 40,
  STATES: 44,
  LINK_BASE: 48,
  LINK_SHIFT: 52,
  BLOCK_ORDER: 56,
  BITMAPS: 64,
  BLOCK_COUNTS: 80,
  BLOCKS: 96,
  LIMIT: 100,
  WATERMARKS: 104,
  RESERVES: 116,
  AREAS: 128,
} as const;

/** No frame: the end of a list, an empty list. */
export const NO_FRAME = 0xffffffff;

/** Mobility types, as Linux's migratetypes: what the pages of a pageblock are used for. */
export const TYPES = 4;
/** Types that allocations ask for; the fourth only isolates. */
export const ASKED_TYPES = 3;

/** Orders that per-CPU lists hold: 0 to 3, Linux's PAGE_ALLOC_COSTLY_ORDER. */
export const CACHED_ORDERS = 4;

/** Kinds of a frame, in the three high bits of its state byte. */
export const Kind = {
  /** Not the first frame of a run. */
  TAIL: 0x00,
  /** Head of a free run, on the free list of its order. */
  FREE: 0x20,
  /** Head of a run handed out. */
  LIVE: 0x40,
  /** Head of a run handed out whose owner can move it elsewhere. */
  LIVE_MOVABLE: 0x60,
  /** First piece of a run of an exact number of pages. */
  EXACT: 0x80,
  /** Further piece of an exact run; it follows the piece before it without a gap. */
  MORE: 0xa0,
  /** Head of a run on a per-CPU list. */
  CACHED: 0xc0,
  /** A single frame that is never handed out: a hole, or the allocator's own data. */
  RESERVED: 0xe0,
} as const;

/** Mask of the order in a state byte. */
export const ORDER_MASK = 0x1f;
