import { parseTrace } from "@heapwright/trace";
import { describe, expect, it } from "vitest";
import { peers } from "../src/peers/catalogue.ts";
import { parseCounters } from "../src/peers/count.ts";
import { countTable } from "../src/peers/count-report.ts";
import { toHtml } from "../src/peers/html.ts";
import type { Measurement, StreamFile } from "../src/peers/measure.ts";
import { decodeStream, encodeStream, type OpStream, streamOfTrace } from "../src/peers/op-stream.ts";
import { Figures, faultLines, memoryTable, timeTable } from "../src/peers/report.ts";
import { repeat, time } from "../src/peers/timing.ts";
import { liveCounts, workload, workloadNames } from "../src/peers/workloads.ts";

/** Replays a stream over a list of sizes: every operation must make sense. */
const follow = ({ ops, slotCount, timedFrom }: OpStream) => {
  const sizes = new Int32Array(slotCount);
  let live = 0;
  let bytes = 0;
  let peak = 0;
  let peakLive = 0;
  let requested = 0;
  let allocations = 0;
  let liveAtStart = 0;
  for (let at = 0; at < ops.length; at += 2) {
    if (at === timedFrom * 2) liveAtStart = live;
    const slot = ops[at]! & 0xffffff;
    const kind = (ops[at]! >>> 24) & 7;
    const old = sizes[slot]!;
    if (kind === 4) {
      if (old === 0) throw new Error(`operation ${at / 2} frees an empty slot`);
      bytes -= old;
      live--;
      sizes[slot] = 0;
      continue;
    }
    if ((kind === 3) !== old > 0) throw new Error(`operation ${at / 2} has a wrong slot`);
    if (kind !== 3) live++;
    sizes[slot] = ops[at + 1]!;
    bytes += sizes[slot]! - old;
    requested += sizes[slot]!;
    allocations++;
    peak = Math.max(peak, bytes);
    peakLive = Math.max(peakLive, live);
  }
  return { peak, peakLive, mean: requested / allocations, liveAtStart };
};

describe("workloads", () => {
  it("are what their descriptions say", () => {
    const w1 = workload("W1")!;
    const one = follow(w1);
    expect(w1.ops.length / 2).toBe(2_000_000);
    expect(one.peak).toBe(w1.peakLiveBytes);
    expect(Math.abs(one.mean - 71)).toBeLessThan(1);
    expect(Math.abs(one.peakLive - 2048)).toBeLessThan(200);
    const w2 = workload("W2")!;
    expect(follow(w2).peak).toBe(w2.peakLiveBytes);
    expect(Math.abs(w2.peakLiveBytes / 43.4e6 - 1)).toBeLessThan(0.02);
    for (const name of ["W3F", "W3L"]) expect(follow(workload(name)!).peakLive).toBe(10_000);
    expect(follow(workload("W4")!)).toMatchObject({ peak: 64, peakLive: 1 });
    expect(follow(workload("L10k")!).liveAtStart).toBe(10_000);
  }, 120_000);

  it("are the same every time, and known by name only", () => {
    expect(Buffer.compare(encodeStream(workload("W3L")!), encodeStream(workload("W3L")!))).toBe(0);
    for (const name of [...workloadNames, "L1k"]) expect(workload(name)).toBeDefined();
    expect(liveCounts.get("L1M")).toBe(1_000_000);
    expect(workload("W9")).toBeUndefined();
  });
});

describe("operation streams", () => {
  it("come back from their files", () => {
    const stream = { ops: Int32Array.of(0, 8, 4 << 24, 0), slotCount: 1, timedFrom: 1, peakLiveBytes: 8 };
    expect(decodeStream(encodeStream(stream))).toEqual(stream);
    expect(() => decodeStream(new Uint8Array(64))).toThrow(/not an operation stream/);
  });

  it("hold all kinds of a trace's operations", () => {
    const text =
      "# heap-trace 1\n# ops: 5\n# slots: 3\n# peak-live-bytes: 532\n# threads: 1\na 0 100\nc 1 4 8\nm 2 64 300\nr 0 200\nf 1\n";
    const { ops, slotCount, peakLiveBytes } = streamOfTrace(parseTrace(text));
    expect([...ops]).toEqual([
      0,
      100,
      1 | (1 << 24),
      32,
      2 | (2 << 24) | (6 << 27),
      300,
      3 << 24,
      200,
      1 | (4 << 24),
      0,
    ]);
    expect([slotCount, peakLiveBytes]).toEqual([3, 532]);
  });

  it("are timed chunk by chunk, each operation in its turn", () => {
    const stream = workload("W4")!;
    let expected = 0;
    let cleared = 0;
    const { ns, least } = time(
      stream,
      (from, to) => {
        if (to === 0) return;
        expect(from).toBe(expected);
        expected = to === stream.ops.length ? 0 : to;
      },
      () => cleared++,
    );
    expect(cleared).toBe(6);
    expect(least).toBeGreaterThan(0);
    expect(ns).toBeGreaterThanOrEqual(least);
  });

  it("are repeated as often as asked, short ones until there is enough to count", () => {
    const stream = { ops: new Int32Array(6), slotCount: 1, timedFrom: 0, peakLiveBytes: 1 };
    let passed = 0;
    const pass = (from: number, to: number): void => {
      passed += (to - from) / 2;
    };
    const operations = repeat(stream, pass, () => {}, 2);
    expect(operations).toBe(passed);
    expect(Math.abs(operations - 4_000_000)).toBeLessThan(6);
  });
});

