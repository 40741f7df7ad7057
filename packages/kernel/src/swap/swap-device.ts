import { PAGE_SIZE } from "../abi/page.ts";
import { type BackingStore, MemoryStore } from "../page-cache/backing-store.ts";

/**
 * A swap area: numbered page slots on a backing store. Slot 0 is never used (it holds the signature on a real one).
 *
 * Must always hold: `references` of a slot is the number of page-table entries, and of shared memory objects, that say
 * the page is there; a cached page has the very contents of its slot unless it is marked dirty.
 */
export class SwapDevice {
  readonly #store: BackingStore;
  readonly #references: Int32Array;
  #free: number[] = [];
  #fresh = 1;
  readonly #cache = new Map<number, number>();
  readonly #slotOf = new Map<number, number>();
  /** Slots in use. */
  used = 0;

  /**
   * @param slots Pages that fit, at most 2^20.
   * @param store Where they go; in memory when left out.
   */
  constructor(slots: number, store: BackingStore = new MemoryStore()) {
    this.#store = store;
    this.#references = new Int32Array(slots + 1);
  }

  /** Pages that fit. */
  get slots(): number {
    return this.#references.length - 1;
  }

  /** Takes a free slot with no reference yet; 0 when all are in use. */
  take(): number {
    const slot = this.#free.pop() ?? (this.#fresh <= this.slots ? this.#fresh++ : 0);
    if (slot !== 0) this.used += 1;
    return slot;
  }

  /** References to a slot. */
  references(slot: number): number {
    return this.#references[slot]!;
  }

  /** Adds a reference. */
  hold(slot: number): void {
    this.#references[slot]! += 1;
  }

  /** Takes a reference away. */
  drop(slot: number): void {
    this.#references[slot]! -= 1;
    this.releaseIfUnused(slot);
  }

  /** The frame that holds a slot's page at this moment (the swap cache); 0 when it is not in memory. */
  cached(slot: number): number {
    return this.#cache.get(slot) ?? 0;
  }

  /** The slot that holds a copy of the frame's page; 0 when none does. */
  slotOf(frame: number): number {
    return this.#slotOf.get(frame) ?? 0;
  }

  /** Notes that a frame and a slot hold the same page. */
  link(slot: number, frame: number): void {
    this.#cache.set(slot, frame);
    this.#slotOf.set(frame, slot);
  }

  /** Forgets that a frame's page is also in swap; the slot goes if nobody else refers to it. */
  unlink(frame: number): void {
    const slot = this.#slotOf.get(frame);
    if (slot === undefined) return;
    this.#slotOf.delete(frame);
    this.#cache.delete(slot);
    this.releaseIfUnused(slot);
  }

  /** Frees a slot that nobody refers to and that no page in memory is a copy of. */
  releaseIfUnused(slot: number): void {
    if (this.#references[slot] !== 0 || this.#cache.has(slot)) return;
    this.#store.discardPages(slot, slot + 1);
    this.#free.push(slot);
    this.used -= 1;
  }

  /** Reads a slot's page. */
  read(slot: number, target: Uint8Array): void {
    this.#store.readPage(slot, target);
  }

  /** Writes a slot's page. */
  write(slot: number, source: Uint8Array): void {
    this.#store.writePage(slot, source.subarray(0, PAGE_SIZE));
  }
}
