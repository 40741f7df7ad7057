/*
 * Circular double-linked lists of free chunks, and glibc's three tests of every unlink.
 *
 * Invariant of a bin: header.fd is the newest chunk, header.bk the oldest; the header links back to itself when empty.
 */
import type { Address } from "@heapwright/allocator";
import type { Core } from "../core.ts";
import { corrupted } from "../errors.ts";

/** Takes a chunk out of its bin. */
export const unlinkChunk = (core: Core, chunk: Address): void => {
  const size = core.size(chunk);
  if (size !== core.prevSize(chunk + size)) throw corrupted(chunk, "corrupted size vs. prev_size");
  const next = core.fd(chunk);
  const previous = core.bk(chunk);
  if (!core.linked(chunk, previous, next)) throw corrupted(chunk, "corrupted double-linked list");
  core.join(previous, next);
  if (core.head(chunk) >= core.minLarge) {
    const smaller = core.fdNext(chunk);
    if (smaller !== 0) unlinkSize(core, chunk, next, smaller);
  }
};

/** Takes the first chunk of a size out of the skip list of sizes; the next chunk of the same size takes its place. */
const unlinkSize = (core: Core, chunk: Address, next: Address, smaller: Address): void => {
  const larger = core.bkNext(chunk);
  if (core.bkNext(smaller) !== chunk || core.fdNext(larger) !== chunk)
    throw corrupted(chunk, "corrupted double-linked list (not small)");
  if (core.fdNext(next) === 0) {
    if (smaller === chunk) {
      core.setFdNext(next, next);
      core.setBkNext(next, next);
      return;
    }
    core.setFdNext(next, smaller);
    core.setBkNext(next, larger);
    core.setBkNext(smaller, next);
    core.setFdNext(larger, next);
  } else {
    core.setBkNext(smaller, larger);
    core.setFdNext(larger, smaller);
  }
};

/** A large chunk that is not in a large bin has no place in a skip list. */
export const clearSizeLinks = (core: Core, chunk: Address, size: number): void => {
  if (size >= core.minLarge) {
    core.setFdNext(chunk, 0);
    core.setBkNext(chunk, 0);
  }
};
