/*
 * Where everything lies. All of a heap's state is in its memory, in 32-bit words.
 *
 * Memory is dealt out in *granules* of 256 bytes. Granule g is the bytes [256 g, 256 g + 256), counted from address 0.
 * Adjacent granules with one purpose are a *run*.
 *
 *   start                                                                                       break
 *   | 64-byte header | HEAP | ARENA | run | run | run | ...                                       |
 *     (LinearPages)    \___ one run of the heap's own ___/    \__ live, free, span, or the heap's own __/
 *
 * The *tag table*, one word for each granule, says what each run is:
 *
 *   live run    | n << 8 | owner << 3 | prevFree << 2 | LIVE |  -  -  -  ...
 *   free run    | n << 8 |                            | FREE |  next << 2 | prev << 2 |  -  ... | n << 2 |
 *   span        | live << 16 | back << 9 | class << 3 | prevFree << 2 | SPAN |  ... one such word in every granule
 *   interior    | anything whose two low bits are NONE |
 *
 * A *span* is a run cut into blocks of one size class, with no headers between them. `back` counts the granules to its first
 * one. `live` has a bit for each 16 bytes of the granule: set where a live block begins. A free block's first word
 * is the address of the next free block of its class (of any span); the list ends with the address of the first granule.
 *
 * Invariants, which check() verifies:
 * - a tag of kind LIVE or FREE stands at the first granule of such a run and nowhere else; a tag of kind SPAN stands in
 *   every granule of a span and nowhere else, with `live` bits at the starts of live blocks and nowhere else. So one
 *   look at one word tells a live block from any other number, whatever users have written to the blocks;
 * - no two free runs are neighbours; prevFree at the first granule of a run says that the run before it is free;
 * - a free run of at least MIN_BINNED granules is in the bin of its length; shorter ones wait unlisted for a neighbour;
 * - the last word of a free run is its length, so that its right neighbour finds its start (a free run of one granule has
 *   only its FREE tag there);
 * - every block of a span is live or in its class's list.
 */

/** log2 of the bytes in a granule. */
export const GRANULE_SHIFT = 8;
/** Bytes in a granule: what runs are counted in. */
export const GRANULE: number = 1 << GRANULE_SHIFT;

/** The low bits of a tag that say what it is. */
export const KIND = 3;
/** Not the start of anything. */
export const NONE = 0;
/** The first granule of a live run. */
export const LIVE = 1;
/** The first granule of a free run. */
export const FREE = 2;
/** A granule of a span. */
export const SPAN = 3;
/** Set in the first tag of a run when the run before it is free. */
export const PREV_FREE = 4;
/** Where the owner stands in the tag of a live run. */
export const OWNER_SHIFT = 3;
/** The bits of the owner in the tag of a live run. */
export const OWNER_MASK: number = 31 << OWNER_SHIFT;
/** The owner of runs that hold the heap's own data. No user can free one. */
export const META_OWNER: number = 31 << OWNER_SHIFT;
/** The owner of the runs of empty spans while they are taken apart. */
export const RECLAIM_OWNER: number = 30 << OWNER_SHIFT;
/** Where the length stands in the tag of a run. */
export const LENGTH_SHIFT = 8;

/** Where the size class stands in the tag of a span. */
export const CLASS_SHIFT = 3;
/** The bits of the size class in the tag of a span. */
export const CLASS_BITS: number = 63 << CLASS_SHIFT;
/** Where the number of granules back to the span's first one stands. */
export const BACK_SHIFT = 9;
/** The largest number that fits there. */
export const BACK_MAX = 127;
/** Where the bits of live blocks begin. */
export const LIVE_SHIFT = 16;
/** The bit of a live block at the start of the granule. */
export const FIRST_BLOCK: number = 1 << LIVE_SHIFT;
/** log2 of the bytes for which there is one such bit: the smallest block. */
export const UNIT_SHIFT = 4;
/** The number of such bits, less one. */
export const UNIT_MASK = 15;

/** HEAP: where the tag of granule 0 would stand, as a word index (negative in a heap far from address 0). */
export const TABLE = 0;
/** HEAP: number of granules that the table has room for. */
export const TABLE_LENGTH = 1;
/** HEAP: the first granule, which holds the header. */
export const FIRST = 2;
/** HEAP: the granule at the break. A fence tag of an empty live run stands there. */
export const END = 3;
/**
 * HEAP: from this granule to the end of the memory every byte is zero, or will be when the memory grows so far. It is behind the
 * break where the memory may have held something before the heap, and beyond every granule where others use it too.
 */
export const FRESH = 4;
/** Words of HEAP. */
export const HEAP_WORDS = 16;

/** ARENA: bit i is set when word i of the bin bits is not 0. */
export const BIN_SUMMARY = 0;
/** ARENA: one bit for each bin that holds a run. */
export const BIN_BITS = 1;
/** ARENA, in a shared heap: the first granule of its last territory, 0 for none. */
export const TERRITORY = 24;
/** ARENA, in a shared heap: granules in all its territories. */
export const TERRITORY_GRANULES = 25;
/** ARENA: the first free run of each bin. */
export const BINS = 32;
/** Number of bins. */
export const BIN_COUNT = 640;
/** ARENA: the first free block of each class. */
export const HEADS: number = BINS + BIN_COUNT;
/** Room for size classes in each of the tables by class. */
export const CLASS_ROOM = 64;
/** ARENA: for each class, the blocks in all its spans, live and free. */
export const BLOCKS: number = HEADS + CLASS_ROOM;
/** ARENA: lists of free blocks that are always empty, for each class. */
export const NO_HEADS: number = BLOCKS + CLASS_ROOM;
/** Words of ARENA. */
export const ARENA_WORDS: number = NO_HEADS + CLASS_ROOM;

/** Where the tables begin behind the 64-byte header, in bytes. */
export const HEADER_BYTES = 64;
/** Bytes of header, HEAP and ARENA. */
export const PROLOGUE_BYTES: number = HEADER_BYTES + 4 * (HEAP_WORDS + ARENA_WORDS);
