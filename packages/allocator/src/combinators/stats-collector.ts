import { type Address, NULL } from "../address.ts";
import { Forwarder } from "./forwarder.ts";

/**
 * Counts what is asked of an allocator. D's `StatsCollector`.
 *
 * Sizes are those asked for; each live block costs an entry in a Map. A reallocation counts as one operation, not as
 * an allocation and a deallocation.
 *
 * @example
 * ```ts
 * const stats = new StatsCollector(allocator);
 * stats.deallocate(stats.allocate(100));
 * stats.allocations; // 1
 * stats.peakBytes; // 100
 * ```
 */
export class StatsCollector extends Forwarder {
  /** Blocks handed out by `allocate`, `allocateAligned`, `allocateZeroed` and `reallocate` of `NULL`. */
  allocations = 0;
  /** Blocks given back. */
  deallocations = 0;
  /** Live blocks that `reallocate` served. */
  reallocations = 0;
  /** Reallocations that moved the block. */
  moves = 0;
  /** Blocks that `expand` changed in place. */
  expansions = 0;
  /** Requests that were answered with `NULL`. */
  failures = 0;
  /** Bytes asked for by all allocations, reallocations and expansions together. */
  requestedBytes = 0;
  /** Bytes asked for of the blocks that are live now. */
  liveBytes = 0;
  /** The most that `liveBytes` has been. */
  peakBytes = 0;
  readonly #sizes = new Map<Address, number>();

  /** Live blocks now. */
  get liveBlocks(): number {
    return this.#sizes.size;
  }

  override allocate(size: number): Address {
    return this.#taken(this.target.allocate(size), size);
  }
  override allocateAligned?(alignment: number, size: number): Address {
    return this.#taken(this.target.allocateAligned(alignment, size), size);
  }
  override allocateZeroed?(size: number): Address {
    return this.#taken(this.target.allocateZeroed(size), size);
  }
  override deallocate(address: Address): void {
    this.target.deallocate(address);
    this.#given(address);
  }
  override deallocateSized?(address: Address, size: number): void {
    this.target.deallocateSized(address, size);
    this.#given(address);
  }
  override reallocate?(address: Address, size: number): Address {
    const moved = this.target.reallocate(address, size);
    if (address === NULL) return this.#taken(moved, size);
    if (moved === NULL) {
      this.failures++;
      return NULL;
    }
    this.reallocations++;
    if (moved !== address) this.moves++;
    this.#resized(address, moved, size);
    return moved;
  }
  override expand?(address: Address, size: number): boolean {
    const done = this.target.expand(address, size);
    if (done) {
      this.expansions++;
      this.#resized(address, address, size);
    }
    return done;
  }
  override deallocateAll?(): void {
    this.target.deallocateAll();
    this.deallocations += this.#sizes.size;
    this.#sizes.clear();
    this.liveBytes = 0;
  }

  #taken(address: Address, size: number): Address {
    if (address === NULL) {
      this.failures++;
      return NULL;
    }
    this.allocations++;
    this.#sizes.set(address, size);
    this.#grown(size, size);
    return address;
  }
  #given(address: Address): void {
    if (address === NULL) return;
    this.deallocations++;
    this.liveBytes -= this.#sizes.get(address) ?? 0;
    this.#sizes.delete(address);
  }
  #resized(from: Address, to: Address, size: number): void {
    const old = this.#sizes.get(from) ?? 0;
    this.#sizes.delete(from);
    this.#sizes.set(to, size);
    this.#grown(size, size - old);
  }
  #grown(requested: number, live: number): void {
    this.requestedBytes += requested;
    this.liveBytes += live;
    if (this.liveBytes > this.peakBytes) this.peakBytes = this.liveBytes;
  }
}
