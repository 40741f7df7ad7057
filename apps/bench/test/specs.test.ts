import { replay } from "@heapwright/trace";
import { describe, expect, test } from "vitest";
import { toColumns } from "../src/measure/columns.ts";
import { Driver } from "../src/measure/driver.ts";
import { buildSpec, expectSpec } from "../src/specs/build.ts";
import { formatSpec, parseSpecs } from "../src/specs/grammar.ts";
import { DEFAULT_ALLOCATORS, strategies } from "../src/specs/registry.ts";
import { loadTrace } from "../src/traces/load.ts";

const one = (text: string) => parseSpecs(text)[0]!;

describe("the grammar of specs", () => {
  test("reads names, numbers with units, options and nesting", () => {
    expect(parseSpecs("a, b-1(2K,c(x=1.5), d( ),3)")).toEqual([
      { name: "a", numbers: [], parts: [], options: {} },
      {
        name: "b-1",
        numbers: [2048, 3],
        parts: [
          { name: "c", numbers: [], parts: [], options: { x: "1.5" } },
          { name: "d", numbers: [], parts: [], options: {} },
        ],
        options: {},
      },
    ]);
  });

  test("writes what it reads", () => {
    const text = "segregate(2048, kmalloc, ptmalloc(profile=glibc-2.41))";
    expect(formatSpec(one(text))).toBe(text);
    expect(parseSpecs(DEFAULT_ALLOCATORS).map(formatSpec).join(", ")).toBe(DEFAULT_ALLOCATORS);
  });

  test.each([
    ["", "expected an allocator's name, found its end"],
    ["a,", "expected an allocator's name, found its end"],
    ["a(", "expected an allocator's name, found its end"],
    ["a(1", 'expected "," or ")", found its end'],
    ["a b", 'expected ",", found "b"'],
    ["a)", 'expected ",", found ")"'],
    ["a(;)", 'expected a name, a number or one of ( ) ,, found ";)"'],
    ["a=b", 'expected an allocator\'s name, found "a=b"'],
  ])("refuses %j", (text, message) => {
    expect(() => parseSpecs(text)).toThrow(`allocator spec "${text}": ${message}`);
  });

  test.each([
    ["nonesuch", 'unknown allocator "nonesuch"'],
    ["segregate(spans, tlsf)", "segregate(spans, tlsf) should read segregate(BYTES, small, large)"],
    ["fallback(spans, nonesuch)", 'unknown allocator "nonesuch"'],
    ["spans(64)", "spans takes only options"],
  ])("%s is not one", (text, message) => {
    expect(() => expectSpec(one(text))).toThrow(message);
  });

  test.each([
    ["fallback(spans, spans)", "can stand there only once"],
    ["fallback(as-tlsf, tlsf)", "cannot be part of a composition"],
    ["spans(a=1)", 'spans has no option "a"'],
    ["buddy(page=x)", 'page must be a whole number, not "x"'],
    ["buddy(page=24)", "buddy(page=24): pageSize must be"],
    ["ptmalloc(profile=glibc-9)", "profile must be one of"],
    ["quantize(3, tlsf)", "quantum must be a power of two"],
  ])("%s cannot be built", async (text, message) => {
    await expect(buildSpec(one(text))).rejects.toThrow(message);
  });
});

const family = Object.entries(strategies).flatMap(([name, { peer }]) =>
  peer || name === "null" ? [] : [name],
);
const compositions = [
  "segregate(2048, kmalloc, ptmalloc)",
  "fallback(kmalloc, spans)",
  "freelist(512, tlsf)",
  "quantize(64, best-fit)",
  "quarantine(1M, first-fit)",
];

describe.each([...family, ...compositions])("%s", (text) => {
  test("replays a real trace with every block sound", async () => {
    const { trace } = await loadTrace("tar");
    const { allocator, heapBytes } = await buildSpec(one(text));
    const result = replay(trace, allocator, { shadow: true, checkEvery: 500 });
    expect(result).toMatchObject({ ops: trace.length, failed: 0, fault: undefined });
    expect(heapBytes()).toBeGreaterThan(0);
  });

  test("is driven in the timed loop to the same addresses as in the checked replay", async () => {
    const { trace } = await loadTrace("tar");
    const replayed = new Map<number, number>();
    const first = await buildSpec(one(text));
    replay(trace, first.allocator, { afterOp: (op, address) => replayed.set(trace.slot(op), address) });
    const second = await buildSpec(one(text));
    const driver = new Driver(toColumns(trace), second.allocator);
    driver.run(0, trace.length);
    expect([...driver.bases]).toEqual(Array.from(driver.bases, (_, slot) => replayed.get(slot)));
  });
});
