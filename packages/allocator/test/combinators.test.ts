/* Every combinator, over strategies of different kinds, passes the suite that they pass themselves. */
import {
  Affix,
  type Allocator,
  AllocatorList,
  Bucketizer,
  FailAfter,
  Fallback,
  FreeList,
  Limit,
  Locked,
  type Memory,
  Quantizer,
  Quarantine,
  Region,
  Segregator,
  ShadowChecked,
  StatsCollector,
  TraceRecorder,
} from "@heapwright/allocator";
import { type ConformanceOptions, conformanceCases } from "@heapwright/allocator/conformance";
import { FirstFit, Tlsf } from "@heapwright/classic";
import { CheckedMemory, CountingMemory, FutexLock, LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { describe, test } from "vitest";
import { ReferenceHeap } from "./support/reference-heap.ts";

/** Makes a heap between two multiples of 64 of a memory. */
type Heap = (memory: LinearMemory, start: number, end: number) => Allocator;
type Composition = (heap: Heap, memory: LinearMemory) => Allocator;

/** A heap that can do nothing but what every allocator must. */
const bare = (heap: Allocator): Allocator => ({
  memory: heap.memory,
  alignment: heap.alignment,
  allocate: (size) => heap.allocate(size),
  deallocate: (address) => heap.deallocate(address),
});

const SIZE = 32768;

const HEAPS: [string, Heap][] = [
  ["the reference heap", (memory, start, end) => new ReferenceHeap(memory as Memory, start + 8, end)],
  ["first fit", (memory, start, end) => new FirstFit(LinearPages.create(memory, start, end))],
  ["TLSF", (memory, start, end) => new Tlsf(LinearPages.create(memory, start, end))],
];

const OVER_ONE: Record<string, [Composition, ConformanceOptions?]> = {
  StatsCollector: [(heap, memory) => new StatsCollector(heap(memory, 0, SIZE))],
  TraceRecorder: [(heap, memory) => new TraceRecorder(heap(memory, 0, SIZE), () => {})],
  FailAfter: [(heap, memory) => new FailAfter(heap(memory, 0, SIZE), Infinity)],
  ShadowChecked: [(heap, memory) => new ShadowChecked(heap(memory, 0, SIZE)), { detectsDoubleFree: true }],
  "ShadowChecked with poison": [
    (heap, memory) => new ShadowChecked(heap(memory, 0, SIZE), new CheckedMemory(memory)),
    { detectsDoubleFree: true },
  ],
  Quantizer: [(heap, memory) => new Quantizer(heap(memory, 0, SIZE), 64)],
  Limit: [(heap, memory) => new Limit(heap(memory, 0, SIZE), 8192), { capacity: 8192 }],
  "Limit above all": [(heap, memory) => new Limit(heap(memory, 0, SIZE), Infinity)],
  Affix: [(heap, memory) => new Affix(heap(memory, 0, SIZE)), { detectsDoubleFree: true }],
  FreeList: [
    (heap, memory) => new FreeList(heap(memory, 0, SIZE), { maximum: 100 }),
    { detectsDoubleFree: true },
  ],
  "FreeList of few": [
    (heap, memory) => new FreeList(heap(memory, 0, SIZE), { maximum: 70, minimum: 20, limit: 3 }),
  ],
  Quarantine: [(heap, memory) => new Quarantine(heap(memory, 0, SIZE), 4096), { detectsDoubleFree: true }],
  "Quarantine of nothing": [(heap, memory) => new Quarantine(heap(memory, 0, SIZE), 0)],
  Locked: [
    (heap, memory) => {
      const parent = heap(memory, 64, SIZE);
      return new Locked(parent, new FutexLock(memory, 0, 1));
    },
  ],
  Segregator: [
    (heap, memory) => new Segregator(128, heap(memory, 0, SIZE / 2), heap(memory, SIZE / 2, SIZE)),
    { capacity: SIZE },
  ],
  Fallback: [(heap, memory) => new Fallback(heap(memory, 0, SIZE / 4), heap(memory, SIZE / 4, SIZE))],
  "Bucketizer in a Segregator": [
    (heap, memory) => {
      const buckets = [0, 1, 2, 3].map((i) => heap(memory, i * 4096, (i + 1) * 4096));
      return new Segregator(255, new Bucketizer(64, buckets), heap(memory, SIZE / 2, SIZE));
    },
    { maxAlignment: 64 },
  ],
  AllocatorList: [
    (heap, memory) => {
      let start = 0;
      return new AllocatorList(() => {
        start += 8192;
        return start > SIZE ? undefined : heap(memory, start - 8192, start);
      });
    },
  ],
  "AllocatorList of Regions": [
    (heap, memory) => {
      const parent = heap(memory, 0, SIZE);
      return new AllocatorList(() => Region.create(parent, 4096));
    },
    { reuses: false },
  ],
  Region: [
    (heap, memory) => Region.create(heap(memory, 0, SIZE), 16384)!,
    { reuses: false, capacity: 16384 },
  ],
  "all the watchers": [
    (heap, memory) =>
      new StatsCollector(
        new TraceRecorder(
          new FailAfter(new Affix(new ShadowChecked(heap(memory, 0, SIZE))), Infinity),
          () => {},
        ),
      ),
    { detectsDoubleFree: true },
  ],
  "watchers over caches over a segregator": [
    (heap, memory) => {
      const two = new Segregator(200, heap(memory, 0, SIZE / 2), heap(memory, SIZE / 2, SIZE));
      return new ShadowChecked(new Quantizer(new FreeList(new Quarantine(two, 512), { maximum: 64 }), 16));
    },
  ],
};

describe("over other memories:", () => {
  const memories: Record<string, () => Memory> = {
    CountingMemory: () => new CountingMemory(LinearMemory.fixed(SIZE)),
    CheckedMemory: () => new CheckedMemory(LinearMemory.fixed(SIZE)),
    "a WebAssembly.Memory that grows": () => LinearMemory.growing({ maximum: 4 * 65536 }),
    "a shared WebAssembly.Memory that grows": () =>
      LinearMemory.growing({ maximum: 4 * 65536, shared: true }),
  };
  for (const [name, memory] of Object.entries(memories)) {
    describe(name, () => {
      const make = (): Allocator => new Affix(new FirstFit(LinearPages.create(memory())));
      for (const c of conformanceCases(make, { runs: 10, maxSize: 8192 })) test(c.name, c.run);
    });
  }
});

for (const [name, heap] of HEAPS) {
  describe(`over ${name}:`, () => {
    for (const [combinator, [compose, options = {}]] of Object.entries(OVER_ONE)) {
      describe(combinator, () => {
        const make = (): Allocator => compose(heap, LinearMemory.fixed(SIZE));
        for (const c of conformanceCases(make, { runs: 10, ...options })) test(c.name, c.run);
      });
    }
  });
}

describe("over a heap without capabilities:", () => {
  const compositions: Record<string, (heap: Allocator) => Allocator> = {
    StatsCollector: (heap) => new StatsCollector(heap),
    TraceRecorder: (heap) => new TraceRecorder(heap, () => {}),
    FailAfter: (heap) => new FailAfter(heap, Infinity),
    ShadowChecked: (heap) => new ShadowChecked(heap),
    Quantizer: (heap) => new Quantizer(heap, 32),
    Affix: (heap) => new Affix(heap),
  };
  for (const [name, compose] of Object.entries(compositions)) {
    describe(name, () => {
      const make = (): Allocator => compose(bare(new ReferenceHeap(LinearMemory.fixed(SIZE))));
      for (const c of conformanceCases(make, { runs: 10 })) test(c.name, c.run);
    });
  }
});
