import {
  type Address,
  InvalidArgumentError,
  InvalidPointerError,
  type Memory,
  NULL,
  type PageAllocator,
} from "@heapwright/allocator";
import { ASKED_TYPES, Header } from "../areas/layout.ts";
import { Mobility } from "../areas/mobility.ts";
import { Buddy, type BuddyOptions } from "../buddy.ts";

/** Flags of a request, to be joined by `|`. After Linux's GFP flags. */
export const Gfp: {
  /** Pages of the Normal zone, or lower: what the kernel itself uses. */
  readonly KERNEL: 0;
  /** Only pages of the DMA zone. */
  readonly DMA: 1;
  /** Pages of any zone, HighMem first. */
  readonly HIGHMEM: 2;
  /** The owner can move the pages: `Mobility.MOVABLE`. */
  readonly MOVABLE: 4;
  /** The owner gives the pages up on demand: `Mobility.RECLAIMABLE`. */
  readonly RECLAIMABLE: 8;
  /** Cannot wait for memory to be reclaimed: may go down to half of the min watermark. */
  readonly ATOMIC: 16;
  /** Frees more than it takes (the reclaimer itself): watermarks do not hold. */
  readonly MEMALLOC: 32;
} = { KERNEL: 0, DMA: 1, HIGHMEM: 2, MOVABLE: 4, RECLAIMABLE: 8, ATOMIC: 16, MEMALLOC: 32 };

/** The free pages at which a zone changes its behaviour. */
export interface Watermarks {
  /** Below, only requests that cannot wait are served. */
  readonly min: number;
  /** Below, reclaim is woken. */
  readonly low: number;
  /** Reclaim works until so many pages are free. */
  readonly high: number;
}

/** One zone of a {@link MemoryNode}. */
export interface Zone {
  /** As /proc names it: `DMA`, `Normal`, `HighMem`. */
  readonly name: string;
  /** Its pages. */
  readonly buddy: Buddy;
}

/** Where the zones of a {@link MemoryNode} lie. */
export interface ZoneLayout {
  /** As /proc names it. */
  readonly name: string;
  /** The first byte beyond the zone. It begins where the one before it ends. */
  readonly end: Address;
}

/** What a {@link MemoryNode} does when free memory runs low. */
export interface Reclaimer {
  /** A request found a zone below its low watermark: time to free pages in the background. Linux's kswapd. */
  wake?(zone: Zone, order: number): void;
  /**
   * A request found all zones below their min watermark: free pages now. Linux's direct reclaim.
   *
   * @returns the number of pages that were given back; the request is tried again when there were any.
   */
  reclaim?(order: number): number;
}

/** The i386 layout: DMA to 16 MiB, Normal to 896 MiB, HighMem beyond, as far as the memory goes. */
export const zonesOf = (byteLength: number): ZoneLayout[] => {
  const ends: [string, number][] = [
    ["DMA", 16 * 2 ** 20],
    ["Normal", 896 * 2 ** 20],
    ["HighMem", 2 ** 32],
  ];
  const zones: ZoneLayout[] = [];
  for (const [name, end] of ends) {
    zones.push({ name, end: Math.min(end, byteLength) });
    if (end >= byteLength) break;
  }
  return zones;
};

/** Of a lower zone's pages, one in so many is kept from requests that could use a higher zone. Linux's `lowmem_reserve_ratio`. */
const RESERVE_RATIO: Readonly<Record<string, number>> = { DMA: 256, Normal: 32 };

/**
 * The memory of one machine: zones, tried from the highest that a request may use down to the lowest, each guarded by
 * its watermarks. Linux's `pg_data_t`.
 *
 * ```
 *   0        16 MiB                        896 MiB
 *   | DMA    | Normal                      | HighMem ...
 *     <------- fallback of a request for Normal
 * ```
 *
 * @example
 * ```ts
 * import { Gfp, MemoryNode } from "@heapwright/buddy";
 * import { LinearMemory } from "@heapwright/heap-memory";
 *
 * const node = MemoryNode.create(LinearMemory.fixed(64 * 2 ** 20));
 * const page = node.allocateFor(Gfp.HIGHMEM | Gfp.MOVABLE, 0);
 * node.freePages(page, 0);
 * ```
 */
