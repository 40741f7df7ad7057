import { LinearMemory } from "@heapwright/heap-memory";
import { Errno } from "../abi/errno.ts";
import { PAGE_SIZE } from "../abi/page.ts";
import type { Pager } from "../mm/pager.ts";
import type { AddressWindow } from "../process/window.ts";
import type { VmArea } from "../vma/area.ts";
import { Vm } from "../vma/flags.ts";

/**
 * Pages that are simply there: one linear memory for the whole window, zeroed where areas go. No page tables, no
 * faults, no protection: the fastest memory under an exact address space, for replaying placements.
 *
 * What was never writable is known to be zero still and is not touched when it goes.
 */
export class FlatPager implements Pager {
  /** The memory, by window addresses. Committed by the host as it is touched. */
  readonly memory: LinearMemory = LinearMemory.fixed(2 ** 32);
  readonly #window: AddressWindow;

  constructor(window: AddressWindow) {
    this.#window = window;
  }

  unmap(area: VmArea, start: number, end: number): void {
    if ((area.flags & (Vm.ACCOUNT | Vm.WRITE)) === 0) return;
    const from = this.#window.fromReal(start);
    if (from >= 0) this.#clear(from, from + end - start);
  }
  /**
   * Zeroes the pages that are not zero. Most of a large mapping was never touched: a load finds that out without making
   * the host commit memory, as a store would.
   */
  #clear(from: number, to: number): void {
    const { words } = this.memory;
    for (let page = from; page < to; page += PAGE_SIZE) {
      const first = page / 4;
      const last = first + PAGE_SIZE / 4;
      let at = first;
      while (at < last && words[at] === 0) at++;
      if (at < last) words.fill(0, at, last);
    }
  }
  discard(area: VmArea, start: number, end: number): void {
    this.unmap(area, start, end);
  }
  move(_area: VmArea, from: number, to: number, length: number): boolean {
    const source = this.#window.fromReal(from);
    const target = this.#window.fromReal(to);
    if (source >= 0 && target >= 0) this.memory.copy(target, source, length);
    return true;
  }
  touch(_area: VmArea, start: number, end: number): number {
    return end - start;
  }
  installGuards(area: VmArea, start: number, end: number): boolean {
    this.unmap(area, start, end);
    return true;
  }
  inCore(): boolean {
    return true;
  }
  punchHole(): number {
    return -Errno.EOPNOTSUPP;
  }
  sync(): number {
    return 0;
  }
  freeTables(): void {}
  lazyFree(): void {}
  deactivate(): void {}
  pageOut(): void {}
  protect(): void {}
  removeGuards(): void {}
  unreferenced(): void {}
}
