/*
 * The express code and the general code are one algorithm: over the same calls they give the same addresses and leave the
 * same bytes behind. A heap with a probe is served by the general code alone.
 */
import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { OpKind, readTrace } from "@heapwright/trace";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Mallopt, Ptmalloc, type PtmallocOptions } from "../../src/index.ts";

/** What one call is: kind and slot are taken modulo what there is. */
interface Call {
  readonly kind: number;
  readonly slot: number;
  readonly size: number;
}

class Side {
  readonly pages: LinearPages;
  readonly heap: Ptmalloc;
  readonly blocks: number[] = [];

  constructor(options: PtmallocOptions) {
    this.pages = LinearPages.create(LinearMemory.growing());
    this.heap = new Ptmalloc(this.pages, options);
  }

  /** Makes the call and writes the whole block, as a program does that uses what it was given. */
  call(kind: number, slot: number, size: number, extra = 1): number {
    const { heap, blocks } = this;
    const old = blocks[slot] ?? 0;
    let block = 0;
    if (kind === OpKind.FREE) heap.free(old);
    else if (kind === OpKind.REALLOCATE) block = heap.realloc(old, size);
    else {
      heap.free(old);
      if (kind === OpKind.ZEROED) block = heap.calloc(extra, size);
      else block = kind === OpKind.ALIGNED ? heap.memalign(extra, size) : heap.malloc(size);
    }
    if (kind === OpKind.REALLOCATE && block === 0 && size !== 0) block = old;
    blocks[slot] = block;
    if (block !== 0) heap.memory.fill(block, heap.mallocUsableSize(block), slot + 1);
    return block;
  }

  bytes(): Uint8Array {
    return this.heap.memory.read(0, this.pages.sbrk(0));
  }
}

const twoSides = (options: PtmallocOptions = {}): [express: Side, general: Side] => [
  new Side(options),
  new Side({ ...options, probe: { event: () => {} } }),
];

const expectSame = (express: Side, general: Side): void => {
  const [a, b] = [express.bytes(), general.bytes()];
  expect(a.length).toBe(b.length);
  const at = Buffer.compare(a, b) === 0 ? -1 : a.findIndex((byte, index) => byte !== b[index]);
  expect(at, "the first byte that differs").toBe(-1);
};

const SIZES = [
  0, 1, 12, 13, 28, 60, 61, 64, 100, 500, 988, 989, 1000, 1020, 1021, 2000, 5000, 40_000, 70_000, 200_000,
];
const kinds = [
  OpKind.ALLOCATE,
  OpKind.ALLOCATE,
  OpKind.FREE,
  OpKind.FREE,
  OpKind.REALLOCATE,
  OpKind.ZEROED,
  OpKind.ALIGNED,
];

const CHANGES = [
  [Mallopt.M_MXFAST, 0],
  [Mallopt.M_PERTURB, 0xa5],
  [Mallopt.M_TRIM_THRESHOLD, 4096],
  [Mallopt.M_MXFAST, 80],
] as const;

const modes: Record<string, PtmallocOptions> = {
  "as it comes": {},
  "without a tcache": { tunables: { "glibc.malloc.tcache_count": 0 } },
  "with a small tcache": { tunables: { "glibc.malloc.tcache_count": 2, "glibc.malloc.tcache_max": 200 } },
  "with an end to sorting": { tunables: { "glibc.malloc.tcache_unsorted_limit": 1 } },
  "as glibc 2.31": { profile: "glibc-2.31" },
  "as glibc 2.41": { profile: "glibc-2.41" },
};

describe.each(Object.entries(modes))("express and general, %s", (_, options) => {
  test("any calls", () => {
    const call = fc.record({
      kind: fc.nat(kinds.length - 1),
      slot: fc.nat(40),
      size: fc.oneof(fc.constantFrom(...SIZES), fc.nat(3000)),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 400, size: "max" }), (calls: Call[]) => {
        const [express, general] = twoSides(options);
        for (const { kind, slot, size } of calls) {
          const extra = kinds[kind] === OpKind.ALIGNED ? 2 ** (slot % 13) : 1;
          expect(express.call(kinds[kind]!, slot, size, extra)).toBe(
            general.call(kinds[kind]!, slot, size, extra),
          );
        }
        expectSame(express, general);
        expect(express.heap.check()).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test("long runs, with parameters that change on the way", () => {
    for (let seed = 1; seed <= 4; seed++) {
      const [express, general] = twoSides(options);
      let state = seed;
      const random = (below: number): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      for (let i = 0; i < 12_000; i++) {
        const kind = kinds[random(kinds.length)]!;
        const slot = random(200);
        const size =
          random(4) === 0 ? SIZES[random(SIZES.length)]! : Math.floor(8 * 1000 ** (random(1000) / 1000));
        const extra = kind === OpKind.ALIGNED ? 2 ** random(13) : 1 + (slot % 3);
        expect(express.call(kind, slot, size, extra)).toBe(general.call(kind, slot, size, extra));
        if (i % 3000 === 2999) {
          const [parameter, value] = CHANGES[(seed + i / 3000) & 3]!;
          for (const side of [express, general]) side.heap.mallopt(parameter, value);
          expectSame(express, general);
        }
      }
      expectSame(express, general);
    }
  });
});

test("real programs", async () => {
  const folder = new URL("../../../../apps/bench/traces/", import.meta.url);
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".trace.gz"))) {
    const trace = await readTrace([gunzipSync(readFileSync(new URL(name, folder)))]);
    const [express, general] = twoSides();
    const length = Math.min(trace.length, 100_000);
    for (let op = 0; op < length; op++) {
      const [kind, slot, size] = [trace.kinds[op]!, trace.slots[op]!, trace.size(op)];
      const a = express.call(kind, slot, size, trace.extra(op));
      const b = general.call(kind, slot, size, trace.extra(op));
      if (a !== b) expect(`${name} ${op}: ${a}`).toBe(`${name} ${op}: ${b}`);
    }
    expectSame(express, general);
  }
});
