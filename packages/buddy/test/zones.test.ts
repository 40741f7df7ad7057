import { AttachError, InvalidPointerError, NULL } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import { describe, expect, test } from "vitest";
import {
  Buddy,
  buddyinfo,
  check,
  extfragIndex,
  fragmentationIndex,
  Gfp,
  MemoryNode,
  Mobility,
  pagetypeinfo,
  setWatermarks,
  unusableFreeIndex,
  unusableIndex,
  type ZoneLayout,
} from "../src/index.ts";

const MIB = 2 ** 20;
const layout: ZoneLayout[] = [
  { name: "DMA", end: 4 * MIB },
  { name: "Normal", end: 16 * MIB },
  { name: "HighMem", end: 32 * MIB },
];
const nodeOf = (options = {}): MemoryNode => MemoryNode.create(LinearMemory.fixed(32 * MIB), layout, options);
const nameOf = (node: MemoryNode, address: number): string =>
  address === NULL ? "none" : node.zoneOf(address).name;

describe("zones", () => {
  test("cover the memory, in order, and know their pages", () => {
    const node = nodeOf();
    expect(node.zones.map(({ name }) => name)).toEqual(["DMA", "Normal", "HighMem"]);
    expect(node.zoneOf(3 * MIB).name).toBe("DMA");
    expect(node.zoneOf(31 * MIB).name).toBe("HighMem");
    expect(() => node.zoneOf(32 * MIB)).toThrow(InvalidPointerError);
    expect(() => node.zoneOf(0)).toThrow(InvalidPointerError);
  });

  test("a request begins at its highest zone and falls back downwards only", () => {
    const node = nodeOf();
    expect(nameOf(node, node.allocateFor(Gfp.HIGHMEM, 0))).toBe("HighMem");
    expect(nameOf(node, node.allocatePages(0))).toBe("Normal");
    expect(nameOf(node, node.allocateFor(Gfp.DMA, 0))).toBe("DMA");
    const zones = new Set<string>();
    const order: string[] = [];
    for (
      let page = node.allocateFor(Gfp.HIGHMEM, 0);
      page !== NULL;
      page = node.allocateFor(Gfp.HIGHMEM, 0)
    ) {
      const name = nameOf(node, page);
      if (!zones.has(name)) order.push(name);
      zones.add(name);
    }
    expect(order).toEqual(["HighMem", "Normal", "DMA"]);
    // Of the DMA pages, one for each 256 pages above is kept for those who can use no others.
    let kept = 0;
    while (nameOf(node, node.allocateFor(Gfp.DMA, 0)) === "DMA") kept++;
    const above = node.zones[1]!.buddy.areas.frames + node.zones[2]!.buddy.areas.frames;
    expect(kept).toBeGreaterThanOrEqual(Math.floor(above / 256));
  });

  test("watermarks: low wakes the reclaimer, min stops all but those who cannot wait", () => {
    const node = MemoryNode.create(LinearMemory.fixed(8 * MIB), [{ name: "Normal", end: 8 * MIB }], {
      high: 0,
    });
    const zone = node.zones[0]!;
    setWatermarks(zone.buddy, { min: 100, low: 200, high: 300 });
    expect(node.watermarks(zone)).toEqual({ min: 100, low: 200, high: 300 });
    const free = (): number => zone.buddy.areas.freeFrames;
    let woken = -1;
    let asked = 0;
    node.reclaimer = {
      wake(): void {
        if (woken < 0) woken = free();
      },
      reclaim(): number {
        asked++;
        return 0;
      },
    };
    while (node.allocatePages(0) !== NULL);
    expect([woken, free(), asked]).toEqual([200, 100, 1]);
    while (node.allocateFor(Gfp.ATOMIC, 0) !== NULL);
    expect([free(), asked]).toEqual([50, 1]);
    while (node.allocateFor(Gfp.MEMALLOC, 0) !== NULL);
    expect(free()).toBe(0);
  });

  test("pages that the reclaimer frees are used at once", () => {
    const node = MemoryNode.create(LinearMemory.fixed(8 * MIB), [{ name: "Normal", end: 8 * MIB }]);
    const pages: number[] = [];
    for (let page = node.allocatePages(0); page !== NULL; page = node.allocatePages(0)) pages.push(page);
    node.reclaimer = {
      reclaim(): number {
        for (const page of pages.splice(0, 512)) node.freePages(page, 0);
        node.zones[0]!.buddy.drain();
        return 512;
      },
    };
    expect(node.allocatePages(0)).not.toBe(NULL);
    expect(node.allocatePages(99)).toBe(NULL);
  });

  test("watermarks are what Linux computes for this much memory", () => {
    // min_free_kbytes = sqrt(16 * lowmem in KiB); min = its share; low and high a quarter of min above, each.
    const node = nodeOf();
    const [dma, normal, high] = node.zones.map((zone) => ({
      ...node.watermarks(zone),
      pages: zone.buddy.areas.frames,
    }));
    const lowmem = dma!.pages + normal!.pages;
    const pages = Math.floor((Math.floor(Math.sqrt(lowmem * 4 * 16)) * 1024) / 4096);
    expect(normal!.min).toBe(Math.floor((pages * normal!.pages) / lowmem));
    expect(normal!.low - normal!.min).toBe(Math.floor(normal!.min / 4));
    expect(normal!.high - normal!.low).toBe(normal!.low - normal!.min);
    expect(high!.min).toBe(32);
  });

  test("metadata of all zones in one other memory; attached again", () => {
    const memory = LinearMemory.fixed(32 * MIB);
    const metadata = LinearMemory.growing();
    const node = MemoryNode.create(memory, layout, { metadata, metadataAt: 64 });
    const page = node.allocatePages(3);
    const places = node.zones.map(({ name, buddy }) => ({ name, at: buddy.at }));
    const again = MemoryNode.attach(memory, places, metadata);
    again.freePages(page, 3);
    for (const { buddy } of again.zones) expect(check(buddy)).toEqual([]);
    expect(memory.read(page, 32768).every((byte) => byte === 0)).toBe(true);
    expect(() => MemoryNode.attach(memory, [{ name: "DMA", at: 8 }], metadata)).toThrow(AttachError);
  });
});

