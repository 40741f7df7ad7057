/*
 * Every structure that the slab allocator keeps in the memory, field by field. All state lives here and nowhere
 * else, so that another worker, or a restored image, attaches to it. Offsets are bytes; fields are 32-bit words.
 *
 *   root                      one page run, never freed; found by its address
 *   +-- kmem_cache            cache_cache: the one cache that is not itself an object of a cache
 *   +-- page directory        address -> leaf -> slab descriptor (see page-map.ts)
 *
 *   kmem_cache                an object of cache_cache, one for each cache
 *   slab descriptor           at the head of its slab, or off it in a cache of its own
 *   array cache               one for each cache and CPU, and the shared one behind them
 */

/** Root: identity and the heads of everything. */
export const ROOT_MAGIC = 0;
export const ROOT_VERSION = 4;
export const ROOT_ORDER = 8;
export const ROOT_PAGE_SHIFT = 12;
export const ROOT_CPUS = 16;
/** Bit n: CPU n is taken by a worker. */
export const ROOT_CPU_MASK = 20;
/** First kmem_cache of the chain: always cache_cache. */
export const ROOT_CHAIN = 24;
/** Ids of caches below this one have been used. */
export const ROOT_NEXT_ID = 28;
export const ROOT_DIRECTORY_LENGTH = 32;
/** Pages held of the page allocator, root and directory leaves included. */
export const ROOT_PAGES = 36;
/** The most pages that may be held, 0 for no limit. */
export const ROOT_PAGE_LIMIT = 40;
/** Serial number of owner tracking: counts tracked operations. */
export const ROOT_SEQUENCE = 44;
/** Geometry of all caches, and the debugging flags of the general ones. */
export const ROOT_GEOMETRY = 52;
export const ROOT_GENERAL_FLAGS = 56;
/** Processors that SLUB's geometry counts on. */
export const ROOT_GEOMETRY_CPUS = 60;
/** A cache line of its own for the futex lock. */
export const ROOT_LOCK = 64;
/** An array cache with room for nothing: where the fast path looks while a CPU has no array of its own. */
export const ROOT_EMPTY_ARRAY = 128;
/** Number of the general caches, whose ids follow cache_cache's, and then their addresses. */
export const ROOT_GENERAL_COUNT = 144;
/** Addresses of the caches for descriptors and arrays, one for each power of two from 64 bytes; 0 while not made. */
export const ROOT_META = 160;
export const META_CLASSES = 16;
/** Runs handed out by kmalloc past the largest general cache: their number and pages. */
export const ROOT_LARGE_RUNS = 224;
export const ROOT_LARGE_PAGES = 228;
/** The CPU, + 1, whose worker died with the lock held, until that has been repaired. */
export const ROOT_DEAD = 232;
/** 1 while a worker is inside the page allocator. */
export const ROOT_IN_PAGES = 236;
/** The cache_cache's own descriptor; the page directory follows it. */
export const ROOT_CACHE_CACHE = 256;

/** "SLAB", little-endian. */
export const ROOT_MAGIC_VALUE = 0x42414c53;
export const LAYOUT_VERSION = 1;