export class MemoryNode implements PageAllocator {
  readonly pageSize: number;
  readonly maxOrder: number;
  /** The zones, lowest first. */
  readonly zones: readonly Zone[];
  /** Asked for help when free memory runs low. */
  reclaimer: Reclaimer = {};
  readonly #normal: number;

  private constructor(zones: readonly Zone[]) {
    this.zones = zones;
    this.pageSize = zones[0]!.buddy.pageSize;
    this.maxOrder = zones[0]!.buddy.maxOrder;
    const normal = zones.findIndex((zone) => zone.name === "Normal");
    this.#normal = normal < 0 ? zones.length - 1 : normal;
  }

  /**
   * Divides a memory into zones, and sets their watermarks as Linux does for this much memory.
   *
   * @param layout The zones, at most 3, lowest first; {@link zonesOf} the memory unless given.
   * @param options As for {@link Buddy.create}; external metadata of all zones stands in one memory, zone after zone.
   */
  static create(
    memory: Memory,
    layout: readonly ZoneLayout[] = zonesOf(memory.maxByteLength),
    options: BuddyOptions = {},
  ): MemoryNode {
    if (layout.length < 1 || layout.length > 3)
      throw new InvalidArgumentError("layout", layout.length, "1 to 3 zones");
    const zones: Zone[] = [];
    let start = options.start ?? 0;
    let metadataAt = options.metadataAt ?? 0;
    for (const { name, end } of layout) {
      const buddy = Buddy.create(memory, { ...options, start, end, metadataAt });
      zones.push({ name, buddy });
      start = end;
      metadataAt = buddy.metadataEnd;
    }
    const node = new MemoryNode(zones);
    node.setMinFree(minFreePages(node));
    node.#setReserves();
    return node;
  }

  /**
   * Finds the zones that {@link MemoryNode.create} made.
   *
   * @param zones The name of each zone and where its metadata stands ({@link Buddy.at}).
   * @throws AttachError when there is none.
   */
  static attach(
    memory: Memory,
    zones: readonly { readonly name: string; readonly at: Address }[],
    metadata: Memory = memory,
  ): MemoryNode {
    return new MemoryNode(zones.map(({ name, at }) => ({ name, buddy: Buddy.attach(memory, at, metadata) })));
  }

  allocatePages(order: number): Address {
    return this.allocateFor(Gfp.KERNEL, order);
  }

  /**
   * As {@link MemoryNode.allocatePages}, for a purpose.
   *
   * First every zone down from the highest allowed is asked to stay above its low watermark, then its min watermark;
   * then the reclaimer frees pages and all is tried once more.
   *
   * @param flags {@link Gfp} flags.
   */
  allocateFor(flags: number, order: number): Address {
    const highest =
      (flags & Gfp.DMA) !== 0 ? 0 : (flags & Gfp.HIGHMEM) !== 0 ? this.zones.length - 1 : this.#normal;
    const page = this.#tryZones(highest, flags, order, LOW);
    return page !== NULL ? page : this.#allocateSlowly(highest, flags, order);
  }

