import { InvalidArgumentError } from "@heapwright/allocator";
import { isPowerOfTwo } from "./align.ts";

/** Sizes up to this are found by a table; above, by arithmetic. */
const TABLE_LIMIT = 1024;

/**
 * Size classes in geometric progression, as jemalloc's: each doubling is divided into the same number of evenly
 * spaced classes, all multiples of a quantum. With 4 steps a block wastes at most a fifth of itself, with 8 a
 * ninth; with 1 step the classes are the powers of two.
 *
 * @example
 * ```ts
 * const classes = new SizeClasses({ quantum: 16, steps: 4, maximum: 1024 });
 * // 16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320 ... 1024
 * classes.sizes[classes.indexOf(130)]; // 160
 * ```
 */
export class SizeClasses {
  /** The classes' sizes in bytes, ascending. The last one is the maximum. */
  readonly sizes: Uint32Array;
  readonly #table: Uint8Array;
  readonly #quantumBits: number;
  readonly #stepBits: number;
  readonly #maximum: number;

  /**
   * @param options `quantum`: the smallest class, which divides all others, a power of two from 1 to 1024;
   * `steps`: classes in a doubling, a power of two from 1 to 64; `maximum`: the largest class, at most 2^31, a
   * class of the progression.
   * @throws InvalidArgumentError when one is not.
   */
  constructor(options: { readonly quantum: number; readonly steps: number; readonly maximum: number }) {
    const { quantum, steps, maximum } = options;
    if (!isPowerOfTwo(quantum) || quantum > 1024) {
      throw new InvalidArgumentError("quantum", quantum, "a power of two from 1 to 1024");
    }
    if (!isPowerOfTwo(steps) || steps > 64) {
      throw new InvalidArgumentError("steps", steps, "a power of two from 1 to 64");
    }
    const sizes: number[] = [];
    for (let size = quantum; size <= maximum && size <= 2 ** 31; ) {
      sizes.push(size);
      size += Math.max(quantum, 2 ** Math.floor(Math.log2(size)) / steps);
    }
    if (sizes.at(-1) !== maximum || sizes.length > 255) {
      throw new InvalidArgumentError(
        "maximum",
        maximum,
        "the size of one of the first 255 classes, at most 2^31",
      );
    }
    this.sizes = Uint32Array.from(sizes);
    this.#maximum = maximum;
    this.#quantumBits = Math.log2(quantum);
    this.#stepBits = Math.log2(steps);
    this.#table = new Uint8Array((TABLE_LIMIT >>> this.#quantumBits) + 1);
    for (let unit = 0, index = 0; unit < this.#table.length; unit++) {
      while (index < sizes.length - 1 && sizes[index]! < unit * quantum) index++;
      this.#table[unit] = index;
    }
  }

  /** How many classes there are, at most 255. */
  get count(): number {
    return this.sizes.length;
  }

  /**
   * The index of the smallest class of at least `size` bytes (an integer, 0 or more), or -1 beyond the maximum.
   * O(1).
   */
  indexOf(size: number): number {
    if (size > this.#maximum) return -1;
    const quantumBits = this.#quantumBits;
    if (size <= TABLE_LIMIT) return this.#table[(size + (1 << quantumBits) - 1) >>> quantumBits]!;
    // Above the table. A doubling (2^e, 2^(e+1)] holds `steps` classes 2^(e - stepBits) apart, or, while that is less
    // than the quantum, as many as there are quanta.
    const last = size - 1;
    const exponent = 31 - Math.clz32(last);
    const spacing = exponent - this.#stepBits;
    if (spacing <= quantumBits) return last >>> quantumBits;
    // Classes up to 2^(quantumBits + stepBits) are every quantum; then come whole doublings.
    const doublings = spacing - quantumBits;
    return (doublings << this.#stepBits) + (last >>> spacing);
  }
}
