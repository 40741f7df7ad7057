import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { expectSize } from "../arguments.ts";
import { InvalidArgumentError } from "../errors.ts";
import { Composite } from "./composite.ts";
import type { FullAllocator } from "./forwarder.ts";

/**
 * One allocator for each range of sizes, all ranges equally wide. D's `Bucketizer`.
 *
 * Bucket `i` serves sizes from `i * step + 1` to `(i + 1) * step` (bucket 0 also size 0). A larger size than the last
 * bucket's is exhaustion: put a `Segregator` or a `Fallback` around it.
 *
 * @example
 * ```ts
 * // Sizes of up to 64 bytes from one heap, of up to 128 from another, both in one memory.
 * const memory = LinearMemory.fixed(65536);
 * const low = new FirstFit(LinearPages.create(memory, 0, 32768));
 * const high = new FirstFit(LinearPages.create(memory, 32768));
 * const buckets = new Bucketizer(64, [low, high]);
 * low.owns(buckets.allocate(64)); // true
 * high.owns(buckets.allocate(65)); // true
 * buckets.allocate(129); // 0
 * ```
 */
export class Bucketizer extends Composite {
  /** Bytes between one bucket's largest size and the next one's. */
  readonly step: number;
  /** The largest size in bytes that is served. */
  readonly maximum: number;

  /**
   * @param step Bytes: an integer from 1 on.
   * @param buckets The allocators by ascending size; all but the last know what they own.
   * @throws InvalidArgumentError when they do not, or do not share a memory.
   */
  constructor(step: number, buckets: readonly Allocator[]) {
    if (!Number.isSafeInteger(step) || step < 1)
      throw new InvalidArgumentError("step", step, "an integer from 1 on");
    super(buckets);
    this.step = step;
    this.maximum = step * buckets.length;
  }

  override allocate(size: number): Address {
    const bucket = this.#bucketOf(size);
    return bucket === undefined ? NULL : bucket.allocate(size);
  }
  override allocateAligned?(alignment: number, size: number): Address {
    // The first bucket judges the alignment when the size has no bucket.
    const bucket = this.#bucketOf(size);
    if (bucket !== undefined) return bucket.allocateAligned(alignment, size);
    return this.children[0]!.allocateAligned(alignment, Number.MAX_SAFE_INTEGER);
  }
  override allocateZeroed?(size: number): Address {
    const bucket = this.#bucketOf(size);
    return bucket === undefined ? NULL : bucket.allocateZeroed(size);
  }
  /** Never more than its bucket's largest size; a size of no bucket is its own good size. */
  override goodSize?(size: number): number {
    const bucket = this.#bucketOf(size);
    if (bucket === undefined) return size;
    const top = (Math.floor(Math.max(size - 1, 0) / this.step) + 1) * this.step;
    return Math.min(bucket.goodSize(size), top);
  }
  override reallocate?(address: Address, size: number): Address {
    if (address === NULL) return this.allocate(size);
    const bucket = this.#bucketOf(size);
    if (bucket !== undefined) return this.reallocateBySize(bucket, address, size);
    // The owner judges the address even of a size that has no bucket.
    return this.ownerOf(address).reallocate(address, Number.MAX_SAFE_INTEGER);
  }
  protected override allocateElsewhere(_from: FullAllocator, size: number): Address {
    return this.allocate(size);
  }

  #bucketOf(size: number): FullAllocator | undefined {
    if (size <= this.step && size >= 0 && Number.isInteger(size)) return this.children[0]!;
    expectSize(size);
    return size > this.maximum ? undefined : this.children[Math.floor((size - 1) / this.step)]!;
  }
}
