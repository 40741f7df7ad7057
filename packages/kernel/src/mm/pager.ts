import type { MappedObject, VmArea } from "../vma/area.ts";

/**
 * What stands behind the areas: the pages. Areas say what may be where, a pager what is there.
 *
 * Two implementations exist: page tables with demand paging, and a flat memory that is simply always there.
 * All addresses are page-aligned and every range lies inside one area, which is still in the tree.
 */
export interface Pager {
  /** The pages of `[start, end)` go, because the area goes there. */
  unmap(area: VmArea, start: number, end: number): void;
  /**
   * The areas of `[start, end)` are gone: nothing is mapped in `[floor, ceiling)` any more, so page tables that lie wholly
   * in there can go too.
   */
  freeTables(start: number, end: number, floor: number, ceiling: number): void;
  /** The pages of `[start, end)` go, the area stays (MADV_DONTNEED): they read as new. */
  discard(area: VmArea, start: number, end: number): void;
  /** The pages may be dropped under pressure (MADV_FREE). */
  lazyFree(area: VmArea, start: number, end: number): void;
  /** The pages are not needed soon (MADV_COLD). */
  deactivate(area: VmArea, start: number, end: number): void;
  /** The pages are not needed soon, and go out now (MADV_PAGEOUT). */
  pageOut(area: VmArea, start: number, end: number): void;
  /**
   * The pages at `[from, from + length)` go to `to`, where `area` (the new one) lies.
   *
   * @returns false, with all pages where they were, when there is no memory for page tables.
   */
  move(area: VmArea, from: number, to: number, length: number): boolean;
  /** The area's protection over `[start, end)` has just become what its flags say. */
  protect(area: VmArea, start: number, end: number): void;
  /**
   * Touches the pages of `[start, end)` of one area in order.
   *
   * @param write Whether to touch as a store does.
   * @param force Whether to ignore a protection other than PROT_NONE.
   * @returns how many bytes were done; less than asked for when the rest failed, a negated error when the first did.
   */
  touch(area: VmArea, start: number, end: number, write: boolean, force: boolean): number;
  /**
   * Puts guard markers over `[start, end)` in place of what is there.
   *
   * @returns false when there is no memory for page tables; part of the range may be guarded then.
   */
  installGuards(area: VmArea, start: number, end: number): boolean;
  /** Takes guard markers away. */
  removeGuards(area: VmArea, start: number, end: number): void;
  /** Whether the page at `address` is in core, for mincore(2). */
  inCore(area: VmArea, address: number): boolean;
  /** Writes dirty pages of `[start, end)` of a shared file area back; a negated error or 0. */
  sync(area: VmArea, start: number, end: number): number;
  /** Frees the pages of the object that `[start, end)` of a shared area shows; they read as zero. A negated error or 0. */
  punchHole(area: VmArea, start: number, end: number): number;
  /** The last area that showed the object is gone. */
  unreferenced(object: MappedObject): void;
}
