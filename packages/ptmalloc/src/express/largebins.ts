/*
 * Large bins, word by word: see paths.ts for what this folder is, and bins/largebins.ts for the structure.
 */
import type { Address } from "@heapwright/allocator";
import { putLarge as putLargeGeneral } from "../bins/largebins.ts";
import { link as linkBetween } from "./lists.ts";
import type { Place } from "./paths.ts";

const link = linkBetween;

/** Sorts a free chunk into its large bin; by the general code, which throws, when a test fails. */
export type PutLarge = (bin: Address, chunk: Address, size: number) => void;
/** The smallest chunk of a large bin that has `size` bytes or more, or 0. It stays in the bin. */
export type FindLarge = (bin: Address, size: number) => Address;

export const makePutLarge = (place: Place): PutLarge => {
  const { core, words: view } = place;
  const putLarge = (bin: Address, chunk: Address, size: number): void => {
    const words = view;
    let next = words[(bin + 8) >>> 2]!;
    if (next === bin) {
      words[(chunk + 16) >>> 2] = chunk;
      words[(chunk + 20) >>> 2] = chunk;
      link(words, chunk, bin, bin);
      return;
    }
    const head = size | 1;
    const smallest = words[(bin + 12) >>> 2]!;
    const smallestHead = words[(smallest + 4) >>> 2]!;
    if ((smallestHead & 4) !== 0) {
      putLargeGeneral(core, bin, chunk, size);
      return;
    }
    if (head < smallestHead) {
      const last = words[(next + 20) >>> 2]!;
      words[(chunk + 16) >>> 2] = next;
      words[(chunk + 20) >>> 2] = last;
      words[(last + 16) >>> 2] = chunk;
      words[(next + 20) >>> 2] = chunk;
      link(words, chunk, smallest, bin);
      return;
    }
    let nextHead = words[(next + 4) >>> 2]!;
    while (head < nextHead && (nextHead & 4) === 0) {
      next = words[(next + 16) >>> 2]!;
      nextHead = words[(next + 4) >>> 2]!;
    }
    if ((nextHead & 4) !== 0) {
      putLargeGeneral(core, bin, chunk, size);
      return;
    }
    if (head === nextHead) {
      next = words[(next + 8) >>> 2]!;
      const previous = words[(next + 12) >>> 2]!;
      if (words[(previous + 8) >>> 2] !== next) {
        putLargeGeneral(core, bin, chunk, size);
        return;
      }
      link(words, chunk, previous, next);
      return;
    }
    const larger = words[(next + 20) >>> 2]!;
    const previous = words[(next + 12) >>> 2]!;
    if (words[(larger + 16) >>> 2] !== next || words[(previous + 8) >>> 2] !== next) {
      putLargeGeneral(core, bin, chunk, size);
      return;
    }
    words[(chunk + 16) >>> 2] = next;
    words[(chunk + 20) >>> 2] = larger;
    words[(next + 20) >>> 2] = chunk;
    words[(larger + 16) >>> 2] = chunk;
    link(words, chunk, previous, next);
  };
  return putLarge;
};

export const makeFindLarge = (place: Place): FindLarge => {
  const { words: view } = place;
  const findLarge = (bin: Address, size: number): Address => {
    const words = view;
    const largest = words[(bin + 8) >>> 2]!;
    if (largest === bin || words[(largest + 4) >>> 2]! < size) return 0;
    let chunk = words[(largest + 20) >>> 2]!;
    while ((words[(chunk + 4) >>> 2]! & -8) >>> 0 < size) chunk = words[(chunk + 20) >>> 2]!;
    if (chunk !== words[(bin + 12) >>> 2]) {
      const second = words[(chunk + 8) >>> 2]!;
      if (words[(second + 4) >>> 2] === words[(chunk + 4) >>> 2]) return second;
    }
    return chunk;
  };
  return findLarge;
};
