import { NULL } from "../../address.ts";
import type { Allocator } from "../../allocator.ts";
import {
  hasUsableSize,
  isAligned,
  isExpanding,
  isInspectable,
  isOwner,
  isReallocating,
  isResettable,
  isResolver,
  isSizedDeallocator,
  isTrimmer,
  isZeroed,
} from "../../capabilities.ts";
import { expect, hex } from "../assert.ts";
import { audit } from "../audit.ts";
import type { ConformanceCase, Settings } from "../options.ts";
import { Shadow } from "../shadow.ts";
import { sampleSizes } from "./basic.ts";

/** A case that narrows the fresh allocator to a capability first. */
const when = <C extends Allocator>(
  probe: Allocator,
  settings: Settings,
  guard: (allocator: Allocator) => allocator is C,
  name: string,
  run: (allocator: C, shadow: Shadow, verify: () => void) => void,
): ConformanceCase[] => {
  if (!guard(probe)) return [];
  const start = (): void => {
    const allocator = settings.factory();
    expect(guard(allocator), "the capability comes and goes between two allocators of one factory");
    const shadow = new Shadow(allocator);
    const verify = (): void => audit(allocator, shadow, settings);
    run(allocator, shadow, verify);
    verify();
    for (const block of [...shadow.blocks]) {
      shadow.remove(block);
      allocator.deallocate(block.address);
    }
    verify();
  };
  return [{ name, run: start }];
};

