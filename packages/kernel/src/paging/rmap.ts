import { PAGE_SIZE } from "../abi/page.ts";
import { AnonVma, type MappedObject, type VmArea } from "../vma/area.ts";
import { Vm } from "../vma/flags.ts";

/**
 * The way back from a page to the page-table entries that map it: through its owner (an object or an anon_vma) to
 * the areas, and by the page number to the place in each.
 */

/** The address at which an area shows page `index`, or -1. */
const addressIn = (area: VmArea, index: number): number => {
  const address = area.start + (index - area.pgoff) * PAGE_SIZE;
  return address >= area.start && address < area.end ? address : -1;
};

/** Drops pages `[from, to)` of an object from every area that shows them; private copies too when `evenCopies`. */
export const zapObject = (object: MappedObject, from: number, to: number, evenCopies: boolean): void => {
  for (const area of object.areas) {
    const first = Math.max(from, area.pgoff);
    const end = Math.min(to, area.pgoff + area.pages);
    if (first >= end || area.space === null) continue;
    const start = area.start + (first - area.pgoff) * PAGE_SIZE;
    area.space.zapFile(start, start + (end - first) * PAGE_SIZE, evenCopies);
  }
};

/** Makes every shared mapping of a page clean and read-only. `folio_mkclean`. */
export const cleanEverywhere = (object: MappedObject, index: number, frame: number): void => {
  for (const area of object.areas) {
    if ((area.flags & Vm.SHARED) === 0) continue;
    const address = addressIn(area, index);
    if (address >= 0) area.space?.clean(address, frame);
  }
};

/** Calls `visit` for every area, and the address in it, that may map page `index` of `owner`. */
export const eachMapping = (
  owner: AnonVma | MappedObject,
  index: number,
  visit: (area: VmArea, address: number) => void,
): void => {
  for (const area of owner.areas) {
    const address = addressIn(area, index);
    if (address >= 0) visit(area, address);
  }
};

/** Whether an owner is an anon_vma. */
export const isAnonOwner = (owner: AnonVma | MappedObject): owner is AnonVma => owner instanceof AnonVma;
