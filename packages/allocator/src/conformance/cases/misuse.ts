import type { Allocator } from "../../allocator.ts";
import {
  isAligned,
  isExpanding,
  isInspectable,
  isReallocating,
  isSizedDeallocator,
  isTrimmer,
  isZeroed,
} from "../../capabilities.ts";
import { BAD_ARGUMENT, BAD_POINTER, DOUBLE_FREE, expect, expectThrow } from "../assert.ts";
import { audit } from "../audit.ts";
import type { ConformanceCase, Settings } from "../options.ts";
import { Shadow } from "../shadow.ts";

const BAD_SIZES: readonly number[] = [-1, -4096, 0.5, 1.5, Number.NaN, Infinity, -Infinity, 2 ** 53];
/** What callers without types pass. */
const NO_NUMBERS: readonly number[] = [undefined, null, "8", "", {}, true] as unknown[] as number[];
const BAD_ALIGNMENTS: readonly number[] = [
  0,
  3,
  12,
  24,
  4095,
  -8,
  0.5,
  1.5,
  8.5,
  Number.NaN,
  Infinity,
  2 ** 32,
];

/** Every way in which the allocator takes a size. */
const sizeTakers = (allocator: Allocator, live: number): [string, (size: number) => unknown][] => {
  const takers: [string, (size: number) => unknown][] = [["allocate", (size) => allocator.allocate(size)]];
  if (isZeroed(allocator)) takers.push(["allocateZeroed", (size) => allocator.allocateZeroed(size)]);
  if (isAligned(allocator)) takers.push(["allocateAligned", (size) => allocator.allocateAligned(16, size)]);
  if (isReallocating(allocator)) takers.push(["reallocate", (size) => allocator.reallocate(live, size)]);
  if (isExpanding(allocator)) takers.push(["expand", (size) => allocator.expand(live, size)]);
  if (isTrimmer(allocator)) takers.push(["trim", (size) => allocator.trim(size)]);
  return takers;
};

/** Every way in which the allocator takes a block. */
const blockTakers = (allocator: Allocator): [string, (address: number) => unknown][] => {
  const takers: [string, (address: number) => unknown][] = [
    ["deallocate", (address) => allocator.deallocate(address)],
  ];
  if (isSizedDeallocator(allocator)) {
    takers.push(["deallocateSized", (address) => allocator.deallocateSized(address, 8)]);
  }
  if (isReallocating(allocator)) takers.push(["reallocate", (address) => allocator.reallocate(address, 8)]);
  return takers;
};

/** Arguments that no call can accept: refused with the right error, and nothing changed. */
export const misuseCases = (settings: Settings): ConformanceCase[] => {
  const size = Math.min(settings.maxSize, 40);
  const begin = (): { allocator: Allocator; shadow: Shadow; live: number } => {
    const allocator = settings.factory();
    const shadow = new Shadow(allocator);
    const live = allocator.allocate(size);
    shadow.add(live, size);
    return { allocator, shadow, live };
  };
  const cases: ConformanceCase[] = [
    {
      name: "refuses negative, fractional and non-numeric sizes with InvalidArgumentError",
      run(): void {
        const { allocator, shadow, live } = begin();
        for (const [name, take] of sizeTakers(allocator, live)) {
          for (const bad of [...BAD_SIZES, ...NO_NUMBERS]) {
            expectThrow(BAD_ARGUMENT, `${name} of ${bad} bytes`, () => take(bad));
            audit(allocator, shadow, settings);
          }
        }
      },
    },
    {
      name: "refuses addresses that are no integers of the memory, or misaligned, with InvalidPointerError",
      run(): void {
        const { allocator, shadow, live } = begin();
        const { alignment } = allocator;
        const end = allocator.memory.maxByteLength;
        const outside = [-1, -alignment, end, end + alignment, 2 ** 32, 2 ** 32 + live, 2 ** 40, 2 ** 53 - 8];
        const broken = [0.5, live + 0.5, Number.NaN, Infinity, -Infinity, live + 1, live + alignment - 1];
        for (const [name, take] of blockTakers(allocator)) {
          for (const bad of [...outside, ...broken, ...NO_NUMBERS]) {
            expectThrow(BAD_POINTER, `${name} of address ${bad}`, () => take(bad));
            audit(allocator, shadow, settings);
          }
        }
      },
    },
  ];
  cases.push({
    name: "refuses alignments that are no powers of two with InvalidArgumentError, where it takes alignments",
    run(): void {
      const { allocator, shadow } = begin();
      if (!isAligned(allocator)) return;
      for (const bad of [...BAD_ALIGNMENTS, ...NO_NUMBERS]) {
        expectThrow(BAD_ARGUMENT, `allocateAligned to ${bad}`, () => allocator.allocateAligned(bad, 8));
        audit(allocator, shadow, settings);
      }
    },
  });
  if (settings.detectsDoubleFree) {
    cases.push({
      name: "recognises a block that is given back twice",
      run(): void {
        const { allocator, shadow, live } = begin();
        const other = allocator.allocate(size);
        if (other !== 0) shadow.add(other, size);
        const block = shadow.blocks.find(({ address }) => address === live)!;
        shadow.remove(block);
        allocator.deallocate(live);
        for (const [name, take] of blockTakers(allocator).filter(([name]) => name === "deallocate")) {
          expectThrow(DOUBLE_FREE, `the second ${name}`, () => take(live));
          audit(allocator, shadow, settings);
        }
      },
    });
  }
  for (const [index, damage] of settings.damage.entries()) {
    cases.push({
      name: `check() finds damage ${index + 1}`,
      run(): void {
        const { allocator, live } = begin();
        if (!isInspectable(allocator)) throw new Error("damage is given, but the allocator has no check()");
        damage(allocator, live);
        expect(allocator.check().length > 0, "check() finds nothing in the damaged heap");
      },
    });
  }
  return cases;
};