/** kmem_cache. */
export const CACHE_MAGIC = 0;
export const CACHE_NEXT = 4;
export const CACHE_ID = 8;
/** Bytes that the user asked for. */
export const CACHE_OBJECT_SIZE = 12;
/** Bytes from one object to the next: object, red zones, tracking and rounding. */
export const CACHE_SIZE = 16;
export const CACHE_ALIGN = 20;
export const CACHE_FLAGS = 24;
/** Objects in a slab, and the slab's order in pages. */
export const CACHE_NUM = 28;
export const CACHE_ORDER = 32;
export const CACHE_COLOURS = 36;
export const CACHE_COLOUR_OFFSET = 40;
export const CACHE_COLOUR_NEXT = 44;
/** Bytes at the slab's head for its descriptor, 0 when it stands elsewhere. */
export const CACHE_ON_SLAB_BYTES = 48;
/** From an object's slot to the object (the left red zone). */
export const CACHE_OBJECT_OFFSET = 52;
export const CACHE_LIMIT = 56;
export const CACHE_BATCH = 60;
/** The shared factor of the tunables: the shared array holds `batch * shared` objects. */
export const CACHE_SHARED_FACTOR = 64;
/** The array cache shared by all CPUs, 0 while there is none. */
export const CACHE_SHARED = 68;
/** More free objects in the lists than this, and an empty slab goes back at once. */
export const CACHE_FREE_LIMIT = 72;
/** Free objects in the lists (those in arrays are not counted). */
export const CACHE_FREE_OBJECTS = 76;
/** Heads of the three lists, in the order of the list numbers below. */
export const CACHE_PARTIAL = 80;
export const CACHE_FULL = 84;
export const CACHE_FREE = 88;
export const CACHE_SLABS = 92;
/** Statistics: slabs made, slabs given back, allocations that failed. */
export const CACHE_GROWN = 96;
export const CACHE_REAPED = 100;
export const CACHE_FAILED = 104;
/** Bit 0: has a constructor; bit 1: has a destructor. The functions themselves belong to each worker. */
export const CACHE_FUNCTIONS = 108;
/** 32 bytes of UTF-8, zero-padded. */
export const CACHE_NAME = 112;
export const NAME_BYTES = 32;
/** Slabs given back, for the free limit's sake, since the last one was made. */
export const CACHE_DROPPED = 144;
/** One array cache address for each CPU. */
export const CACHE_ARRAYS = 148;

/** "KMEM", little-endian. */
export const CACHE_MAGIC_VALUE = 0x4d454d4b;
export const HAS_CONSTRUCTOR = 1;
export const HAS_DESTRUCTOR = 2;

/** Bytes of a kmem_cache for so many CPUs. */
export const cacheBytes = (cpus: number): number => (CACHE_ARRAYS + 4 * cpus + 7) & ~7;

/** Slab descriptor: 32 bytes and a control of 32 bits for each object. */
export const SLAB_CACHE = 0;
/** Address of the first slot. */
export const SLAB_FIRST = 4;
/** Objects that are not on this slab's own free list: live ones and those in arrays. */
export const SLAB_IN_USE = 8;
/** Index of the first free object, or {@link CONTROL_END}. */
export const SLAB_FREE = 12;
export const SLAB_NEXT = 16;
export const SLAB_PREVIOUS = 20;
/** Which of the cache's lists it stands in: LIST_PARTIAL, LIST_FULL, LIST_FREE, or LIST_NONE. */
export const SLAB_LIST = 24;
/** The cache's id, so that kfree finds its JavaScript side by one load. */
export const SLAB_CACHE_ID = 28;
export const SLAB_CONTROLS = 32;
/** Bytes of a slab descriptor without controls, and of one control. */
export const SLAB_HEADER = 32;
export const CONTROL_BYTES = 4;

export const LIST_PARTIAL = 0;
export const LIST_FULL = 1;
export const LIST_FREE = 2;
/** In no list; with `(cpu + 1) << 8` while that CPU's worker constructs or destroys it. */
export const LIST_NONE = 3;

/*
 * An object's control says in which of three states it is:
 *   an index, or CONTROL_END:            free on its slab; the value is the next free object's index
 *   CONTROL_CACHED:                      free in an array cache
 *   CONTROL_ACTIVE:                      handed out
 */
export const CONTROL_END = 0x7fff_ffff;
export const CONTROL_ACTIVE = 0x7fff_fffd;
export const CONTROL_CACHED = 0x7fff_fffc;

/** Array cache: a stack of (object address, word index of its control). */
export const ARRAY_AVAILABLE = 0;
export const ARRAY_LIMIT = 4;
export const ARRAY_BATCH = 8;
/** Set by refills, cleared by the reaper: an array in use is left alone. */
export const ARRAY_TOUCHED = 12;
export const ARRAY_ENTRIES = 16;
export const ENTRY_BYTES = 8;

/** Bytes of an array cache with room for `limit` objects. */
export const arrayBytes = (limit: number): number => ARRAY_ENTRIES + ENTRY_BYTES * limit;
