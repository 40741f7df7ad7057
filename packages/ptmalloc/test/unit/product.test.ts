import {
  AttachError,
  HeapCorruptionError,
  InvalidArgumentError,
  InvalidPointerError,
} from "@heapwright/allocator";
import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { Process } from "@heapwright/kernel";
import { describe, expect, test } from "vitest";
import { Mallopt, type ProbeEvent, Ptmalloc, type PtmallocOptions } from "../../src/index.ts";

const small = (options: PtmallocOptions = {}): Ptmalloc =>
  new Ptmalloc(LinearPages.create(LinearMemory.fixed(2 ** 20)), options);
const MAPS = "08048000-0804a000 r-xp 00000000 fe:00 11                         /bin/true\n";
const inProcess = (options: PtmallocOptions = {}): Ptmalloc =>
  new Ptmalloc(Process.fromMaps(MAPS, { abi: "i386" }), options);

describe("a heap in one line", () => {
  test("grows as it is used", () => {
    const heap = new Ptmalloc(LinearPages.create(LinearMemory.growing()));
    const before = heap.memory.byteLength;
    const blocks = Array.from({ length: 100 }, () => heap.malloc(100_000));
    expect(blocks.every((block) => block !== 0)).toBe(true);
    expect(heap.memory.byteLength).toBeGreaterThan(before);
    expect(heap.check()).toEqual([]);
    for (const block of blocks) heap.free(block);
    expect(heap.stats().allocatedBytes).toBe(0);
    expect(heap.trim(0)).toBeGreaterThan(0);
    expect(heap.check()).toEqual([]);
  });

  test.each(["i386", "x86_64"] as const)("goes on when a module grows its own memory, %s", (abi) => {
    const memory = LinearMemory.growing({ initial: 2 ** 18, maximum: 2 ** 24 });
    const heap = new Ptmalloc(LinearPages.create(memory), { abi });
    const calls: readonly ((block: number) => number)[] = [
      () => heap.malloc(40),
      () => heap.malloc(3000),
      () => heap.calloc(10, 4),
      (block) => heap.realloc(block, 500),
      () => heap.memalign(256, 100),
      (block) => heap.mallocUsableSize(block),
    ];
    for (const call of calls) {
      const block = heap.malloc(40);
      heap.free(heap.malloc(40));
      memory.store32(block, 7);
      memory.wasm!.grow(1);
      expect(call(block)).toBeGreaterThan(0);
      memory.wasm!.grow(1);
      heap.free(heap.malloc(40));
      memory.wasm!.grow(1);
      heap.free(heap.malloc(600));
    }
    expect(heap.check()).toEqual([]);
  });

  test("hands out typed arrays over the memory, and takes them back", () => {
    const heap = small();
    const floats = heap.allocateArray(Float32Array, 1000)!;
    expect(floats.length).toBe(1000);
    floats.fill(1.5);
    expect(heap.memory.load32(floats.byteOffset)).toBe(0x3fc00000);
    const wide = heap.allocateArray(BigInt64Array, 3)!;
    expect(wide.byteOffset % 8).toBe(0);
    heap.deallocateArray(floats);
    heap.deallocateArray(wide);
    expect(heap.stats().liveBlocks).toBe(0);
    expect(heap.allocateArray(Uint8Array, 2 ** 30)).toBeUndefined();
    expect(() => heap.allocateArray(Uint8Array, -1)).toThrow(InvalidArgumentError);
  });

  test("gives all of its break back when it is disposed of", () => {
    const pages = LinearPages.create(LinearMemory.fixed(2 ** 20));
    const start = pages.sbrk(0);
    {
      using heap = new Ptmalloc(pages);
      heap.malloc(1000);
      expect(pages.sbrk(0)).toBeGreaterThan(start);
    }
    expect(pages.sbrk(0)).toBe(start);
    expect(() => Ptmalloc.attach(pages)).toThrow(AttachError);
  });

  test("promises of a size no more than it keeps, whether the block is mapped or cut from the top", () => {
    for (const size of [100_000, 131_072, 200_000]) {
      const heap = inProcess();
      heap.malloc(1);
      expect(heap.usableSize(heap.malloc(size))).toBeGreaterThanOrEqual(heap.goodSize(size));
    }
  });
});

