/*
 * Where everything lies. All of a heap's state is in its memory, in 32-bit words, and none of it inside the blocks: a
 * user who overruns a block can spoil another block, but never the heap.
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
 *   span        | record address |      prevFree << 2 | SPAN |  record address | SPAN | ...  in every granule
 *   interior    | anything whose two low bits are NONE |
 *
 * Invariants, which check() verifies:
 * - a tag of kind LIVE or FREE stands at the first granule of such a run and nowhere else; a tag of kind SPAN stands in
 *   every granule of a span and nowhere else. So one look at the table tells a true block from any other number;
 * - no two free runs are neighbours; prevFree at the first granule of a run says that the run before it is free;
 * - a free run of at least MIN_BINNED granules is in the bin of its length; shorter ones wait unlisted for a neighbour;
 * - the last word of a free run is its length, so that its right neighbour finds its start (a free run of one granule has
 *   only its FREE tag there).
 *
 * A *span* is a run cut into blocks of one size class, with no headers between them. Its *record*, one cache line, tells
 * which blocks are free by one bit each:
 *
 *   BASE | INVERSE | INFO | CAPACITY | META | OWNER | NEXT | PREV | 8 words of free bits
 *
 * META is `live << 8 | summary`: the number of live blocks, and in its low byte bit i is set when word i of the free bits
 * is not 0. INFO is `granules << 16 | class << 8 | shift`.
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
/** Where the length stands in the tag of a run. */
export const LENGTH_SHIFT = 8;

/** Words of a span's record. */
export const BASE = 0;
/** The inverse of the odd part of the block size, modulo 2^32: an exact division is one multiplication by it. */
export const INVERSE = 1;
/** `granules << 16 | class << 8 | shift`, where 2^shift is the even part of the block size. */
export const INFO = 2;
/** Number of blocks; 0 in a record that is not in use. */
export const CAPACITY = 3;
/** `live << 8 | summary`. */
export const META = 4;
/** The arena that the span belongs to. */
export const OWNER = 5;
/** Links of the list that the span is in: its class's spans with free blocks, or the unused records. */
export const NEXT = 6;
/** See {@link NEXT}. */
export const PREV = 7;
/** The first of eight words of free bits. */
export const BITMAP = 8;
/** One live block, in META. */
export const ONE_LIVE = 256;
/** The summary byte of META. */
export const SUMMARY = 255;
/** Blocks that a record has bits for. */
export const MAX_BLOCKS = 256;
/** Words in a record. */
export const RECORD_WORDS = 16;

/** HEAP: where the tag of granule 0 would stand, as a word index (negative in a heap far from address 0). */
export const TABLE = 0;
/** HEAP: number of granules that the table has room for. */
export const TABLE_LENGTH = 1;
/** HEAP: the first granule, which holds the header. */
export const FIRST = 2;
/** HEAP: the granule at the break. A fence tag of an empty live run stands there. */
export const END = 3;
/** HEAP: no granule from here on was ever handed out, and all of them are zero. */
export const FRESH = 4;
/** Words of HEAP. */
export const HEAP_WORDS = 16;

/** ARENA: first unused record. */
export const RECORDS = 0;
/** ARENA: bit i is set when word i of the bin bits is not 0. */
export const BIN_SUMMARY = 1;
/** ARENA: one bit for each bin that holds a run. */
export const BIN_BITS = 2;
/** ARENA: a record that is always full, the current span of a class that has none. */
export const FULL = 32;
/** ARENA: the first free run of each bin. */
export const BINS = 48;
/** Number of bins. */
export const BIN_COUNT = 640;
/** ARENA: the span of each class from which blocks are taken. */
export const CURRENT: number = BINS + BIN_COUNT;
/** Room for size classes in each of the tables by class. */
export const CLASS_ROOM = 48;
/** ARENA: for each class, the first of its other spans that have free blocks; the empty ones come last. */
export const HEAD: number = CURRENT + CLASS_ROOM;
/** ARENA: for each class, the last span of that list. */
export const TAIL: number = HEAD + CLASS_ROOM;
/** ARENA: for each class, the blocks in all its spans, live and free. */
export const BLOCKS: number = TAIL + CLASS_ROOM;
/** Words of ARENA. */
export const ARENA_WORDS: number = BLOCKS + CLASS_ROOM;

/** Where the tables begin behind the 64-byte header, in bytes. */
export const HEADER_BYTES = 64;
/** Bytes of header, HEAP and ARENA. */
export const PROLOGUE_BYTES: number = HEADER_BYTES + 4 * (HEAP_WORDS + ARENA_WORDS);
