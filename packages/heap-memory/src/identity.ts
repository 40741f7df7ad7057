import { type Address, AttachError, InvalidArgumentError, type Memory } from "@heapwright/allocator";

/*
 * Who lives in a heap, in two words:
 *
 *   at +0   strategy: four ASCII letters, the first in the lowest byte; 0 while nobody does
 *      +4   version of the strategy's layout: an integer from 1
 *
 * A strategy claims its heap when it begins one and expects itself when it attaches, so that no strategy ever reads
 * another's structures, nor those of another version of its own.
 */

const encode = (strategy: string): number => {
  if (!/^[\x21-\x7e]{4}$/.test(strategy)) {
    throw new InvalidArgumentError("strategy", strategy, "four printable ASCII letters");
  }
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => strategy.charCodeAt(i)) as [number, number, number, number];
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
};

const decode = (word: number): string =>
  String.fromCharCode(word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24).replace(
    /[^\x20-\x7e]/g,
    "?",
  );

const expectVersion = (version: number): void => {
  if (version >>> 0 !== version || version === 0) {
    throw new InvalidArgumentError("version", version, "an integer from 1 to 2^32 - 1");
  }
};

/**
 * Writes a strategy's identity (8 bytes) to `at`.
 *
 * @param at A multiple of 4 inside the memory. Its 8 bytes are zero, or hold this same identity.
 * @param strategy Four printable ASCII letters that no other strategy uses, as in `"ptml"`.
 * @param version Version of the strategy's layout in memory, from 1.
 * @throws AttachError when another strategy or version has claimed the heap; nothing has changed.
 */
export const claimHeap = (memory: Memory, at: Address, strategy: string, version: number): void => {
  const word = encode(strategy);
  expectVersion(version);
  if (memory.load32(at) !== 0 || memory.load32(at + 4) !== 0) expectHeap(memory, at, strategy, version);
  memory.store32(at, word);
  memory.store32(at + 4, version);
};

/**
 * Verifies that the identity at `at` is the one given.
 *
 * @throws AttachError when nobody, another strategy or another version lives there. The message names both.
 */
export const expectHeap = (memory: Memory, at: Address, strategy: string, version: number): void => {
  const word = encode(strategy);
  expectVersion(version);
  const found = memory.load32(at);
  const foundVersion = memory.load32(at + 4);
  if (found === word && foundVersion === version) return;
  const who = found === 0 ? "no strategy" : `"${decode(found)}" version ${foundVersion}`;
  throw new AttachError(
    `${who} lives in the heap at 0x${at.toString(16)}, not "${strategy}" version ${version}`,
  );
};
