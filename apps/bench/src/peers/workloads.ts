/*
 * The synthetic workloads, each from a fixed seed, so that every run and machine replays the same operations.
 *
 *   W1   small churn: 2 M operations on random slots, mean 71 bytes, about 2,048 blocks live
 *   W2   mixed: 1 M operations, sizes log-uniform from 16 bytes to 64 KiB, about 5,000 blocks live, 40 MB
 *   W3F  bursts: 10,000 blocks of 16 to 256 bytes, freed first to last, 100 times
 *   W3L  the same, freed last to first
 *   W4   one block of 64 bytes, freed at once, a million times
 *   L1k, L10k, L100k, L1M   W1's sizes with so many blocks live: replacing random ones is what is timed
 */
import type { OpStream } from "./op-stream.ts";

const ALLOCATE = 0;
const FREE = 4;

/** Names of the workloads that the table shows, in its order. */
export const workloadNames: readonly string[] = ["W1", "W2", "W3F", "W3L", "W4"];
/** Numbers of live blocks of the chart "cost against live blocks", by the workload's name. */
export const liveCounts: ReadonlyMap<string, number> = new Map([
  ["L1k", 1_000],
  ["L10k", 10_000],
  ["L100k", 100_000],
  ["L1M", 1_000_000],
]);

/** Numbers from 0 to 1, exclusive: xorshift32. */
const randomNumbers = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
};

/** Collects operations and the peak of what is live. */
class StreamBuilder {
  readonly #ops: Int32Array;
  readonly #sizes: Uint32Array;
  #at = 0;
  #live = 0;
  #peak = 0;
  timedFrom = 0;

  constructor(operations: number, slots: number) {
    this.#ops = new Int32Array(operations * 2);
    this.#sizes = new Uint32Array(slots);
  }

  isLive(slot: number): boolean {
    return this.#sizes[slot] !== 0;
  }

  allocate(slot: number, size: number): void {
    this.#ops[this.#at++] = slot | (ALLOCATE << 24);
    this.#ops[this.#at++] = size;
    this.#sizes[slot] = size;
    this.#live += size;
    this.#peak = Math.max(this.#peak, this.#live);
  }

  free(slot: number): void {
    this.#ops[this.#at++] = slot | (FREE << 24);
    this.#ops[this.#at++] = 0;
    this.#live -= this.#sizes[slot]!;
    this.#sizes[slot] = 0;
  }

  mark(): void {
    this.timedFrom = this.#at / 2;
  }

  build(): OpStream {
    return {
      ops: this.#ops.subarray(0, this.#at),
      slotCount: this.#sizes.length,
      timedFrom: this.timedFrom,
      peakLiveBytes: this.#peak,
    };
  }
}

/** Exponential, mean about 71 bytes: most blocks are small, as in real programs. */
const smallSize = (random: () => number): number =>
  Math.min(1024, 1 + Math.floor(-Math.log(random()) * 70.5));
const mixedSize = (random: () => number): number => Math.floor(16 * 4096 ** random());

/** Takes a slot at random: frees its block if it holds one, else allocates. On average half of the slots are live. */
const churn = (operations: number, slots: number, size: (random: () => number) => number): OpStream => {
  const random = randomNumbers(0x9e3779b9);
  const builder = new StreamBuilder(operations, slots);
  for (let op = 0; op < operations; op++) {
    const slot = Math.floor(random() * slots);
    if (builder.isLive(slot)) builder.free(slot);
    else builder.allocate(slot, size(random));
  }
  return builder.build();
};

const bursts = (rounds: number, blocks: number, lastFirst: boolean): OpStream => {
  const random = randomNumbers(0x51ed270b);
  const builder = new StreamBuilder(rounds * blocks * 2, blocks);
  for (let round = 0; round < rounds; round++) {
    for (let slot = 0; slot < blocks; slot++) builder.allocate(slot, 16 + Math.floor(random() * 241));
    for (let slot = 0; slot < blocks; slot++) builder.free(lastFirst ? blocks - 1 - slot : slot);
  }
  return builder.build();
};

const pairs = (count: number, size: number): OpStream => {
  const builder = new StreamBuilder(count * 2, 1);
  for (let i = 0; i < count; i++) {
    builder.allocate(0, size);
    builder.free(0);
  }
  return builder.build();
};

/** Fills `live` slots, then replaces random ones. */
const replacing = (live: number): OpStream => {
  const replaced = 1_000_000;
  const random = randomNumbers(0x2545f491);
  const builder = new StreamBuilder(live + replaced * 2, live);
  for (let slot = 0; slot < live; slot++) builder.allocate(slot, smallSize(random));
  builder.mark();
  for (let i = 0; i < replaced; i++) {
    const slot = Math.floor(random() * live);
    builder.free(slot);
    builder.allocate(slot, smallSize(random));
  }
  return builder.build();
};

/** The workload of that name, or undefined. */
export const workload = (name: string): OpStream | undefined => {
  switch (name) {
    case "W1":
      return churn(2_000_000, 4096, smallSize);
    case "W2":
      return churn(1_000_000, 10_088, mixedSize);
    case "W3F":
      return bursts(100, 10_000, false);
    case "W3L":
      return bursts(100, 10_000, true);
    case "W4":
      return pairs(1_000_000, 64);
    default: {
      const live = liveCounts.get(name);
      return live === undefined ? undefined : replacing(live);
    }
  }
};
