import {
  type Address,
  AttachError,
  InvalidArgumentError,
  InvalidPointerError,
  NULL,
  type PageSource,
} from "@heapwright/allocator";

/*
 * Each strategy begins with a block of state words, so that a heap can be attached to:
 *
 *   base +0  four letters that name the strategy
 *        +4  version of the layout
 *        +8  the strategy's own words
 */

/** Version of all layouts of this package. */
const VERSION = 1;

/** The least multiple of 8 that is at least `value`. Exact above 2^31, unlike a mask. */
export const align8 = (value: number): number => Math.ceil(value / 8) * 8;

const tagOf = (letters: string): number =>
  (letters.charCodeAt(0) |
    (letters.charCodeAt(1) << 8) |
    (letters.charCodeAt(2) << 16) |
    (letters.charCodeAt(3) << 24)) >>>
  0;

/**
 * Takes `bytes` of state at the break, and names the strategy in it.
 *
 * @returns the state's address, a multiple of 8; its own words are zero.
 * @throws InvalidArgumentError when the source cannot give that much.
 */
export const createState = (source: PageSource, letters: string, bytes: number): Address => {
  const now = source.sbrk(0);
  const base = align8(now);
  if (source.sbrk(base + bytes - now) === NULL) {
    throw new InvalidArgumentError("source", "an exhausted one", `a source of at least ${bytes} bytes`);
  }
  source.memory.fill(base, bytes, 0);
  source.memory.store32(base, tagOf(letters));
  source.memory.store32(base + 4, VERSION);
  return base;
};

/**
 * Makes sure that a strategy's state stands at `base`.
 *
 * @throws AttachError when it does not, or has another version.
 */
export const expectState = (source: PageSource, letters: string, base: Address): void => {
  const { memory } = source;
  const where = `0x${base.toString(16)}`;
  if (base % 8 !== 0 || base < 0 || base + 8 > memory.byteLength || memory.load32(base) !== tagOf(letters)) {
    throw new AttachError(`no heap of kind "${letters}" at ${where}`);
  }
  const version = memory.load32(base + 4);
  if (version !== VERSION) throw new AttachError(`heap version ${version} at ${where}, not ${VERSION}`);
};

/**
 * Checks the form of an address that is given back.
 *
 * @throws InvalidPointerError unless it is a multiple of 8 in `[from, to)`.
 */
export const expectAddress = (address: Address, from: Address, to: Address): void => {
  if (address >>> 0 !== address) throw new InvalidPointerError(address, "is no address");
  if ((address & 7) !== 0) throw new InvalidPointerError(address, "is not 8-byte aligned");
  if (address < from || address >= to) throw new InvalidPointerError(address, "lies outside the heap");
};