/** Each capability that the allocator has, on its own. */
export const capabilityCases = (probe: Allocator, settings: Settings): ConformanceCase[] => {
  const { maxSize, maxAlignment } = settings;
  const huge = probe.memory.maxByteLength + 1;
  return [
    ...when(
      probe,
      settings,
      isAligned,
      "allocateAligned keeps every alignment",
      (allocator, shadow, verify) => {
        for (let alignment = 1; alignment <= maxAlignment; alignment *= 2) {
          for (const size of [0, 1, Math.min(maxSize, 24)]) {
            const address = allocator.allocateAligned(alignment, size);
            expect(address !== NULL, `a nearly fresh allocator has no ${size} bytes aligned to ${alignment}`);
            const block = shadow.add(address, size, Math.max(alignment, allocator.alignment));
            verify();
            if (alignment >= 64) {
              shadow.remove(block);
              allocator.deallocate(address);
            }
          }
        }
        expect(allocator.allocateAligned(16, huge) === NULL, `allocateAligned served ${huge} bytes`);
        const far = allocator.allocateAligned(2 ** 31, 1);
        if (far !== NULL) shadow.add(far, 1, 2 ** 31);
      },
    ),
    ...when(
      probe,
      settings,
      isZeroed,
      "allocateZeroed clears what was used before",
      (allocator, shadow, verify) => {
        for (const size of sampleSizes(maxSize)) {
          const used = allocator.allocate(size);
          if (used === NULL) continue;
          allocator.memory.fill(used, size, 0xff);
          allocator.deallocate(used);
          const address = allocator.allocateZeroed(size);
          if (address === NULL) continue;
          shadow.verifyZero(address, size);
          const block = shadow.add(address, size);
          verify();
          if (size > 64) {
            shadow.remove(block);
            allocator.deallocate(address);
          }
        }
        expect(allocator.allocateZeroed(huge) === NULL, `allocateZeroed served ${huge} bytes`);
      },
    ),
    ...when(
      probe,
      settings,
      isReallocating,
      "reallocate keeps the bytes, grows, shrinks and moves",
      (allocator, shadow, verify) => {
        const sizes = sampleSizes(maxSize);
        const first = allocator.reallocate(NULL, sizes[1]!);
        expect(first !== NULL, "reallocate(NULL, size) does not allocate");
        let block = shadow.add(first, sizes[1]!);
        const empty = allocator.reallocate(NULL, 0);
        expect(empty !== NULL, "reallocate(NULL, 0) does not allocate");
        shadow.add(empty, 0);
        // At the end from all bytes to none at once, and back: a block of no bytes is still a block of its own.
        for (const size of [...sizes, ...[...sizes].reverse(), maxSize, 0, 1]) {
          const address = allocator.reallocate(block.address, size);
          expect(address !== NULL || size > 0, "reallocate(block, 0) gave the block up");
          if (address === NULL) shadow.verify(block);
          else block = shadow.resize(block, address, size);
          verify();
          // A neighbour now and then, so that growth in place is not always possible.
          if (size % 3 === 0) {
            const neighbour = allocator.allocate(8);
            if (neighbour !== NULL) shadow.add(neighbour, 8);
          }
        }
      },
    ),
    ...when(
      probe,
      settings,
      isReallocating,
      "reallocate answers NULL when exhausted and leaves the block",
      (allocator, shadow, verify) => {
        const address = allocator.allocate(maxSize);
        const block = shadow.add(address, maxSize);
        for (const size of [huge, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
          expect(allocator.reallocate(address, size) === NULL, `reallocate served ${size} bytes`);
          shadow.verify(block);
          verify();
        }
        expect(allocator.reallocate(NULL, huge) === NULL, `reallocate(NULL) served ${huge} bytes`);
      },
    ),
    ...when(
      probe,
      settings,
      isExpanding,
      "expand grows where it can and changes nothing where not",
      (allocator, shadow, verify) => {
        let block = shadow.add(allocator.allocate(1), 1);
        for (const size of sampleSizes(maxSize)) {
          if (allocator.expand(block.address, size)) block = shadow.resize(block, block.address, size);
          else shadow.verify(block);
          verify();
        }
        for (const size of [huge, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
          expect(!allocator.expand(block.address, size), `expand to ${size} bytes claims to have worked`);
          shadow.verify(block);
          verify();
        }
      },
    ),
    ...when(
      probe,
      settings,
      isSizedDeallocator,
      "deallocateSized frees by the size asked for or the good size",
      (allocator, shadow, verify) => {
        allocator.deallocateSized(NULL, 0);
        for (const size of sampleSizes(maxSize)) {
          const address = allocator.allocate(size);
          if (address === NULL) continue;
          shadow.remove(shadow.add(address, size));
          const told = hasUsableSize(allocator) && size % 2 === 1 ? allocator.goodSize(size) : size;
          allocator.deallocateSized(address, told);
          verify();
        }
      },
    ),
    ...when(
      probe,
      settings,
      hasUsableSize,
      "usableSize and goodSize never fall short",
      (allocator, shadow, verify) => {
        let last = 0;
        for (const size of sampleSizes(maxSize)) {
          const good = allocator.goodSize(size);
          expect(Number.isSafeInteger(good) && good >= size, `goodSize(${size}) is ${good}`);
          expect(good >= last, `goodSize(${size}) is ${good}, less than the ${last} of a smaller size`);
          expect(
            allocator.goodSize(good) === good,
            `goodSize(${good}) is ${allocator.goodSize(good)}, though ${good} is good`,
          );
          last = good;
          const address = allocator.allocate(size);
          if (address === NULL) continue;
          const usable = allocator.usableSize(address);
          expect(usable >= size, `usableSize is ${usable} for a block of ${size}`);
          expect(usable >= good, `usableSize is ${usable} for a block of ${size}, goodSize promised ${good}`);
          // Filling all of it must hurt no neighbour: the shadow fills, the audit looks.
          shadow.add(address, size);
          verify();
        }
      },
    ),
    ...when(probe, settings, isOwner, "owns its blocks and nothing else", (allocator, shadow) => {
      for (const size of sampleSizes(maxSize)) {
        const address = allocator.allocate(size);
        if (address === NULL) continue;
        shadow.add(address, size);
        for (const inside of [address, address + Math.max(size - 1, 0), address + (size >>> 1)]) {
          expect(
            allocator.owns(inside) === true,
            `owns(${hex(inside)}) is not true inside the block ${hex(address)}`,
          );
        }
      }
      const end = allocator.memory.maxByteLength;
      for (const outside of [NULL, -1, end, end + 8, 2 ** 32, 2 ** 53, Number.NaN, Infinity, -Infinity]) {
        expect(allocator.owns(outside) === false, `owns(${outside}) is not false`);
      }
    }),
    ...when(probe, settings, isResolver, "resolve finds the block around an address", (allocator, shadow) => {
      for (const size of sampleSizes(maxSize)) {
        const address = allocator.allocate(size);
        if (address === NULL) continue;
        const block = shadow.add(address, size);
        for (const inside of [address, address + Math.max(size - 1, 0), address + (size >>> 1)]) {
          const found = allocator.resolve(inside);
          expect(
            found === address,
            `resolve(${hex(inside)}) is ${hex(found)}, not the block ${hex(address)}`,
          );
        }
        if (size % 2 === 0) continue;
        shadow.remove(block);
        allocator.deallocate(address);
        const found = allocator.resolve(address);
        expect(found === NULL, `resolve of the freed block ${hex(address)} is ${hex(found)}`);
      }
      for (const outside of [NULL, -1, allocator.memory.maxByteLength, 2 ** 53]) {
        expect(allocator.resolve(outside) === NULL, `resolve(${outside}) is ${allocator.resolve(outside)}`);
      }
    }),
    ...when(
      probe,
      settings,
      isResettable,
      "deallocateAll forgets every block",
      (allocator, shadow, verify) => {
        const count = (): number => {
          for (let blocks = 0; ; blocks++) {
            const address = blocks < 64 ? allocator.allocate(Math.min(maxSize, 24 + blocks)) : NULL;
            if (address === NULL) return blocks;
            shadow.add(address, Math.min(maxSize, 24 + blocks));
          }
        };
        allocator.deallocateAll();
        verify();
        const first = count();
        for (let round = 0; round < 3; round++) {
          shadow.verifyAll();
          shadow.blocks.length = 0;
          allocator.deallocateAll();
          verify();
          const again = count();
          expect(again === first, `${first} blocks fitted into the fresh heap, ${again} after deallocateAll`);
        }
      },
    ),
    ...when(
      probe,
      settings,
      isTrimmer,
      "trim gives back only what is unused",
      (allocator, shadow, verify) => {
        for (const size of sampleSizes(maxSize)) {
          const address = allocator.allocate(size);
          if (address !== NULL) shadow.add(address, size);
        }
        for (const block of shadow.blocks.filter(({ seed }) => seed % 2 === 0)) {
          shadow.remove(block);
          allocator.deallocate(block.address);
        }
        const heapBytes = (): number => (isInspectable(allocator) ? allocator.stats().heapBytes : 0);
        for (const keep of [maxSize, 0, 0]) {
          const before = heapBytes();
          const given = allocator.trim(keep);
          expect(Number.isSafeInteger(given) && given >= 0, `trim(${keep}) returned ${given}`);
          const shrunk = before - heapBytes();
          expect(
            shrunk >= 0 && shrunk <= given,
            `trim(${keep}) says ${given} bytes, the heap shrank by ${shrunk}`,
          );
          verify();
        }
        for (const block of [...shadow.blocks]) {
          shadow.remove(block);
          allocator.deallocate(block.address);
        }
        allocator.trim(0);
        verify();
        const zeroed = isZeroed(allocator);
        const address = zeroed ? allocator.allocateZeroed(maxSize) : allocator.allocate(maxSize);
        expect(address !== NULL, "nothing can be allocated after trim(0)");
        // What was used, given back and got again is not as new memory.
        if (zeroed) shadow.verifyZero(address, maxSize);
        shadow.add(address, maxSize);
      },
    ),
  ];
};
