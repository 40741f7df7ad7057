import type { FreeAreas } from "../areas/free-areas.ts";
import { TYPES } from "../areas/layout.ts";
import { TYPE_NAMES } from "../areas/mobility.ts";
import type { Zone } from "./zones.ts";

/** Free runs of an order, of all types. */
const runs = (areas: FreeAreas, order: number): number => {
  let count = 0;
  for (let type = 0; type < TYPES; type++) count += areas.count(order, type);
  return count;
};

const orders = (areas: FreeAreas): number[] =>
  Array.from({ length: areas.maxOrder + 1 }, (_, order) => order);
const number = (value: number, width: number): string => `${String(value).padStart(width)} `;
const node = (name: string): string => `Node 0, zone ${name.padStart(8)} `;

/** Free runs by zone and order, in the format of Linux's /proc/buddyinfo. Pages on per-CPU lists are not counted. */
export const buddyinfo = (zones: readonly Zone[]): string =>
  zones
    .map(({ name, buddy: { areas } }) => {
      const counts = orders(areas).map((order) => number(runs(areas, order), 6));
      return `${node(name)}${counts.join("")}\n`;
    })
    .join("");

/** Free runs by zone, mobility type and order, and pageblocks by type, in the format of Linux's /proc/pagetypeinfo. */
export const pagetypeinfo = (zones: readonly Zone[]): string => {
  const first = zones[0]?.buddy.areas;
  if (first === undefined) return "";
  const lines = [
    `Page block order: ${first.blockOrder}`,
    `Pages per block:  ${2 ** first.blockOrder}`,
    "",
    `${"Free pages count per migrate type at order ".padEnd(43)} ${orders(first)
      .map((order) => number(order, 6))
      .join("")}`,
  ];
  for (const { name, buddy } of zones) {
    TYPE_NAMES.forEach((typeName, type) => {
      const counts = orders(buddy.areas).map((order) => number(buddy.areas.count(order, type), 6));
      lines.push(`Node    0, zone ${name.padStart(8)}, type ${typeName.padStart(12)} ${counts.join("")}`);
    });
  }
  const titles = TYPE_NAMES.map((typeName) => `${typeName.padStart(12)} `).join("");
  lines.push("", `${"Number of blocks type ".padEnd(23)}${titles}`);
  for (const { name, buddy } of zones) {
    const counts = TYPE_NAMES.map((_, type) => number(buddy.areas.blocks(type), 12));
    lines.push(`${node(name)}${counts.join("")}`);
  }
  return `${lines.join("\n")}\n`;
};

interface Supply {
  readonly pages: number;
  readonly blocks: number;
  /** Runs of the order wanted that the free runs of at least this order consist of. */
  readonly suitable: number;
}

const supply = (areas: FreeAreas, wanted: number): Supply => {
  let pages = 0;
  let blocks = 0;
  let suitable = 0;
  for (const order of orders(areas)) {
    const count = runs(areas, order);
    blocks += count;
    pages += count * 2 ** order;
    if (order >= wanted) suitable += count * 2 ** (order - wanted);
  }
  return { pages, blocks, suitable };
};

/**
 * Why a request of an order would fail: near 0 for lack of memory, near 1000 for fragmentation; -1000 when it would not
 * fail. Thousandths. Linux's `fragmentation_index`, by Mel Gorman ("The what, the why and the where to of
 * anti-fragmentation", 2005).
 */
export const fragmentationIndex = (areas: FreeAreas, order: number): number => {
  const { pages, blocks, suitable } = supply(areas, order);
  if (blocks === 0) return 0;
  if (suitable > 0) return -1000;
  return 1000 - Math.floor((1000 + Math.floor((pages * 1000) / 2 ** order)) / blocks);
};

/**
 * The part of free memory that is of no use for a request of an order: 0 when all of it can be used, 1000 when none.
 * Thousandths. Linux's `unusable_free_index`.
 */
export const unusableFreeIndex = (areas: FreeAreas, order: number): number => {
  const { pages, suitable } = supply(areas, order);
  return pages === 0 ? 1000 : Math.floor(((pages - suitable * 2 ** order) * 1000) / pages);
};

const indices = (zones: readonly Zone[], index: (areas: FreeAreas, order: number) => number): string =>
  zones
    .map(({ name, buddy: { areas } }) => {
      const values = orders(areas).map((order) => {
        const value = index(areas, order);
        const thousandths = String(Math.abs(value % 1000)).padStart(3, "0");
        return `${String(Math.trunc(value / 1000)).padStart(2)}.${thousandths} `;
      });
      return `${node(name)}${values.join("")}\n`;
    })
    .join("");

/** The fragmentation index by zone and order, in the format of /sys/kernel/debug/extfrag/extfrag_index. */
export const extfragIndex = (zones: readonly Zone[]): string => indices(zones, fragmentationIndex);

/** The unusable part of free memory by zone and order, in the format of /sys/kernel/debug/extfrag/unusable_index. */
export const unusableIndex = (zones: readonly Zone[]): string => indices(zones, unusableFreeIndex);