describe("the place of a chunk in its bin", () => {
  /** Fills the bins with chunks of one size, each between live blocks, freed in an order that is not that of their addresses. */
  const freed = (tunables: PtmallocOptions["tunables"], sizes: readonly number[]): Ptmalloc => {
    const heap = small({ tunables: tunables ?? {} });
    const blocks = sizes.map((size) => {
      const block = heap.malloc(size);
      heap.malloc(1);
      return block;
    });
    for (const at of [2, 0, 3, 1]) heap.free(blocks[at]!);
    return heap;
  };
  const first = (heap: Ptmalloc, bin: string): number =>
    [...heap.walk()].find((chunk) => chunk.bin?.startsWith(bin) && chunk.place === 0)?.payload ?? 0;

  for (const [bin, tunables, sizes] of [
    ["tcache 112", {}, [100, 100, 100, 100]],
    ["fast 32", { "glibc.malloc.tcache_count": 0 }, [25, 25, 25, 25]],
    ["small", { "glibc.malloc.tcache_count": 0 }, [100, 100, 100, 100]],
    ["large", { "glibc.malloc.tcache_count": 0 }, [5000, 5010, 4990, 5000]],
  ] as const) {
    test(`tells which one is taken next: ${bin}`, () => {
      const heap = freed(tunables, sizes);
      // A request that nothing serves sorts the unsorted chunks into their bins.
      if (bin === "small" || bin === "large") heap.malloc(100_000);
      for (let left = 4; left > 0; left--) {
        const next = first(heap, bin);
        expect(next).not.toBe(0);
        expect(heap.malloc(Math.min(...sizes))).toBe(next);
      }
      expect(first(heap, bin)).toBe(0);
    });
  }

  test("is told of the tcache of each thread", () => {
    const heap = small();
    const other = heap.thread(1);
    const [a, b] = [heap.malloc(10), other.malloc(10)];
    heap.free(a);
    other.free(b);
    const cached = [...heap.walk()].filter((chunk) => chunk.state === "cached");
    expect(cached.map(({ payload, thread, place }) => [payload, thread, place])).toEqual([
      [a, 0, 0],
      [b, 1, 0],
    ]);
  });
});

describe("attaching", () => {
  test("finds the heap of another, with its blocks", () => {
    const memory = LinearMemory.shared(2 ** 20);
    const first = new Ptmalloc(LinearPages.create(memory), { abi: "x86_64", profile: "glibc-2.31" });
    const block = first.malloc(100);
    const second = Ptmalloc.attach(LinearPages.attach(memory));
    expect([second.abi, second.profile]).toEqual(["x86_64", "glibc-2.31"]);
    second.free(block);
    expect(first.malloc(100)).toBe(block);
    expect(second.check()).toEqual([]);
  });

  test("refuses memory that holds no heap of this kind", () => {
    const memory = LinearMemory.fixed(65536);
    const pages = LinearPages.create(memory);
    expect(() => Ptmalloc.attach(pages)).toThrow(AttachError);
    expect(() => Ptmalloc.attach(Process.fromMaps(MAPS, { abi: "i386" }))).toThrow(AttachError);
    expect(() => Ptmalloc.attach(pages, 4096)).toThrow(/no ptmalloc heap at 0x1000/);
    const heap = small();
    heap.memory.store32(heap.stateAddress + 4, 99);
    expect(() => Ptmalloc.attach(heap.core.source, heap.stateAddress)).toThrow(/version 99/);
  });
});

describe("arguments", () => {
  test("options out of range are refused by name", () => {
    expect(() => small({ profile: "glibc-1.0" as never })).toThrow(InvalidArgumentError);
    expect(() => small({ abi: "arm" as never })).toThrow(/abi/);
    expect(() => small({ cores: 0 })).toThrow(/cores/);
    expect(() => small({ stateAddress: 8 })).toThrow(/stateAddress/);
    expect(() => small().thread(64)).toThrow(/from 0 to 63/);
    expect(() => small().exit()).toThrow(/main/);
  });

  test("no address outside the memory is looked at", () => {
    const heap = small();
    for (const bad of [2 ** 21, -16, 1.5, Number.NaN])
      expect(() => heap.deallocate(bad)).toThrow(InvalidPointerError);
    expect(() => heap.usableSize(2 ** 31)).toThrow(InvalidPointerError);
    expect(heap.owns(-1) || heap.owns(0) || heap.owns(2 ** 32)).toBe(false);
  });

  test("C's corners: zero sizes, products, alignments", () => {
    const heap = small();
    expect(heap.malloc(0)).not.toBe(heap.malloc(0));
    expect(heap.calloc(2 ** 31, 2 ** 31)).toBe(0);
    expect(heap.reallocarray(0, 2 ** 20, 2 ** 20)).toBe(0);
    const block = heap.realloc(0, 10);
    expect(heap.realloc(block, 0)).toBe(0);
    expect(heap.alignedAlloc(48, 10) % 64).toBe(0);
    expect(heap.valloc(10) % 4096).toBe(0);
    expect(heap.mallocUsableSize(heap.pvalloc(10))).toBeGreaterThanOrEqual(4096);
    const target = heap.malloc(8);
    expect([0, 3, 12, 2].map((alignment) => heap.posixMemalign(target, alignment, 10))).toEqual([
      22, 22, 22, 22,
    ]);
    expect(heap.posixMemalign(target, 256, 10)).toBe(0);
    expect(heap.memory.load32(target) % 256).toBe(0);
    expect(heap.posixMemalign(target, 256, 2 ** 30)).toBe(12);
    expect(heap.mallocUsableSize(0)).toBe(0);
    expect(heap.check()).toEqual([]);
  });
});

