import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { hasUsableSize } from "../capabilities.ts";
import { InvalidArgumentError } from "../errors.ts";
import type { BlockInfo, HeapStats } from "../stats.ts";
import { Forwarder } from "./forwarder.ts";

/**
 * The base of combinators that keep blocks which their user has given back: for the parent these are live, for the
 * user they are not. `walk` shows them as cached, `stats` counts them as free, `resolve` does not find them.
 *
 * When the parent is exhausted, what is held goes back to it and the request is tried again.
 */
export abstract class Holder extends Forwarder {
  /** @throws InvalidArgumentError when the parent does not know its blocks' sizes. */
  constructor(parent: Allocator) {
    if (!hasUsableSize(parent))
      throw new InvalidArgumentError("parent", parent, "an allocator with usableSize");
    super(parent);
  }

  /** The blocks that are held. O(blocks held). */
  protected abstract held(): ReadonlySet<Address>;
  /** Gives all that is held back to the parent. Returns whether there was anything. */
  abstract flush(): boolean;
  /** Forgets what is held, when the parent has forgotten it. */
  protected abstract forget(): void;

  override allocateAligned?(alignment: number, size: number): Address {
    const address = this.target.allocateAligned(alignment, size);
    return address === NULL && this.flush() ? this.target.allocateAligned(alignment, size) : address;
  }
  override allocateZeroed?(size: number): Address {
    const address = this.target.allocateZeroed(size);
    return address === NULL && this.flush() ? this.target.allocateZeroed(size) : address;
  }
  override resolve?(address: Address): Address {
    const block = this.target.resolve(address);
    return block !== NULL && this.held().has(block) ? NULL : block;
  }
  override deallocateAll?(): void {
    this.forget();
    this.target.deallocateAll();
  }
  override trim?(keep: number): number {
    this.flush();
    return this.target.trim(keep);
  }
  override walk?(): Iterable<BlockInfo> {
    return showHeld(this.target.walk(), this.held(), this.constructor.name);
  }
  override stats?(): HeapStats {
    const stats = this.target.stats();
    const held = this.held();
    if (held.size === 0) return stats;
    let bytes = 0;
    let largest = 0;
    for (const { size, state, payload } of this.target.walk()) {
      if (state !== "live" || !held.has(payload!)) continue;
      bytes += size;
      largest = Math.max(largest, size);
    }
    return {
      heapBytes: stats.heapBytes,
      allocatedBytes: stats.allocatedBytes - bytes,
      freeBytes: stats.freeBytes + bytes,
      liveBlocks: stats.liveBlocks - held.size,
      freeBlocks: stats.freeBlocks + held.size,
      largestFreeBytes: Math.max(stats.largestFreeBytes, largest),
    };
  }
}

function* showHeld(
  walk: Iterable<BlockInfo>,
  held: ReadonlySet<Address>,
  bin: string,
): Generator<BlockInfo, void, undefined> {
  for (const block of walk) {
    const isHeld = block.state === "live" && held.has(block.payload!);
    yield isHeld ? { ...block, state: "cached", bin } : block;
  }
}
