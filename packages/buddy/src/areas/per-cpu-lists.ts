import type { Address } from "@heapwright/allocator";
import type { FreeAreas } from "./free-areas.ts";
import * as layout from "./layout.ts";

// V8 folds constants of the module itself into its code, but loads an imported one at each use.
const { ASKED_TYPES, CACHED_ORDERS, Header, Kind, TYPES } = layout;

/** log2 of the words of one list, its length and its slots: lists are found by a shift, without a multiplication. */
const listShift = (batch: number, high: number): number => 32 - Math.clz32(Math.max(batch, high));

/** Bytes that the lists of one CPU take in the metadata. */
export const listsBytes = (batch: number, high: number): number =>
  high === 0 ? 0 : (CACHED_ORDERS * ASKED_TYPES) << (listShift(batch, high) + 2);

/**
 * Small stacks of free runs of the low orders, one set for each CPU, in front of the free areas. An allocation that
 * finds one there is a pop, a free is a push; the free areas are visited for a batch at a time. Linux's
 * `per_cpu_pages`.
 *
 * ```
 *   list   length | frame | frame | frame | -    a stack of frames, in the metadata: no stray store reaches it
 *                   coldest         next
 * ```
 *
 * What always holds: each run on a list has the state CACHED and the list's order; a list holds no more frames than the
 * high mark. Runs on a list are not free for merging: {@link PerCpuLists.drain} makes them so.
 */
export class PerCpuLists {
  readonly #areas: FreeAreas;
  /** Where the lists begin. */
  readonly base: Address;
  /** log2 of the words of one list. List by list stand the types, then the orders, then the CPUs. */
  readonly listShift: number;
  readonly #batch: number;
  readonly #high: number;

  constructor(areas: FreeAreas) {
    this.#areas = areas;
    this.base = areas.at + Header.AREAS + (areas.maxOrder + 1) * TYPES * 8;
    this.#batch = areas.meta.load32(areas.at + Header.BATCH);
    this.#high = areas.meta.load32(areas.at + Header.HIGH);
    this.listShift = listShift(this.#batch, this.#high);
  }

  #list(cpu: number, order: number, type: number): Address {
    return this.base + (((cpu * CACHED_ORDERS + order) * ASKED_TYPES + type) << (this.listShift + 2));
  }

  /**
   * Takes a run of an order below CACHED_ORDERS; its state is left to the caller.
   *
   * Cost when the list is not empty: two loads and a store.
   *
   * @returns the first frame, or -1 when both list and areas are empty.
   */
  pop(cpu: number, order: number, type: number): number {
    const { meta } = this.#areas;
    const list = this.#list(cpu, order, type);
    let length = meta.load32(list);
    if (length === 0) {
      length = this.#refill(list, order, type);
      if (length === 0) return -1;
    }
    meta.store32(list, length - 1);
    return meta.load32(list + length * 4);
  }

  /** Puts a run of an order below CACHED_ORDERS on its list. One load and two stores when there is room, and the states. */
  push(cpu: number, frame: number, order: number): void {
    const areas = this.#areas;
    const { meta } = areas;
    const type = areas.typeOf(frame);
    if (type >= ASKED_TYPES) {
      areas.give(frame, order);
      return;
    }
    const list = this.#list(cpu, order, type);
    let length = meta.load32(list);
    if ((length + 1) << order > this.#high && length > 0) {
      this.#drain(list, order, Math.max(this.#batch >>> order, 1));
      length = meta.load32(list);
    }
    areas.setState(frame, Kind.CACHED | order);
    meta.store32(list + length * 4 + 4, frame);
    meta.store32(list, length + 1);
  }

  /** Fills an empty list with a batch. Returns its length. */
  #refill(list: Address, order: number, type: number): number {
    const areas = this.#areas;
    const { meta } = areas;
    const wanted = Math.max(Math.min(this.#batch, this.#high) >>> order, 1);
    let length = 0;
    for (; length < wanted; length++) {
      const frame = areas.take(order, type);
      if (frame < 0) break;
      areas.setState(frame, Kind.CACHED | order);
      meta.store32(list + length * 4 + 4, frame);
    }
    // Turned round, so that they are handed out in the order in which the areas gave them.
    for (let low = list + 4, high = list + length * 4; low < high; low += 4, high -= 4) {
      const frame = meta.load32(low);
      meta.store32(low, meta.load32(high));
      meta.store32(high, frame);
    }
    meta.store32(list, length);
    return length;
  }

  /** Gives the coldest runs of a list back to the areas, at most so many. */
  #drain(list: Address, order: number, runs: number): void {
    const { meta } = this.#areas;
    const length = meta.load32(list);
    const given = Math.min(runs, length);
    for (let i = 1; i <= given; i++) this.#areas.give(meta.load32(list + i * 4), order);
    meta.copy(list + 4, list + given * 4 + 4, (length - given) * 4);
    meta.store32(list, length - given);
  }

  /** Gives all runs of a CPU's lists back to the areas. Linux's `drain_pages`. */
  drain(cpu: number): void {
    if (this.#high === 0) return;
    for (let order = 0; order < CACHED_ORDERS; order++) {
      for (let type = 0; type < ASKED_TYPES; type++) {
        this.#drain(this.#list(cpu, order, type), order, Number.POSITIVE_INFINITY);
      }
    }
  }

  /** Number of runs on one list. */
  count(cpu: number, order: number, type: number): number {
    return this.#high === 0 ? 0 : this.#areas.meta.load32(this.#list(cpu, order, type));
  }

  /** The runs of one list, next to be handed out first. */
  *runs(cpu: number, order: number, type: number): Generator<number> {
    const list = this.#list(cpu, order, type);
    for (let i = this.count(cpu, order, type); i > 0; i--) yield this.#areas.meta.load32(list + i * 4);
  }
}