describe("mallopt", () => {
  test("M_PERTURB fills what is handed out and what is given back", () => {
    const heap = small({ tunables: { "glibc.malloc.tcache_count": 0 } });
    expect(heap.mallopt(Mallopt.M_PERTURB, 0x55)).toBe(1);
    const block = heap.malloc(100);
    heap.malloc(100);
    expect([...heap.memory.read(block, 100)].every((byte) => byte === 0xaa)).toBe(true);
    heap.free(block);
    expect([...heap.memory.read(block + 8, 80)].every((byte) => byte === 0x55)).toBe(true);
    const cleared = heap.calloc(1, 100);
    expect([...heap.memory.read(cleared, 100)].every((byte) => byte === 0)).toBe(true);
  });

  test("takes what glibc takes", () => {
    const heap = small();
    expect(heap.mallopt(Mallopt.M_MXFAST, 80)).toBe(1);
    expect(heap.mallopt(Mallopt.M_MXFAST, 81)).toBe(0);
    expect(heap.mallopt(Mallopt.M_MXFAST, -1)).toBe(0);
    expect(heap.mallopt(Mallopt.M_TRIM_THRESHOLD, -1)).toBe(1);
    expect(heap.mallopt(12345, 1)).toBe(1);
    expect(small({ profile: "glibc-2.31" }).mallopt(Mallopt.M_MMAP_THRESHOLD, 2 ** 20)).toBe(0);
  });
});

describe("threads", () => {
  test("each gets an arena up to the limit, and an arena left is used again", () => {
    const heap = inProcess({ cores: 2 });
    const blocks = [1, 2, 3, 4, 5].map((n) => heap.thread(n).malloc(100));
    expect(heap.arenas().length).toBe(4);
    expect(heap.check()).toEqual([]);
    heap.thread(2).exit();
    expect(heap.check()).toEqual([]);
    const again = heap.thread(6).malloc(100);
    expect(again >>> 20).toBe(blocks[1]! >>> 20);
    heap.thread(3).free(again);
    for (const block of blocks) heap.free(block);
    expect(heap.check()).toEqual([]);
  });

  test("the older way makes a new arena only where all are busy", () => {
    const heap = inProcess({ profile: "ptmalloc-2.12" });
    heap.thread(1).malloc(100);
    expect(heap.arenas().length).toBe(1);
    expect(() => heap.holdArena(undefined as never)).toThrow(InvalidArgumentError);
    expect(() => heap.releaseArena(64)).toThrow(InvalidArgumentError);
    heap.holdArena(heap.arenas()[0]!);
    heap.thread(1).malloc(100);
    expect(heap.arenas().length).toBe(2);
    heap.releaseArena(heap.arenas()[0]!);
    heap.thread(2).malloc(100);
    expect(heap.arenas().length).toBe(2);
    expect(heap.check()).toEqual([]);
  });

  test("share the main arena where nothing can be mapped", () => {
    const heap = small();
    const block = heap.thread(1).malloc(100);
    heap.thread(2).free(block);
    expect(heap.arenas().length).toBe(1);
    expect(heap.check()).toEqual([]);
  });
});

describe("the probe", () => {
  test("is told how each allocation was served, and nothing once it is gone", () => {
    const events: ProbeEvent[] = [];
    const heap = small({ probe: { event: (name) => void events.push(name) } });
    const block = heap.malloc(100);
    expect(events).toContain("memory_sbrk_more");
    expect(events.at(-1)).toBe("serve_top");
    heap.free(block);
    expect(events.at(-1)).toBe("free_tcache");
    heap.malloc(100);
    expect(events.at(-1)).toBe("serve_tcache");
    heap.probe = undefined;
    const count = events.length;
    heap.free(block);
    expect(events.length).toBe(count);
  });
});

