import { conformanceCases } from "@heapwright/allocator/conformance";
import { CheckedMemory, LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { describe, test } from "vitest";
import { Buddy, BuddyHeap } from "../src/index.ts";

const options = {
  detectsDoubleFree: true,
  damage: [
    // The head of a free area of order 0 to 3 is what a wild store into the header hits first.
    (heap: unknown): void => {
      const { areas } = (heap as BuddyHeap).buddy;
      areas.meta.store32(areas.area(2, 0), 0x1234);
    },
    (heap: unknown, address: number): void => {
      const { buddy } = heap as BuddyHeap;
      buddy.areas.setState(buddy.frameOf(address) + 1, 0x41);
    },
  ],
};

describe("BuddyHeap on a break", () => {
  const factory = (): BuddyHeap => new BuddyHeap(LinearPages.create(LinearMemory.fixed(2 ** 18)));
  for (const c of conformanceCases(factory, options)) test(c.name, c.run);
});

describe("BuddyHeap on a growing break, pages of 16 bytes", () => {
  const factory = (): BuddyHeap =>
    new BuddyHeap(LinearPages.create(LinearMemory.growing({ maximum: 2 ** 18 })), { pageSize: 16 });
  for (const c of conformanceCases(factory, options)) test(c.name, c.run);
});

describe("BuddyHeap over a buddy system with pages of 256 bytes and metadata elsewhere", () => {
  const factory = (): BuddyHeap =>
    new BuddyHeap(
      Buddy.create(LinearMemory.fixed(2 ** 18), {
        metadata: LinearMemory.growing(),
        pageSize: 256,
        maxOrder: 9,
        cpus: 2,
      }),
    );
  for (const c of conformanceCases(factory, options)) test(c.name, c.run);
});

describe("BuddyHeap over memory that refuses accesses out of range or misaligned", () => {
  const factory = (): BuddyHeap => {
    const pages = LinearPages.create(LinearMemory.fixed(2 ** 17));
    const memory = new CheckedMemory(pages.memory);
    return new BuddyHeap({ memory, pageSize: pages.pageSize, sbrk: (increment) => pages.sbrk(increment) });
  };
  for (const c of conformanceCases(factory, options)) test(c.name, c.run);
});