describe("counts", () => {
  const report = `==7== I   refs:      8,217,896,234
==7== I1  misses:            8,680,708
==7== D   refs:        2,865,795,887  (1,858,533,777 rd   + 1,007,262,110 wr)
==7== D1  misses:         42,009,973  (   31,583,586 rd   +    10,426,387 wr)
==7== Branches:        1,672,484,113  (1,629,205,728 cond +    43,278,385 ind)
==7== Mispredicts:        60,828,835  (   57,975,899 cond +     2,852,936 ind)
`;
  const counted = {
    instructions: 8217896234,
    loads: 1858533777,
    stores: 1007262110,
    branches: 1672484113,
    mispredicted: 60828835,
    "cache misses": 42009973,
  };

  it("are read from what valgrind prints", () => {
    expect(parseCounters(report)).toEqual(counted);
    expect(parseCounters("valgrind: node: command not found")).toBeUndefined();
  });

  it("are shown an allocator a row, and faults below", () => {
    const table = countTable([
      { peer: "spans", stream: "W1", perOperation: counted },
      { peer: "thi.ng", stream: "W1", fault: "valgrind: exit 1" },
    ]);
    expect(table).toContain("60828835");
    expect(table).toContain("thi.ng on W1: valgrind: exit 1");
  });
});

describe("the report", () => {
  const stream = (name: string, real: boolean): StreamFile => ({
    name,
    path: "",
    operations: 10,
    peakLiveBytes: 1000,
    real,
  });
  const cell = (peer: string, name: string, ns: number[], held: number): Measurement => ({
    peer,
    stream: name,
    ns,
    least: ns,
    held,
  });
  const chosen = peers.filter(({ name }) =>
    ["spans", "glibc", "dlmalloc-wasm", "as-tlsf", "thi.ng"].includes(name),
  );
  const result = {
    streams: [stream("W1", false), stream("a", true), stream("b", true)],
    peers: chosen,
    measurements: [
      ...["W1", "a", "b"].flatMap((name) => [
        cell("glibc", name, [9, 10, 30], 1100),
        cell("dlmalloc-wasm", name, [20, 20, 20], 1200),
        cell("as-tlsf", name, [40], 1500),
      ]),
      cell("spans", "W1", [5], 1100),
      cell("spans", "a", [5], 2200),
      cell("spans", "b", [20], 550),
      { peer: "thi.ng", stream: "W1", ns: [], least: [], fault: "not done in 20 s" },
    ],
  };
  const figures = new Figures(result);

  it("takes medians, and ratios to glibc and to the best WebAssembly peer", () => {
    expect(figures.ns("glibc", "a")).toBe(10);
    expect(figures.toGlibc("spans", "a")).toBe(0.5);
    expect(figures.toWasm("spans", "W1")).toBe(0.25);
    expect(figures.overTraces(({ name }) => figures.toGlibc("spans", name))).toBeCloseTo(1);
    expect(figures.overTraces(({ name }) => figures.heldToGlibc("spans", name))).toBeCloseTo(1);
    expect(figures.overPayload("glibc", result.streams[0]!)).toBe(1.1);
    expect(figures.overTraces(({ name }) => figures.toGlibc("thi.ng", name))).toBeNaN();
  });

  it("shows them, with what failed", () => {
    expect(timeTable(figures)).toContain("5.00 (0.50)");
    expect(timeTable(figures)).toContain("failed");
    expect(memoryTable(figures)).toContain("1.10 (1.00)");
    expect(faultLines(result)).toEqual(["thi.ng on W1: not done in 20 s"]);
    expect(toHtml(figures, "a < b", ["table"])).toContain("a &lt; b");
  });
});
