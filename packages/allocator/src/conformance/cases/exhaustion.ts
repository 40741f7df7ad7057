import { NULL } from "../../address.ts";
import type { Allocator } from "../../allocator.ts";
import { expect } from "../assert.ts";
import { audit } from "../audit.ts";
import type { ConformanceCase, Settings } from "../options.ts";
import { Shadow } from "../shadow.ts";

/** Takes blocks of `size` bytes until there are none; fails when more was handed out than there is. */
const fill = (allocator: Allocator, shadow: Shadow, size: number, capacity: number): void => {
  const most = Math.max(allocator.memory.maxByteLength, capacity) + 1;
  for (let taken = 0; ; taken += Math.max(size, 1)) {
    expect(taken <= most, `${taken} bytes handed out of a memory of ${allocator.memory.maxByteLength}`);
    const address = allocator.allocate(size);
    if (address === NULL) break;
    shadow.add(address, size);
  }
  expect(
    shadow.requested <= capacity,
    `${shadow.requested} bytes are live in an allocator with a capacity of ${capacity}`,
  );
};

/** Blocks by which the capacity is filled: as large as is served, but at least some dozens of them. */
const fillSize = ({ maxSize, capacity }: Settings): number =>
  Math.max(1, Math.min(maxSize, Math.max(64, Math.floor(capacity / 64))));

const freeAll = (allocator: Allocator, shadow: Shadow, order: "forward" | "backward" | "odd first"): void => {
  const blocks = [...shadow.blocks];
  if (order === "backward") blocks.reverse();
  if (order === "odd first") blocks.sort((a, b) => (b.seed & 1) - (a.seed & 1));
  for (const block of blocks) {
    shadow.remove(block);
    allocator.deallocate(block.address);
  }
};

/** What happens when there is no more memory, and when there is some again. */
export const exhaustionCases = (settings: Settings): ConformanceCase[] => {
  const impossible: ConformanceCase = {
    name: "answers NULL to a size that no heap can serve, with nothing changed",
    run(): void {
      const allocator = settings.factory();
      const shadow = new Shadow(allocator);
      shadow.add(allocator.allocate(1), 1);
      const most = allocator.memory.maxByteLength;
      for (const size of [
        most,
        most + 1,
        2 ** 32 - 1,
        2 ** 32,
        2 ** 32 + 8,
        2 ** 40,
        Number.MAX_SAFE_INTEGER,
      ]) {
        if (size < most) continue;
        const address = allocator.allocate(size);
        expect(address === NULL, `allocate(${size}) returned ${address} of a memory of ${most} bytes`);
        audit(allocator, shadow, settings);
      }
      const address = allocator.allocate(1);
      expect(address !== NULL, "a refused size leaves nothing for one byte");
      shadow.add(address, 1);
      audit(allocator, shadow, settings);
    },
  };
  if (!settings.exhausts) return [impossible];
  const filling: ConformanceCase = {
    name: "answers NULL when it is full, with nothing changed, and keeps every block",
    run(): void {
      const allocator = settings.factory();
      const shadow = new Shadow(allocator);
      fill(allocator, shadow, fillSize(settings), settings.capacity);
      for (let i = 0; i < 3; i++) {
        expect(allocator.allocate(fillSize(settings)) === NULL, "a full allocator found room after all");
        audit(allocator, shadow, settings);
      }
      shadow.verifyAll();
      freeAll(allocator, shadow, "forward");
      audit(allocator, shadow, settings);
    },
  };
  if (!settings.reuses) return [impossible, filling];
  return [
    impossible,
    filling,
    {
      name: "hands out again what was given back",
      run(): void {
        const size = fillSize(settings);
        const allocator = settings.factory();
        const shadow = new Shadow(allocator);
        fill(allocator, shadow, size, settings.capacity);
        const first = shadow.blocks.length;
        const block = shadow.blocks[first >>> 1];
        expect(block !== undefined, "a fresh allocator is full");
        shadow.remove(block);
        allocator.deallocate(block.address);
        const again = allocator.allocate(size);
        expect(again !== NULL, `a full allocator that got ${size} bytes back cannot serve ${size}`);
        shadow.add(again, size);
        for (const order of ["forward", "backward", "odd first"] as const) {
          freeAll(allocator, shadow, order);
          audit(allocator, shadow, settings);
          fill(allocator, shadow, size, settings.capacity);
          const count = shadow.blocks.length;
          expect(
            count * 2 >= first,
            `${first} blocks of ${size} bytes fit at first, ${count} after all were freed (${order})`,
          );
        }
        freeAll(allocator, shadow, "forward");
      },
    },
    {
      name: "never runs out while blocks are taken and given back",
      run(): void {
        const allocator = settings.factory();
        const size = fillSize(settings);
        // Half a block on average: the capacity passes through forty times, so that a leak of one in twenty shows.
        const rounds = Math.min(Math.ceil((80 * settings.capacity) / size), 20_000);
        for (let i = 0; i < rounds; i++) {
          const wanted = 1 + ((i * 7) % size);
          const address = allocator.allocate(wanted);
          expect(address !== NULL, `no ${wanted} bytes in round ${i}, though every block was given back`);
          allocator.deallocate(address);
        }
        audit(allocator, new Shadow(allocator), settings);
      },
    },
  ];
};
