import type { Mm } from "../mm/mm.ts";
import type { VmArea } from "../vma/area.ts";
import { permissions } from "../vma/flags.ts";

/** The column at which the kernel puts names: 25 plus six times the word size, on a 64-bit kernel. */
const NAME_COLUMN = 73;

const hex = (value: number, width: number): string => value.toString(16).padStart(width, "0");

/** What the last column of /proc/PID/maps says of an area: a path, a name in brackets, or nothing. */
export const areaName = (mm: Mm, area: VmArea): string => {
  if (area.file !== null) return area.file.object.path;
  if (area.label !== "") return area.label;
  if (mm.isHeap(area)) return "[heap]";
  return mm.isMainStack(area) ? "[stack]" : "";
};

/** One line of /proc/PID/maps, without its end. */
export const mapsLine = (mm: Mm, area: VmArea): string => {
  const object = area.file?.object;
  const offset = object === undefined ? 0 : area.pgoff * 4096;
  const columns =
    `${hex(area.start, 8)}-${hex(area.end, 8)} ${permissions(area.flags)} ${hex(offset, 8)} ` +
    `${object?.device ?? "00:00"} ${object?.inode ?? 0} `;
  const name = areaName(mm, area);
  return name === "" ? columns : columns.padEnd(NAME_COLUMN) + name;
};

/** The text of /proc/PID/maps. O(areas). */
export const mapsText = (mm: Mm): string => {
  const lines: string[] = [];
  for (const area of mm.areas) lines.push(`${mapsLine(mm, area)}\n`);
  return lines.join("");
};
