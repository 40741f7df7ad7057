import { NULL } from "../../address.ts";
import { isInspectable } from "../../capabilities.ts";
import type { Memory } from "../../memory.ts";
import { expect, hex } from "../assert.ts";
import { audit } from "../audit.ts";
import type { ConformanceCase, Settings } from "../options.ts";
import { Shadow } from "../shadow.ts";

/** Capability methods that come only together. */
const GROUPS: readonly (readonly string[])[] = [
  ["usableSize", "goodSize"],
  ["walk", "check", "stats"],
];

const METHODS: readonly string[] = [
  ...[
    "allocateAligned",
    "allocateZeroed",
    "reallocate",
    "expand",
    "deallocateSized",
    "usableSize",
    "goodSize",
  ],
  ...["owns", "resolve", "deallocateAll", "trim", "walk", "check", "stats", "footprint"],
];

/** Sizes around the powers of two up to `maxSize`, where rounding goes wrong. */
export const sampleSizes = (maxSize: number): number[] => {
  const sizes = new Set<number>([0, 1, 2, 3, maxSize]);
  for (let power = 4; power <= maxSize; power *= 2) {
    for (const size of [power - 1, power, power + 1, power + power / 2]) if (size <= maxSize) sizes.add(size);
  }
  return [...sizes].sort((a, b) => a - b);
};

/** The memory's bytes, by granules of 16; those that the user may not read (poisoned, unmapped) stay zero. */
const image = (memory: Memory): Uint8Array => {
  const bytes = new Uint8Array(memory.byteLength);
  for (let at = 0; at < bytes.length; at += 16) {
    try {
      bytes.set(memory.read(at, Math.min(16, bytes.length - at)), at);
    } catch {
      // Not for the user to see.
    }
  }
  return bytes;
};

/** What every allocator does, whatever its capabilities. */
export const basicCases = (settings: Settings): ConformanceCase[] => [
  {
    name: "has a power of two of at least 4 as alignment, and whole capabilities",
    run(): void {
      const allocator = settings.factory();
      const { alignment } = allocator;
      expect(
        Number.isSafeInteger(alignment) && alignment >= 4 && Number.isInteger(Math.log2(alignment)),
        `alignment is ${alignment}`,
      );
      const members = allocator as unknown as Record<string, unknown>;
      for (const method of METHODS) {
        const type = typeof members[method];
        expect(type === "function" || type === "undefined", `${method} is a ${type}, not a method`);
      }
      for (const group of GROUPS) {
        const present = group.filter((method) => typeof members[method] === "function");
        expect(
          present.length === 0 || present.length === group.length,
          `has ${present.join(", ")} but not all of ${group.join(", ")}`,
        );
      }
    },
  },
  {
    name: "begins with no live block",
    run(): void {
      const allocator = settings.factory();
      audit(allocator, new Shadow(allocator), settings);
    },
  },
  {
    name: "serves every size up to maxSize from fresh, aligned, apart and inside the memory",
    run(): void {
      for (const size of sampleSizes(settings.maxSize)) {
        const allocator = settings.factory();
        const shadow = new Shadow(allocator);
        const address = allocator.allocate(size);
        expect(address !== NULL, `a fresh allocator has no ${size} bytes`);
        const block = shadow.add(address, size);
        audit(allocator, shadow, settings);
        shadow.remove(block);
        allocator.deallocate(address);
        audit(allocator, shadow, settings);
      }
    },
  },
  {
    name: "gives each zero-size block an address of its own",
    run(): void {
      const allocator = settings.factory();
      const shadow = new Shadow(allocator);
      for (let i = 0; i < 8; i++) {
        const address = allocator.allocate(0);
        if (address === NULL) break;
        shadow.add(address, 0);
      }
      expect(shadow.blocks.length > 0, "allocate(0) is NULL on a fresh allocator");
      audit(allocator, shadow, settings);
      for (const block of [...shadow.blocks]) {
        shadow.remove(block);
        allocator.deallocate(block.address);
        audit(allocator, shadow, settings);
      }
    },
  },
  {
    name: "ignores NULL",
    run(): void {
      const allocator = settings.factory();
      const shadow = new Shadow(allocator);
      allocator.deallocate(NULL);
      shadow.add(allocator.allocate(1), 1);
      allocator.deallocate(NULL);
      audit(allocator, shadow, settings);
    },
  },
  {
    name: "shows itself without changing the heap",
    run(): void {
      const allocator = settings.factory();
      if (!isInspectable(allocator) || allocator.memory.byteLength > 2 ** 20) return;
      const shadow = new Shadow(allocator);
      for (const size of sampleSizes(settings.maxSize)) {
        const address = allocator.allocate(size);
        if (address !== NULL) shadow.add(address, size);
      }
      const [first] = shadow.blocks;
      if (first !== undefined) {
        shadow.remove(first);
        allocator.deallocate(first.address);
      }
      const before = image(allocator.memory);
      audit(allocator, shadow, settings);
      const after = image(allocator.memory);
      const changed = after.findIndex((byte, i) => byte !== before[i]);
      expect(
        changed < 0 && after.length === before.length,
        `check, walk or stats changed the byte at ${hex(changed)}`,
      );
    },
  },
];