  #allocateSlowly(highest: number, flags: number, order: number): Address {
    if (order > this.maxOrder) return NULL;
    for (let i = highest; i >= 0; i--) this.reclaimer.wake?.(this.zones[i]!, order);
    const page = this.#tryZones(highest, flags, order, (flags & Gfp.MEMALLOC) !== 0 ? NONE : MIN);
    if (page !== NULL || (flags & (Gfp.ATOMIC | Gfp.MEMALLOC)) !== 0) return page;
    const freed = this.reclaimer.reclaim?.(order) ?? 0;
    return freed > 0 ? this.#tryZones(highest, flags, order, MIN) : NULL;
  }

  #tryZones(highest: number, flags: number, order: number, mark: number): Address {
    const mobility =
      (flags & Gfp.MOVABLE) !== 0
        ? Mobility.MOVABLE
        : (flags & Gfp.RECLAIMABLE) !== 0
          ? Mobility.RECLAIMABLE
          : Mobility.UNMOVABLE;
    for (let i = highest; i >= 0; i--) {
      const { buddy } = this.zones[i]!;
      if (mark !== NONE && !isAbove(buddy, order, mark, highest, flags)) continue;
      const page = buddy.allocateOn(0, mobility, order);
      if (page !== NULL) return page;
    }
    return NULL;
  }

  freePages(address: Address, order: number): void {
    this.zoneOf(address).buddy.freePages(address, order);
  }

  /**
   * The zone that holds an address.
   *
   * @throws InvalidPointerError when none does.
   */
  zoneOf(address: Address): Zone {
    for (const zone of this.zones) {
      const { areas } = zone.buddy;
      if (address >>> 0 === address && areas.has(Math.floor(address / this.pageSize))) return zone;
    }
    throw new InvalidPointerError(address, "is no page of any zone");
  }

  /** The watermarks of a zone, in pages. */
  watermarks(zone: Zone): Watermarks {
    const { meta, at } = zone.buddy.areas;
    const mark = (which: number): number => meta.load32(at + Header.WATERMARKS + which * 4);
    return { min: mark(MIN), low: mark(LOW), high: mark(HIGH) };
  }

  /**
   * Shares so many pages of reserve out over the zones and sets their watermarks. Linux's `min_free_kbytes` and
   * `__setup_per_zone_wmarks`.
   *
   * @param pages The min watermarks of all zones but HighMem together.
   */
  setMinFree(pages: number): void {
    const lowmem = lowmemPages(this);
    for (const { name, buddy } of this.zones) {
      const managed = buddy.areas.frames;
      const highmem = name === "HighMem";
      const min = highmem
        ? Math.min(Math.max(Math.floor(managed / 1024), 32), 128)
        : Math.floor((pages * managed) / lowmem);
      const share = highmem ? Math.floor((pages * managed) / lowmem) : min;
      const step = Math.max(Math.floor(share / 4), Math.floor((managed * 10) / 10000));
      setWatermarks(buddy, { min, low: min + step, high: min + 2 * step });
    }
  }

  /** What each zone keeps from requests that could have used a higher one. */
  #setReserves(): void {
    this.zones.forEach(({ name, buddy }, low) => {
      let above = 0;
      for (let high = low + 1; high < this.zones.length; high++) {
        above += this.zones[high]!.buddy.areas.frames;
        const reserve = Math.floor(above / (RESERVE_RATIO[name] ?? 32));
        buddy.areas.meta.store32(buddy.areas.at + Header.RESERVES + high * 4, reserve);
      }
    });
  }
}

const MIN = 0;
const LOW = 1;
const HIGH = 2;
const NONE = -1;

const lowmemPages = (node: MemoryNode): number => {
  let pages = 0;
  for (const { name, buddy } of node.zones) if (name !== "HighMem") pages += buddy.areas.frames;
  return Math.max(pages, 1);
};

/** Linux's `calculate_min_free_kbytes`, in pages: 4 times the root of the low memory in KiB, 128 KiB to 256 MiB. */
const minFreePages = (node: MemoryNode): number => {
  const kibibytes = (lowmemPages(node) * node.pageSize) / 1024;
  const wanted = Math.min(Math.max(Math.floor(Math.sqrt(kibibytes * 16)), 128), 262144);
  return Math.floor((wanted * 1024) / node.pageSize);
};

/** Sets the watermarks of a zone, in pages. */
export const setWatermarks = (buddy: Buddy, marks: Watermarks): void => {
  const { meta, at } = buddy.areas;
  meta.store32(at + Header.WATERMARKS + MIN * 4, marks.min);
  meta.store32(at + Header.WATERMARKS + LOW * 4, marks.low);
  meta.store32(at + Header.WATERMARKS + HIGH * 4, marks.high);
};

/** Whether a zone stays above a watermark when it serves a request, and has a run for it. Linux's `__zone_watermark_ok`. */
const isAbove = (buddy: Buddy, order: number, mark: number, highest: number, flags: number): boolean => {
  const { areas } = buddy;
  const { meta, at } = areas;
  let least = meta.load32(at + Header.WATERMARKS + mark * 4);
  if ((flags & Gfp.ATOMIC) !== 0) least -= least >>> 1;
  const free = areas.freeFrames - (2 ** order - 1);
  if (free <= least + meta.load32(at + Header.RESERVES + highest * 4)) return false;
  if (order === 0) return true;
  for (let type = 0; type < ASKED_TYPES; type++) {
    if (meta.load32(at + Header.BITMAPS + type * 4) >>> order !== 0) return true;
  }
  return false;
};
