/*
 * Random traces that go where malloc decides: sizes around every threshold, bursts that fill and empty lists, heaps that grow,
 * are trimmed, run out; threads beyond the arenas, and blocks freed by others than those who asked for them.
 */
import { Random } from "./random.ts";
import type { Step } from "./script.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Sizes at which malloc's behaviour changes, on one ABI or the other. */
const THRESHOLDS: readonly number[] = [
  // Smallest chunk, fast bins, the largest fast size that mallopt allows.
  0,
  12,
  24,
  60,
  64,
  120,
  128,
  160,
  // The last tcache bins and the first large bin.
  496,
  504,
  512,
  996,
  1000,
  1008,
  1020,
  1024,
  1032,
  1040,
  1048,
  // Where the spacing of large bins changes.
  2560,
  3008,
  3072,
  10752,
  11264,
  36864,
  45056,
  163840,
  655360,
  // Consolidation, the first mmap threshold, top_pad; growing heaps.
  64 * KIB,
  128 * KIB,
  132 * KIB,
  135168,
  256 * KIB,
  // The greatest sliding threshold and the heap size on i386.
  512 * KIB,
  MIB,
];
/** And those that only mappings and x86-64's heaps meet. */
const LARGE: readonly number[] = [2 * MIB, 4 * MIB, 16 * MIB, 32 * MIB, 64 * MIB];

/** Blocks live at once: more does not find more, and keeps a run short. */
const MAX_LIVE_BYTES = 400 * MIB;

type SizeOf = (random: Random) => number;

const near = (random: Random, size: number): number =>
  Math.max(0, size + (random.chance(70) ? random.between(-40, 24) : random.between(-5000, 5000)));

const tiny: SizeOf = (random) => random.between(0, 160);
const cached: SizeOf = (random) => random.between(0, 1060);
const large: SizeOf = (random) => random.between(1000, 20_000);
const wide: SizeOf = (random) => random.scaled(8, 300 * KIB);
const edges: SizeOf = (random) => near(random, random.pick(THRESHOLDS));
const mapped: SizeOf = (random) => random.scaled(100 * KIB, 3 * MIB);
const huge: SizeOf = (random) => near(random, random.pick(LARGE));
const sameFew: SizeOf = (random) => random.pick([24, 40, 104, 200, 1100, 5000]);
const growing: SizeOf = (random) => random.between(20_000, 127_000);

const MIXES: readonly (readonly [SizeOf, number])[][] = [
  [[tiny, 100]],
  [
    [cached, 90],
    [large, 10],
  ],
  [
    [tiny, 50],
    [edges, 50],
  ],
  [[edges, 100]],
  [
    [large, 70],
    [cached, 30],
  ],
  [
    [wide, 80],
    [tiny, 20],
  ],
  [
    [wide, 60],
    [mapped, 30],
    [huge, 10],
  ],
  [
    [sameFew, 80],
    [edges, 20],
  ],
  [
    [growing, 60],
    [cached, 40],
  ],
  [
    [edges, 60],
    [mapped, 30],
    [huge, 10],
  ],
];

class Generator {
  readonly steps: Step[] = [];
  readonly #random: Random;
  readonly #live: { block: number; size: number }[] = [];
  readonly #threads: number;
  #thread = 0;
  #blocks = 0;
  #bytes = 0;
  #sizes = MIXES[0]!;

  constructor(random: Random) {
    this.#random = random;
    const few = random.below(10);
    this.#threads = few < 5 ? 1 : few < 9 ? random.between(2, 8) : random.between(9, 20);
  }

  generate(): Step[] {
    const random = this.#random;
    const phases = random.between(1, 8);
    const length = random.scaled(20, 1500);
    for (let phase = 0; phase < phases; phase++) {
      this.#sizes = random.pick(MIXES);
      const kind = random.below(10);
      if (kind < 5) this.#churn(length, random.between(35, 65));
      else if (kind < 7) this.#bursts(length);
      else if (kind < 8) this.#reallocations(length);
      else if (kind < 9) this.#churn(length, 85);
      else this.#churn(length, 10);
      if (random.chance(30)) this.#freeAll();
    }
    return this.steps;
  }