describe("the texts of /proc", () => {
  // A zone of exactly 1024 pages, so that every figure can be told by hand.
  const zoneOf = (): { name: string; buddy: Buddy } => ({
    name: "Normal",
    buddy: Buddy.create(LinearMemory.fixed(8 * MIB), {
      start: 4 * MIB,
      end: 8 * MIB,
      high: 0,
      metadata: LinearMemory.growing(),
    }),
  });

  test("buddyinfo", () => {
    const zone = zoneOf();
    zone.buddy.allocatePages(0);
    expect(buddyinfo([zone])).toBe(
      "Node 0, zone   Normal      1      1      1      1      1      1      1      1      1      1      0 \n",
    );
  });

  test("pagetypeinfo", () => {
    const zone = zoneOf();
    zone.buddy.allocateOn(0, Mobility.UNMOVABLE, 8);
    expect(pagetypeinfo([zone])).toBe(
      [
        "Page block order: 9",
        "Pages per block:  512",
        "",
        "Free pages count per migrate type at order       0      1      2      3      4      5      6      7      8      9     10 ",
        "Node    0, zone   Normal, type    Unmovable      0      0      0      0      0      0      0      0      1      0      0 ",
        "Node    0, zone   Normal, type      Movable      0      0      0      0      0      0      0      0      0      1      0 ",
        "Node    0, zone   Normal, type  Reclaimable      0      0      0      0      0      0      0      0      0      0      0 ",
        "Node    0, zone   Normal, type      Isolate      0      0      0      0      0      0      0      0      0      0      0 ",
        "",
        "Number of blocks type     Unmovable      Movable  Reclaimable      Isolate ",
        "Node 0, zone   Normal            1            1            0            0 ",
        "",
      ].join("\n"),
    );
  });

  test("fragmentation: every second page free", () => {
    const zone = zoneOf();
    const pages = Array.from({ length: 1024 }, () => zone.buddy.allocatePages(0));
    expect(fragmentationIndex(zone.buddy.areas, 1)).toBe(0);
    expect(unusableFreeIndex(zone.buddy.areas, 1)).toBe(1000);
    for (const page of pages) if (page % 8192 === 0) zone.buddy.freePages(page, 0);
    // 512 single pages: 1 - (1000 + 512 * 1000 / 8) / 512 in thousandths.
    expect(fragmentationIndex(zone.buddy.areas, 3)).toBe(1000 - Math.floor((1000 + 64000) / 512));
    expect(fragmentationIndex(zone.buddy.areas, 0)).toBe(-1000);
    expect(unusableFreeIndex(zone.buddy.areas, 0)).toBe(0);
    expect(extfragIndex([zone])).toMatch(/^Node 0, zone {3}Normal -1\.000 {2}0\.\d{3} /);
    expect(unusableIndex([zone])).toMatch(/^Node 0, zone {3}Normal {2}0\.000 {2}1\.000 /);
  });

  test("pages of one mobility are kept together", () => {
    const zone = zoneOf();
    const blocks = (mobility: Mobility): Set<number> => {
      const found = new Set<number>();
      for (let i = 0; i < 100; i++)
        found.add(Math.floor(zone.buddy.allocateOn(0, mobility, 0) / (512 * 4096)));
      return found;
    };
    const movable = blocks(Mobility.MOVABLE);
    const pinned = blocks(Mobility.UNMOVABLE);
    expect([...movable].some((block) => pinned.has(block))).toBe(false);
  });
});
