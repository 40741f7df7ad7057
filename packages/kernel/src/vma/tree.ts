import type { VmArea } from "./area.ts";

/**
 * The ordered set of an address space's areas: an AVL tree whose nodes are the areas themselves, threaded in address
 * order by `prev` and `next`.
 *
 * Each node also knows `gap`, the free bytes between its predecessor's end and its own `guardStart`, and `maxGap`, the
 * greatest gap in its subtree. So the lowest hole of a given size is found in O(log n), as are lookup, insertion and
 * removal; at 65,530 areas a path has at most 23 nodes.
 *
 *              maxGap = max(gap, left.maxGap, right.maxGap)
 *      prev.end |<------- gap ------>| guardStart ... start
 *
 * Must always hold: areas do not overlap; `next` is the in-order successor; heights of siblings differ by at most 1.
 */
export class AreaTree {
  /** The root, null when there is no area. */
  root: VmArea | null = null;
  /** The lowest area. */
  first: VmArea | null = null;
  /** The highest area. */
  last: VmArea | null = null;
  /** Number of areas (`map_count`). */
  size = 0;
  #recent: VmArea | null = null;

  /** The lowest area whose end is above `address`: the one that holds it, or else the next one. `find_vma`. */
  find(address: number): VmArea | null {
    // One system call asks for the same area, or for the same hole before it, again and again.
    const recent = this.#recent;
    if (recent !== null && address < recent.end) {
      const { prev } = recent;
      if (recent.start <= address || prev === null || prev.end <= address) return recent;
    }
    let node = this.root;
    let found: VmArea | null = null;
    while (node !== null) {
      if (node.end > address) {
        found = node;
        if (node.start <= address) break;
        node = node.left;
      } else node = node.right;
    }
    if (found !== null) this.#recent = found;
    return found;
  }

  /** The area that holds `address`, if any. `vma_lookup`. */
  at(address: number): VmArea | null {
    const area = this.find(address);
    return area !== null && area.start <= address ? area : null;
  }

  /** The lowest area that shares a byte with `[start, end)`. `find_vma_intersection`. */
  intersecting(start: number, end: number): VmArea | null {
    const area = this.find(start);
    return area !== null && area.start < end ? area : null;
  }

  /** The highest area that ends at or below `address`, given that no area holds `address`. */
  before(address: number): VmArea | null {
    const area = this.find(address);
    return area === null ? this.last : area.prev;
  }

  /** All areas in ascending order. The set must not change meanwhile. */
  *[Symbol.iterator](): IterableIterator<VmArea> {
    for (let area = this.first; area !== null; area = area.next) yield area;
  }

  /** Adds an area that overlaps none. */
  insert(area: VmArea): void {
    let parent: VmArea | null = null;
    let node = this.root;
    while (node !== null) {
      parent = node;
      node = area.start < node.start ? node.left : node.right;
    }
    area.left = null;
    area.right = null;
    area.parent = parent;
    area.height = 1;
    if (parent === null) {
      this.root = area;
      area.prev = null;
      area.next = null;
    } else if (area.start < parent.start) {
      parent.left = area;
      area.next = parent;
      area.prev = parent.prev;
    } else {
      parent.right = area;
      area.prev = parent;
      area.next = parent.next;
    }
    if (area.prev !== null) area.prev.next = area;
    else this.first = area;
    if (area.next !== null) area.next.prev = area;
    else this.last = area;
    this.size += 1;
    setGap(area);
    this.#rebalance(area);
    if (area.next !== null) this.#refreshGap(area.next);
  }

  /** Takes an area out. */
  remove(area: VmArea): void {
    const { prev, next } = area;
    if (prev !== null) prev.next = next;
    else this.first = next;
    if (next !== null) next.prev = prev;
    else this.last = prev;
    this.size -= 1;
    if (this.#recent === area) this.#recent = next;

    let from: VmArea | null;
    if (area.left !== null && area.right !== null) {
      // The in-order successor, the lowest node on the right, takes the place.
      const heir = next!;
      if (heir.parent === area) from = heir;
      else {
        from = heir.parent;
        this.#replace(heir, heir.right);
        heir.right = area.right;
        heir.right!.parent = heir;
      }
      this.#replace(area, heir);
      heir.left = area.left;
      heir.left.parent = heir;
      heir.height = area.height;
    } else {
      from = area.parent;
      this.#replace(area, area.left ?? area.right);
    }
    area.left = area.right = area.parent = area.prev = area.next = null;
    if (from !== null) this.#rebalance(from);
    if (next !== null) this.#refreshGap(next);
  }

  /** Moves an area's borders. The order of areas must not change by it. */
  resize(area: VmArea, start: number, end: number): void {
    area.start = start;
    area.end = end;
    this.#refreshGap(area);
    if (area.next !== null) this.#refreshGap(area.next);
  }

  /** To be called after an area's flags changed in a way that concerns its guard. */
  refresh(area: VmArea): void {
    this.#refreshGap(area);
  }

  /**
   * The lowest address from `low` on where `length` bytes are free and end at or below `high`, with the guard below the
   * next area kept free; -1 when there is none. `vm_unmapped_area`. O(log n).
   */
  lowestGap(low: number, high: number, length: number): number {
    let area = this.find(low);
    if (area !== null && area.start > low && area.guardStart - low >= length) {
      return low + length <= high ? low : -1;
    }
    if (area === null) return low + length <= high ? low : -1;
    area = nextWithGap(area, length);
    const start = area === null ? this.last!.end : area.prev!.end;
    return start + length <= high ? start : -1;
  }

  #replace(node: VmArea, by: VmArea | null): void {
    const parent = node.parent;
    if (parent === null) this.root = by;
    else if (parent.left === node) parent.left = by;
    else parent.right = by;
    if (by !== null) by.parent = parent;
  }

