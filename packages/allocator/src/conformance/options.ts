import type { Allocator } from "../allocator.ts";

/** One test of the suite, for any runner: `for (const c of conformanceCases(...)) test(c.name, c.run)`. */
export interface ConformanceCase {
  /** What must hold, as a sentence. */
  readonly name: string;
  /** Throws, or rejects, when it does not hold. */
  run(): void | Promise<void>;
}

/** Makes a fresh allocator over a fresh memory. Called many times: keep the memory small (64 KiB to 1 MiB). */
export type AllocatorFactory = () => Allocator;

/** What the suite cannot find out by itself. Every field has a default that suits a general-purpose allocator. */
export interface ConformanceOptions {
  /**
   * The largest size, in bytes, that a fresh allocator surely serves. Default 1024. A fixed-size cache says its
   * object's size.
   */
  readonly maxSize?: number;
  /**
   * The payload bytes that can be live at once, at most. Default: the memory's `maxByteLength`. The exhaustion cases
   * fail when more than that was handed out.
   */
  readonly capacity?: number;
  /**
   * False for an allocator that cannot be filled in reasonable time: the cases that fill it are left out. Default:
   * whether `capacity` is at most 16 MiB.
   */
  readonly exhausts?: boolean;
  /**
   * False for an allocator that does not hand freed blocks out again, or not soon (a bump pointer, a quarantine).
   * Default true.
   */
  readonly reuses?: boolean;
  /** True when freeing a block twice in a row is always recognised. Default false: it is not tried. */
  readonly detectsDoubleFree?: boolean;
  /**
   * The strongest alignment, in bytes, that a fresh allocator surely serves when it is an `AlignedAllocator`.
   * Default 256.
   */
  readonly maxAlignment?: number;
  /**
   * Ways to damage the heap's own data (an overrun of the live block at `address`, a broken link). After each,
   * `check()` must find a fault: it shows that a clean `check()` means something. Default none.
   */
  readonly damage?: readonly ((allocator: Allocator, address: number) => void)[];
  /** Random runs. Default 40. */
  readonly runs?: number;
  /** Operations in a random run, at most. Default 100. */
  readonly operations?: number;
  /** Seed of the random runs. Default: another one each time; a failure prints it. */
  readonly seed?: number;
}

/** The options with their defaults filled in. */
export interface Settings extends Required<Omit<ConformanceOptions, "seed">> {
  /** Seed of the random runs, if given. */
  readonly seed: number | undefined;
  /** The factory under test. */
  readonly factory: AllocatorFactory;
}

const FILLABLE = 16 * 2 ** 20;

/** Fills in the defaults. */
export const settle = (
  factory: AllocatorFactory,
  probe: Allocator,
  options: ConformanceOptions,
): Settings => {
  const capacity = options.capacity ?? probe.memory.maxByteLength;
  return {
    factory,
    capacity,
    maxSize: options.maxSize ?? 1024,
    exhausts: options.exhausts ?? capacity <= FILLABLE,
    reuses: options.reuses ?? true,
    detectsDoubleFree: options.detectsDoubleFree ?? false,
    maxAlignment: options.maxAlignment ?? 256,
    damage: options.damage ?? [],
    runs: options.runs ?? 40,
    operations: options.operations ?? 100,
    seed: options.seed,
  };
};