describe("check", () => {
  /** Freed chunks of every kind, among live ones. */
  const busy = (): { heap: Ptmalloc; live: number; binned: number } => {
    const heap = small({ tunables: { "glibc.malloc.tcache_count": 2 } });
    const blocks = Array.from({ length: 60 }, (_, n) => heap.malloc(24 + 40 * n));
    for (let n = 0; n < 60; n += 2) heap.free(blocks[n]!);
    heap.malloc(4000);
    for (let n = 0; n < 6; n++) heap.free(heap.malloc(24));
    return { heap, live: blocks[31]!, binned: blocks[50]! };
  };

  test("is silent on a sound heap", () => expect(busy().heap.check()).toEqual([]));

  const damages: [string, (heap: Ptmalloc, live: number, binned: number) => void][] = [
    ["a size overrun", (heap, live) => heap.memory.store32(live - 4, heap.memory.load32(live - 4) + 16)],
    ["a broken fd", (heap, _, binned) => heap.memory.store32(binned, binned + 64)],
    ["a broken fd_nextsize", (heap, _, binned) => heap.memory.store32(binned + 8, binned + 64)],
    ["a size that no bin holds", (heap, _, binned) => heap.memory.store32(binned - 4, 0x11)],
    ["a changed tcache count", (heap) => heap.memory.store16(heap.tcache, 7)],
    ["a broken tcache key", (heap) => heap.memory.store32(heap.memory.load32(heap.tcache + 132) + 4, 1)],
    ["a cleared bin map", (heap) => heap.memory.fill(heap.arenas()[0]! + 0x438, 16, 0)],
    ["a wrong system_mem", (heap) => heap.memory.store32(heap.arenas()[0]! + 0x454, 64)],
    ["a wrong attached_threads", (heap) => heap.memory.store32(heap.arenas()[0]! + 0x450, 3)],
  ];
  for (const [name, damage] of damages) {
    test(`finds ${name}`, () => {
      const { heap, live, binned } = busy();
      damage(heap, live, binned);
      expect(heap.check().length).toBeGreaterThan(0);
    });
  }

  test.each(["i386", "x86_64"] as const)(
    "%s: a heap that fills its memory to the last byte is sound",
    (abi) => {
      const heap = new Ptmalloc(LinearPages.create(LinearMemory.fixed(2 ** 16)), { abi });
      for (let size = 2 ** 15; size > 0; size = size > 64 ? Math.floor(size / 2) : size - 1)
        while (heap.malloc(size) !== 0) expect(heap.check()).toEqual([]);
    },
  );

  test.each(["i386", "x86_64"] as const)("%s: follows a heap over a gap, whatever was left of top", (abi) => {
    for (let left = 0; left < 96; left += 8) {
      const pages = LinearPages.create(LinearMemory.growing());
      const heap = new Ptmalloc(pages, { abi, tunables: { "glibc.malloc.mmap_max": 0 } });
      heap.malloc(24);
      const { size } = [...heap.walk()].find(({ state }) => state === "top")!;
      heap.malloc(size - 64 - left);
      pages.sbrk(4096);
      const block = heap.malloc(70_000);
      expect(heap.check()).toEqual([]);
      expect([...heap.walk()].some(({ payload }) => payload === block)).toBe(true);
    }
  });

  test.each(["i386", "x86_64"] as const)(
    "%s: ends, and throws nothing, whatever word is destroyed",
    (abi) => {
      const heap = small({ abi, tunables: { "glibc.malloc.tcache_count": 2 } });
      const other = heap.thread(1);
      const blocks = Array.from({ length: 60 }, (_, n) => (n % 3 ? heap : other).malloc(24 + 40 * n));
      for (let n = 0; n < 60; n += 2) heap.free(blocks[n]!);
      heap.malloc(4000);
      const sound = heap.walk();
      expect(heap.check()).toEqual([]);
      const words = Array.from(sound, ({ address }) => address + (abi === "i386" ? 4 : 8));
      for (let at = heap.stateAddress; at < heap.stateAddress + 4096; at += 4) words.push(at);
      for (const block of blocks) for (let at = 0; at < 32; at += 4) words.push(block + at);
      const { memory } = heap;
      const values = [0, 1, 8, 16, 33, 4096, 0x7fff_fff0, 0xffff_fff1, blocks[3]!, blocks[7]! - 8];
      for (const at of words) {
        const kept = memory.load32(at);
        for (const value of values) {
          memory.store32(at, value);
          expect(Array.isArray(heap.check()), `${at} = ${value}`).toBe(true);
        }
        memory.store32(at, kept);
      }
      expect(heap.check()).toEqual([]);
    },
  );
});

describe("corruption", () => {
  test("is told in glibc's words and leaves the heap as it was", () => {
    const heap = small();
    const block = heap.malloc(24);
    heap.free(block);
    const before = heap.memory.read(0, heap.memory.byteLength);
    expect(() => heap.free(block)).toThrow(
      new HeapCorruptionError(block, "free(): double free detected in tcache 2"),
    );
    expect(Buffer.compare(heap.memory.read(0, heap.memory.byteLength), before)).toBe(0);
  });
});