  #refreshGap(area: VmArea): void {
    const before = area.gap;
    setGap(area);
    if (area.gap === before) return;
    for (let node: VmArea | null = area; node !== null; node = node.parent) {
      const maxGap = node.maxGap;
      update(node);
      if (node.maxGap === maxGap) return;
    }
  }

  #rebalance(from: VmArea): void {
    for (let node: VmArea | null = from; node !== null; node = node.parent) {
      update(node);
      const balance = heightOf(node.left) - heightOf(node.right);
      if (balance > 1) {
        const left: VmArea = node.left!;
        if (heightOf(left.left) < heightOf(left.right)) this.#rotateLeft(left);
        node = this.#rotateRight(node);
      } else if (balance < -1) {
        const right: VmArea = node.right!;
        if (heightOf(right.right) < heightOf(right.left)) this.#rotateRight(right);
        node = this.#rotateLeft(node);
      }
    }
  }

  #rotateLeft(node: VmArea): VmArea {
    const top = node.right!;
    this.#replace(node, top);
    node.right = top.left;
    if (node.right !== null) node.right.parent = node;
    top.left = node;
    node.parent = top;
    update(node);
    update(top);
    return top;
  }

  #rotateRight(node: VmArea): VmArea {
    const top = node.left!;
    this.#replace(node, top);
    node.left = top.right;
    if (node.left !== null) node.left.parent = node;
    top.right = node;
    node.parent = top;
    update(node);
    update(top);
    return top;
  }

  /** Verifies every invariant; the faults as words, none when sound. O(n). For tests. */
  check(): string[] {
    const faults: string[] = [];
    let count = 0;
    let end = 0;
    let previous: VmArea | null = null;
    for (const area of this) {
      count += 1;
      const at = area.start.toString(16);
      if (area.start >= area.end) faults.push(`${at}: empty area`);
      if (area.start < end) faults.push(`${at}: overlaps its predecessor`);
      if (area.prev !== previous) faults.push(`${at}: prev is not its predecessor`);
      if (Math.abs(heightOf(area.left) - heightOf(area.right)) > 1) faults.push(`${at}: out of balance`);
      if (area.gap !== Math.max(0, area.guardStart - end)) faults.push(`${at}: stale gap`);
      if (area.maxGap !== Math.max(area.gap, area.left?.maxGap ?? 0, area.right?.maxGap ?? 0)) {
        faults.push(`${at}: stale greatest gap`);
      }
      for (const child of [area.left, area.right]) {
        if (child !== null && child.parent !== area) faults.push(`${at}: child with another parent`);
      }
      end = area.end;
      previous = area;
    }
    if (count !== this.size) faults.push(`${count} areas, not ${this.size}`);
    if (this.last !== previous) faults.push("last is not the last area");
    return faults;
  }
}

const heightOf = (node: VmArea | null): number => (node === null ? 0 : node.height);

const setGap = (area: VmArea): void => {
  area.gap = Math.max(0, area.guardStart - (area.prev === null ? 0 : area.prev.end));
};

/** Recomputes what a node knows of its subtree. */
const update = (node: VmArea): void => {
  const { left, right } = node;
  let height = 0;
  let maxGap = node.gap;
  if (left !== null) {
    height = left.height;
    if (left.maxGap > maxGap) maxGap = left.maxGap;
  }
  if (right !== null) {
    if (right.height > height) height = right.height;
    if (right.maxGap > maxGap) maxGap = right.maxGap;
  }
  node.height = height + 1;
  node.maxGap = maxGap;
};

/** The first area behind `area` with at least `length` free bytes before it. */
const nextWithGap = (area: VmArea, length: number): VmArea | null => {
  let node = area;
  for (;;) {
    if (node.right !== null && node.right.maxGap >= length) {
      node = node.right;
      for (;;) {
        if (node.left !== null && node.left.maxGap >= length) node = node.left;
        else if (node.gap >= length) return node;
        else node = node.right!;
      }
    }
    let parent = node.parent;
    while (parent !== null && parent.right === node) {
      node = parent;
      parent = node.parent;
    }
    if (parent === null) return null;
    node = parent;
    if (node.gap >= length) return node;
  }
};
