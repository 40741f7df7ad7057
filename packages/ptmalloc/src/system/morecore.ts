/*
 * The break, as malloc asks for it. MORECORE.
 */
import type { Address } from "@heapwright/allocator";
import type { Core } from "../core.ts";
import { PARAMETER } from "../layout/statics.ts";

/** Moves the break; gives the old one, or 0 when it cannot move. */
export const moreCore = (core: Core, increment: number): Address =>
  increment >= 2 ** 32 ? 0 : core.source.sbrk(increment);

/**
 * With the hugetlb tunable at 1, memory that could hold a huge page is recommended for one. madvise_thp.
 */
export const adviseHugePages = (core: Core, address: Address, length: number): void => {
  const huge = core.parameter(PARAMETER.thpPageSize);
  if (huge === 0 || length < huge) return;
  const start = core.pageDown(address);
  core.maps?.madvise(start, length + (address - start), 14);
};
