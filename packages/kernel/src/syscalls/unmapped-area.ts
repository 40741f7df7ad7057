import { Errno } from "../abi/errno.ts";
import { pageCeil } from "../abi/page.ts";
import type { Mm } from "../mm/mm.ts";

/** Raises a hint to the lowest address that hints may have; 0 stays 0. `round_hint_to_min`. */
export const roundHint = (mm: Mm, hint: number): number => {
  const address = hint - (hint % 4096);
  return address !== 0 && address < mm.layout.minHint ? mm.layout.minHint : address;
};

/**
 * Finds room for `length` bytes (a multiple of the page size). `get_unmapped_area` in the legacy, bottom-up layout.
 *
 * @param hint Where it should be if that is free; with `fixed`, where it must be.
 * @param anonymous Whether the mapping has no file: only then is a large one aligned to huge pages.
 * @returns the address, or a negated error number.
 */
export const unmappedArea = (
  mm: Mm,
  hint: number,
  length: number,
  fixed: boolean,
  anonymous: boolean,
): number => {
  const { layout } = mm;
  if (length > layout.taskSize) return -Errno.ENOMEM;
  const address = fixed ? hint : search(mm, hint, length, anonymous);
  if (address < 0) return address;
  if (address > layout.taskSize - length) return -Errno.ENOMEM;
  if (address % 4096 !== 0) return -Errno.EINVAL;
  if (address < layout.minFixed) return -Errno.EPERM;
  return address;
};

const search = (mm: Mm, hint: number, length: number, anonymous: boolean): number => {
  const { layout, areas } = mm;
  const { mmapBase, taskSize, hugeAlign } = layout;
  if (anonymous && hint === 0 && hugeAlign > 0 && length % hugeAlign === 0) {
    const padded = areas.lowestGap(mmapBase, taskSize, length + hugeAlign);
    if (padded >= 0) return Math.ceil(padded / hugeAlign) * hugeAlign;
  }
  if (hint !== 0) {
    const address = pageCeil(hint);
    if (taskSize - length >= address) {
      const next = areas.find(address);
      if (next === null || address + length <= next.guardStart) return address;
    }
  }
  const found = areas.lowestGap(mmapBase, taskSize, length);
  return found < 0 ? -Errno.ENOMEM : found;
};