  /** Single ops, of which so many in a hundred allocate. */
  #churn(length: number, allocations: number): void {
    const random = this.#random;
    for (let step = 0; step < length; step++) {
      this.#maybeSwitch(12);
      if (random.chance(allocations) || this.#live.length === 0) this.#allocate(this.#size());
      else if (random.chance(15)) this.#reallocate();
      else this.#free(this.#victim());
    }
  }

  /** Many of one size, then freed in order, backwards, or every other one. */
  #bursts(length: number): void {
    const random = this.#random;
    for (let done = 0; done < length; ) {
      const count = random.between(2, 40);
      const size = this.#size();
      const first = this.#live.length;
      for (let i = 0; i < count; i++) {
        this.#allocate(random.chance(90) ? size : this.#size());
        this.#maybeSwitch(2);
      }
      this.#maybeSwitch(30);
      const order = random.below(4);
      if (order === 0) for (let at = this.#live.length - 1; at >= first; at--) this.#free(at);
      else if (order === 1) while (this.#live.length > first) this.#free(first);
      else if (order === 2)
        for (let at = this.#live.length - 1; at >= first; at -= 2) {
          this.#free(at);
          this.#maybeSwitch(5);
        }
      done += 2 * count;
    }
  }

  /** A few blocks that grow and shrink. */
  #reallocations(length: number): void {
    for (let step = 0; step < length; step++) {
      this.#maybeSwitch(5);
      if (this.#live.length < 3 || this.#random.chance(10)) this.#allocate(this.#size());
      else if (this.#random.chance(8)) this.#free(this.#victim());
      else this.#reallocate();
    }
  }

  #freeAll(): void {
    const backwards = this.#random.chance(50);
    const keep = this.#random.chance(50) ? 0 : 3;
    while (this.#live.length > keep) {
      this.#maybeSwitch(3);
      this.#free(backwards ? this.#live.length - 1 : 0);
    }
  }

  #maybeSwitch(percent: number): void {
    if (this.#threads > 1 && this.#random.chance(percent)) this.#thread = this.#random.below(this.#threads);
  }

  #size(): number {
    let share = this.#random.below(100);
    for (const [size, percent] of this.#sizes) {
      share -= percent;
      if (share < 0) return size(this.#random);
    }
    return tiny(this.#random);
  }

  #victim(): number {
    const random = this.#random;
    const count = this.#live.length;
    const kind = random.below(4);
    if (kind === 0) return count - 1;
    if (kind === 1) return Math.max(0, count - 1 - random.below(8));
    return random.below(count);
  }

  #allocate(size: number): void {
    if (this.#bytes + size > MAX_LIVE_BYTES) return;
    const random = this.#random;
    const block = this.#blocks++;
    this.#live.push({ block, size });
    this.#bytes += size;
    const kind = random.below(20);
    if (kind < 3) {
      const count = random.pick([1, 1, 2, 3, 16]);
      this.#step("c", block, Math.floor(size / count), count);
    } else if (kind < 5) {
      const most = random.chance(90) ? 13 : 22;
      this.#step("m", block, size, 2 ** random.between(0, most));
    } else this.#step("a", block, size, 0);
  }

  #reallocate(): void {
    const random = this.#random;
    const entry = this.#live[this.#victim()]!;
    const old = entry.size;
    const kind = random.below(7);
    let size = this.#size();
    if (kind === 0) size = old + random.between(1, 64);
    else if (kind === 1) size = old - random.between(1, 64);
    else if (kind === 2) size = old * 2;
    else if (kind === 3) size = Math.floor(old / 2);
    else if (kind === 4) size = old + Math.floor(old / 8) + 16;
    size = Math.max(1, size);
    if (this.#bytes + size - old > MAX_LIVE_BYTES) return;
    this.#bytes += size - old;
    entry.size = size;
    this.#step("r", entry.block, size, 0);
  }

  #free(at: number): void {
    const [entry] = this.#live.splice(at, 1);
    this.#bytes -= entry!.size;
    this.#step("f", entry!.block, 0, 0);
  }

  #step(kind: Step["kind"], block: number, size: number, extra: number): void {
    this.steps.push({ kind, thread: this.#thread, block, size, extra });
  }
}

/** The random trace of a seed. */
export const randomSteps = (seed: number): Step[] => new Generator(new Random(seed)).generate();
