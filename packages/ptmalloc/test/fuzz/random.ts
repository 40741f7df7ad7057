/*
 * A small seeded generator of random numbers (Marsaglia's xorshift32), so that a failing trace is a seed.
 */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Spread small seeds over the word; the state must not be 0.
    this.#state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x85ebca6b) >>> 0 || 1;
    for (let i = 0; i < 8; i++) this.below(2);
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  /** An integer from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** An integer from `least` to `most`, every order of magnitude as likely as another. */
  scaled(least: number, most: number): number {
    const power = Math.log(least + 1) + (this.below(2 ** 20) / 2 ** 20) * Math.log((most + 1) / (least + 1));
    return Math.min(most, Math.max(least, Math.round(Math.exp(power) - 1)));
  }
}
