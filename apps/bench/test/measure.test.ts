import { Tlsf } from "@heapwright/classic";
import { CountingMemory } from "@heapwright/heap-memory";
import { TraceBuilder } from "@heapwright/trace";
import { describe, expect, test } from "vitest";
import { toColumns } from "../src/measure/columns.ts";
import { costRun } from "../src/measure/cost-run.ts";
import { Driver } from "../src/measure/driver.ts";
import { geometricMean, median, spread } from "../src/measure/median.ts";
import { memoryRun } from "../src/measure/memory-run.ts";
import { TouchCounter } from "../src/measure/touch-counter.ts";
import { parseSpecs } from "../src/specs/grammar.ts";
import { makeRooms } from "../src/specs/room.ts";

const progress = new Int32Array(new SharedArrayBuffer(8));
const [bump] = parseSpecs("bump");
const [tlsf] = parseSpecs("tlsf");

test("medians, spreads and means", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, Number.NaN]);
  expect(spread([9, 10, 12])).toBeCloseTo(0.15);
  expect(geometricMean([1, 100])).toBeCloseTo(10);
});

describe("the memory run", () => {
  test("finds peak, use and waste", async () => {
    const builder = new TraceBuilder();
    for (let slot = 0; slot < 100; slot++) builder.allocate(slot, 1000);
    for (let slot = 0; slot < 100; slot++) builder.free(slot);
    const result = await memoryRun(bump!, toColumns(builder.finish("ramp")), progress);
    expect(result.failed).toBe(0);
    expect(result.peakHeapBytes).toBeGreaterThanOrEqual(100_000);
    expect(result.utilisation).toBeCloseTo(100_000 / result.peakHeapBytes);
    expect(result.averageFragmentation).toBeGreaterThan(0.3);
  });

  test("tells internal from external fragmentation at the peak", async () => {
    const builder = new TraceBuilder();
    for (let slot = 0; slot < 2000; slot++) builder.allocate(slot, 100);
    for (let slot = 0; slot < 2000; slot += 2) builder.free(slot);
    builder.allocate(0, 200_000);
    const { internal, external } = await memoryRun(tlsf!, toColumns(builder.finish("holes")), progress);
    expect(internal).toBeGreaterThan(0);
    expect(internal).toBeLessThan(0.05);
    expect(external).toBeGreaterThan(0.3);
  });
});

describe("counting", () => {
  test("lines and pages once an operation, words each time", () => {
    const counter = new TouchCounter();
    counter.touch(60, 8);
    counter.touch(64, 4);
    counter.endOp();
    counter.touch(4090, 12);
    counter.endOp();
    expect([counter.words, counter.lines, counter.pages]).toEqual([2 + 1 + 3, 2 + 2, 1 + 2]);
  });

  // Last: it replaces the constructors of typed arrays for good.
  test("counts what CountingMemory counts, each time", async () => {
    const builder = new TraceBuilder();
    for (let op = 0; op < 500; op++) {
      builder.allocate(op, 40 + (op % 7) * 16);
      if (op % 3 === 0) builder.free(op);
    }
    const columns = toColumns(builder.finish("count"));

    const [room] = makeRooms(1);
    const counted = new CountingMemory(room!.memory);
    const source = {
      memory: counted,
      pageSize: 4096,
      sbrk: (increment: number) => room!.pages.sbrk(increment),
    };
    const driver = new Driver(columns, new Tlsf(source));
    for (let op = 0; op < columns.length; op++) {
      counted.begin();
      driver.run(op, op + 1);
      counted.end();
    }
    const { operations, words, lines, pages } = counted;
    const expected = { words: words / operations, lines: lines / operations, pages: pages / operations };
    expect(expected.words).toBeGreaterThan(5);

    expect(await costRun(tlsf!, columns, progress)).toMatchObject(expected);
    expect(await costRun(tlsf!, columns, progress)).toMatchObject(expected);
  });
});
