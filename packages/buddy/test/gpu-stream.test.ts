import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { NO_SPACE, OffsetAllocator, RangeBuddy } from "../src/index.ts";
import { gpuStream } from "./gpu-stream.ts";

const recorded = readFileSync(new URL("fixtures/gpu-buffers.txt", import.meta.url), "utf8")
  .trimEnd()
  .split("\n");

/** Serves the whole stream from a range; false when a request fails. */
const serves = (allocator: OffsetAllocator | RangeBuddy, verify: () => void): boolean => {
  const offsets = new Map<string, { offset: number; size: number }>();
  for (const [index, line] of recorded.entries()) {
    const [what, id, size, alignment] = line.split(" ");
    if (what === "f") {
      allocator.free(offsets.get(id!)!.offset);
      offsets.delete(id!);
    } else {
      const offset = allocator.allocate(Number(size), Number(alignment));
      if (offset === NO_SPACE) return false;
      expect(offset % Number(alignment)).toBe(0);
      for (const other of offsets.values()) {
        const apart = offset + Number(size) <= other.offset || other.offset + other.size <= offset;
        if (!apart) throw new Error(`request ${index} overlaps ${other.offset}`);
      }
      offsets.set(id!, { offset, size: Number(size) });
    }
    if (index % 100 === 0) verify();
  }
  return true;
};

const peak = (): number => {
  const sizes = new Map<string, number>();
  let live = 0;
  let most = 0;
  for (const line of recorded) {
    const [what, id, size] = line.split(" ");
    live += what === "a" ? Number(size) : -sizes.get(id!)!;
    if (what === "a") sizes.set(id!, Number(size));
    most = Math.max(most, live);
  }
  return most;
};

test("the fixture is what the generator makes", () => {
  expect(recorded).toEqual(gpuStream());
});

describe("the recorded stream of GPU buffer requests", () => {
  const payload = peak();
  test.each([
    ["OffsetAllocator", 1.15, (size: number) => OffsetAllocator.create(size, { granularity: 256 })],
    ["RangeBuddy, tail given back", 1.6, (size: number) => RangeBuddy.create(size)],
    ["RangeBuddy, tail kept", 2, (size: number) => RangeBuddy.create(size, { tail: "keep" })],
  ])("%s serves it from %d times the peak payload, and is whole again", (_name, factor, create) => {
    const allocator = create(Math.ceil((payload * factor) / 65536) * 65536);
    const served = serves(allocator, () => expect(allocator.check()).toEqual([]));
    expect(served).toBe(true);
    const { size, totalFreeSpace, freeRegions } = allocator.storageReport();
    expect([totalFreeSpace, freeRegions]).toEqual([size, 1]);
  });
});
