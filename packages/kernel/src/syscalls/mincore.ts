import { Errno } from "../abi/errno.ts";
import { isPageAligned, PAGE_SIZE } from "../abi/page.ts";
import type { Mm } from "../mm/mm.ts";

/**
 * mincore(2): writes 1 for a page in core and 0 for another into `vector`, page by page up to the first hole.
 *
 * @returns 0, or a negated error number.
 */
export const mincore = (mm: Mm, address: number, bytes: number, vector: Uint8Array): number => {
  if (!isPageAligned(address)) return -Errno.EINVAL;
  const pages = Math.ceil(bytes / PAGE_SIZE);
  let page = 0;
  while (page < pages) {
    const area = mm.areas.at(address + page * PAGE_SIZE);
    if (area === null) return -Errno.ENOMEM;
    const last = Math.min(pages, (area.end - address) / PAGE_SIZE);
    for (; page < last; page++) vector[page] = mm.pager.inCore(area, address + page * PAGE_SIZE) ? 1 : 0;
  }
  return 0;
};
