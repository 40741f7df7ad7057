/*
 * The numbers that follow from an ABI and a profile, worked out once: chunk geometry, bin spacing, struct offsets.
 *
 *                        i386          x86-64
 *   word (SIZE_SZ)       4             8
 *   alignment            16            16
 *   smallest chunk       16            32
 *   overhead, in use     4             8          (the size word; prev_size belongs to the chunk before)
 *   fast chunks up to    64            128        (default; mallopt can go to 80 and 160 bytes requested)
 *   small chunks below   1008          1024
 *   thread heap          1 MiB         64 MiB
 *
 * struct malloc_state (an arena), offsets in bytes:
 *
 *                        i386          x86-64
 *   mutex                0x0           0x0
 *   flags                0x4           0x4
 *   have_fastchunks      0x8           0x8
 *   fastbinsY[]          0xc  (11)     0x10 (10)
 *   top                  0x38          0x60
 *   last_remainder       0x3c          0x68
 *   bins[254]            0x40          0x70
 *   binmap[4]            0x438         0x860
 *   next                 0x448         0x870
 *   next_free            0x44c         0x878
 *   attached_threads     0x450         0x880
 *   system_mem           0x454         0x888
 *   max_system_mem       0x458         0x890
 */
import { type Abi, wordBytes } from "./abi.ts";
import type { Profile } from "./profile.ts";

/** Number of bins: 1 unsorted, 2..63 small, 64..126 large; 0 and 127 do not exist. */
export const NBINS = 128;
/** Bins of the tcache. */
export const TCACHE_BINS = 64;

/** The sizes and offsets of one ABI under one profile. All in bytes unless said otherwise. */
export interface Geometry {
  /** The machine word, SIZE_SZ. */
  readonly word: 4 | 8;
  /** MALLOC_ALIGNMENT. */
  readonly alignment: 8 | 16;
  /** MINSIZE: the smallest chunk. */
  readonly minSize: number;
  /** Chunks from this size on are large. */
  readonly minLarge: number;
  /** log2 of the distance between small bins. */
  readonly smallShift: 3 | 4;
  /** Added to the small bin index where the first chunk size would else be bin 1's. */
  readonly smallCorrection: 0 | 1;
  /** `fastbin_index` is `(size >>> fastShift) - 2`. */
  readonly fastShift: 3 | 4;
  /** Number of fast bins. */
  readonly fastBins: number;
  /** The largest request that `mallopt(M_MXFAST)` accepts. */
  readonly maxFast: number;
  /** Large bins of 64-byte spacing reach to this size / 64 ... */
  readonly largeSteps: number;
  /** ... and begin at this index minus size / 64. */
  readonly largeBase: number;
  /** DEFAULT_MMAP_THRESHOLD_MAX: where the sliding mmap threshold stops. */
  readonly mmapThresholdMax: number;
  /** HEAP_MAX_SIZE: length and alignment of a thread heap. */
  readonly heapMax: number;
  /** The largest request, PTRDIFF_MAX. */
  readonly requestMax: number;
  /** Arenas allowed per processor. */
  readonly arenasPerCore: number;

  /** struct malloc_state: offset of fastbinsY. */
  readonly fastbinsAt: number;
  /** struct malloc_state: offset of top. */
  readonly topAt: number;
  /** struct malloc_state: offset of last_remainder. */
  readonly lastRemainderAt: number;
  /** struct malloc_state: offset of bins. */
  readonly binsAt: number;
  /** struct malloc_state: offset of binmap. */
  readonly binmapAt: number;
  /** struct malloc_state: offset of next. */
  readonly nextAt: number;
  /** struct malloc_state: offset of next_free. */
  readonly nextFreeAt: number;
  /** struct malloc_state: offset of attached_threads. */
  readonly attachedAt: number;
  /** struct malloc_state: offset of system_mem. */
  readonly systemMemAt: number;
  /** struct malloc_state: offset of max_system_mem. */
  readonly maxSystemMemAt: number;
  /** sizeof (struct malloc_state). */
  readonly arenaBytes: number;

  /** sizeof (heap_info), padded so that the first chunk of a heap is aligned. */
  readonly heapInfoBytes: number;
  /** struct tcache_perthread_struct: offset of entries (counts are at 0). */
  readonly tcacheEntriesAt: number;
  /** sizeof (struct tcache_perthread_struct). */
  readonly tcacheBytes: number;
}

/** Works out the geometry of an ABI under a profile. */
export const geometryOf = (abi: Abi, profile: Profile): Geometry => {
  const word = wordBytes(abi);
  const alignment = profile.alignTo16 || word === 8 ? 16 : 8;
  const mask = alignment - 1;
  const minSize = (4 * word + mask) & ~mask;
  const smallCorrection = alignment > 2 * word ? 1 : 0;
  const smallShift = alignment === 16 ? 4 : 3;
  const fastShift = word === 8 ? 4 : 3;
  const maxFast = (80 * word) / 4;
  const largestFast = (maxFast + word + mask) & ~mask;
  const fastBins = (largestFast >>> fastShift) - 2 + 1;
  const fastbinsAt = (12 + word - 1) & -word;
  const topAt = fastbinsAt + fastBins * word;
  const binsAt = topAt + 2 * word;
  const binmapAt = binsAt + (NBINS * 2 - 2) * word;
  const nextAt = binmapAt + 16;
  const mmapThresholdMax = word === 8 ? 32 * 2 ** 20 : 512 * 1024;
  // Both paddings make sizeof (heap_info) + 2 words a multiple of the alignment.
  const heapPadding = (-(profile.heapInfoWords === 5 ? 3 : 6) * word) & mask;
  return {
    word,
    alignment,
    minSize,
    minLarge: (64 - smallCorrection) << smallShift,
    smallShift,
    smallCorrection,
    fastShift,
    fastBins,
    maxFast,
    largeSteps: word === 8 ? 48 : alignment === 16 ? 45 : 38,
    largeBase: word === 8 ? 48 : alignment === 16 ? 49 : 56,
    mmapThresholdMax,
    heapMax: 2 * mmapThresholdMax,
    requestMax: word === 8 ? 2 ** 63 : 2 ** 31 - 1,
    arenasPerCore: word === 8 ? 8 : 2,
    fastbinsAt,
    topAt,
    lastRemainderAt: topAt + word,
    binsAt,
    binmapAt,
    nextAt,
    nextFreeAt: nextAt + word,
    attachedAt: nextAt + 2 * word,
    systemMemAt: nextAt + 3 * word,
    maxSystemMemAt: nextAt + 4 * word,
    arenaBytes: nextAt + 5 * word,
    heapInfoBytes: profile.heapInfoWords * word + heapPadding,
    tcacheEntriesAt: 2 * TCACHE_BINS,
    tcacheBytes: (2 + word) * TCACHE_BINS,
  };
};
