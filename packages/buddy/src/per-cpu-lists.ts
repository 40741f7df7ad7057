import { type Address, HeapCorruptionError } from "@heapwright/allocator";
import type { FreeAreas } from "./free-areas.ts";
import { ASKED_TYPES, CACHED_ORDERS, Header, Kind, NO_FRAME, TYPES } from "./layout.ts";

/** Bytes that the lists of one CPU take in the metadata. */
export const LISTS_BYTES: number = CACHED_ORDERS * ASKED_TYPES * 8;

/**
 * Small stacks of free runs of the low orders, one set for each CPU, in front of the free areas. An allocation that
 * finds one there is a pop, a free is a push; the free areas are visited for a batch at a time. Linux's
 * `per_cpu_pages`.
 *
 * What always holds: each run on a list has the state CACHED and the list's order; a list never keeps more frames than
 * the high mark, or one batch when that is more. Runs on a list are not free for merging: {@link PerCpuLists.drain}
 * makes them so.
 */
export class PerCpuLists {
  readonly #areas: FreeAreas;
  readonly #base: Address;
  readonly #batch: number;
  readonly #high: number;

  constructor(areas: FreeAreas) {
    this.#areas = areas;
    this.#base = areas.at + Header.AREAS + (areas.maxOrder + 1) * TYPES * 8;
    this.#batch = areas.meta.load32(areas.at + Header.BATCH);
    this.#high = areas.meta.load32(areas.at + Header.HIGH);
  }

  #list(cpu: number, order: number, type: number): Address {
    return this.#base + cpu * LISTS_BYTES + (order * ASKED_TYPES + type) * 8;
  }

  /**
   * Takes a run of an order below CACHED_ORDERS; its state is left to the caller.
   *
   * Cost when the list is not empty: three loads and two stores.
   *
   * @returns the first frame, or -1 when both list and areas are empty.
   */
  pop(cpu: number, order: number, type: number): number {
    const { meta, links } = this.#areas;
    const list = this.#list(cpu, order, type);
    let head = meta.load32(list);
    if (head === NO_FRAME) {
      this.#refill(list, order, type);
      head = meta.load32(list);
      if (head === NO_FRAME) return -1;
    }
    // The link stands where the last owner of the run could still write: what it names must be a cached run.
    if (!this.#areas.has(head) || this.#areas.state(head) !== (Kind.CACHED | order)) {
      throw new HeapCorruptionError(list, `per-CPU list of order ${order}: frame ${head} is no cached run`);
    }
    meta.store32(list, links.load32(this.#areas.link(head)));
    meta.store32(list + 4, meta.load32(list + 4) - 1);
    return head;
  }

  /** Puts a run of an order below CACHED_ORDERS on its list. */
  push(cpu: number, frame: number, order: number): void {
    const areas = this.#areas;
    const type = areas.typeOf(frame);
    if (type >= ASKED_TYPES) {
      areas.give(frame, order);
      return;
    }
    const list = this.#list(cpu, order, type);
    this.#put(list, frame, order);
    if (areas.meta.load32(list + 4) << order > this.#high) this.#drain(list, order, this.#batch);
  }

  #put(list: Address, frame: number, order: number): void {
    const { meta, links } = this.#areas;
    links.store32(this.#areas.link(frame), meta.load32(list));
    meta.store32(list, frame);
    meta.store32(list + 4, meta.load32(list + 4) + 1);
    this.#areas.setState(frame, Kind.CACHED | order);
  }

  #refill(list: Address, order: number, type: number): void {
    const wanted = Math.max(this.#batch >>> order, 1);
    const taken: number[] = [];
    for (let i = 0; i < wanted; i++) {
      const frame = this.#areas.take(order, type);
      if (frame < 0) break;
      taken.push(frame);
    }
    // Pushed in reverse, so that they are handed out in the order in which the areas gave them.
    for (let i = taken.length - 1; i >= 0; i--) this.#put(list, taken[i]!, order);
  }

  /** Gives up to `frames` frames of a list back to the areas, at least one run. */
  #drain(list: Address, order: number, frames: number): void {
    const { meta, links } = this.#areas;
    for (let left = frames; left > 0; left -= 2 ** order) {
      const head = meta.load32(list);
      if (head === NO_FRAME) return;
      if (!this.#areas.has(head) || this.#areas.state(head) !== (Kind.CACHED | order)) {
        throw new HeapCorruptionError(list, `per-CPU list of order ${order}: frame ${head} is no cached run`);
      }
      meta.store32(list, links.load32(this.#areas.link(head)));
      meta.store32(list + 4, meta.load32(list + 4) - 1);
      this.#areas.give(head, order);
    }
  }

  /** Gives all runs of a CPU's lists back to the areas. Linux's `drain_pages`. */
  drain(cpu: number): void {
    for (let order = 0; order < CACHED_ORDERS; order++) {
      for (let type = 0; type < ASKED_TYPES; type++) {
        this.#drain(this.#list(cpu, order, type), order, Number.POSITIVE_INFINITY);
      }
    }
  }

  /** Number of runs on one list. */
  count(cpu: number, order: number, type: number): number {
    return this.#areas.meta.load32(this.#list(cpu, order, type) + 4);
  }

  /** The runs of one list, next to be handed out first. */
  *runs(cpu: number, order: number, type: number): Generator<number> {
    const { meta, links } = this.#areas;
    let frame = meta.load32(this.#list(cpu, order, type));
    // A spoilt link could lead in a circle; the count bounds the walk.
    for (let left = this.count(cpu, order, type); left > 0 && frame !== NO_FRAME; left--) {
      yield frame;
      if (!this.#areas.has(frame)) return;
      frame = links.load32(this.#areas.link(frame));
    }
  }
}
