import { CountingMemory, LinearMemory } from "@heapwright/heap-memory";
import { struct, structCache } from "@heapwright/slab";
import { describe, expect, expectTypeOf, test } from "vitest";
import { slabsOver } from "./heap.ts";

const Everything = struct({
  ...({ flag: "bool", i8: "i8", u16: "u16", i16: "i16", u8: "u8", i32: "i32" } as const),
  ...({ f64: "f64", f32: "f32", u32: "u32", i64: "i64", u64: "u64", next: "ptr" } as const),
});

test("lays fields out as a C compiler does", () => {
  expect(Everything.offsets).toEqual({
    ...{ flag: 0, i8: 1, u16: 2, i16: 4, u8: 6, i32: 8 },
    ...{ f64: 16, f32: 24, u32: 28, i64: 32, u64: 40, next: 48 },
  });
  expect([Everything.size, Everything.align]).toEqual([56, 8]);
  expect(struct({ a: "u8", b: "u16" })).toMatchObject({ size: 4, align: 2 });
});

test("infers the type of each field", () => {
  const { get, set, cursor } = Everything.over(LinearMemory.fixed(1024));
  expectTypeOf(get.f32).returns.toEqualTypeOf<number>();
  expectTypeOf(get.flag).returns.toEqualTypeOf<boolean>();
  expectTypeOf(get.i64).returns.toEqualTypeOf<bigint>();
  expectTypeOf(set.flag).parameter(1).toEqualTypeOf<boolean>();
  expectTypeOf(cursor().next).toEqualTypeOf<number>();
  // @ts-expect-error: no such field
  expect(get.nothing).toBeUndefined();
});

describe.each([
  ["a fixed memory", () => LinearMemory.fixed(65536)],
  ["a growing memory", () => LinearMemory.growing({ initial: 65536, maximum: 2 ** 20 })],
  ["a memory without views", () => new CountingMemory(LinearMemory.fixed(65536))],
])("over %s", (_, make) => {
  test("reads what it wrote, and touches nothing else", () => {
    const memory = make();
    const { get, set, cursor } = Everything.over(memory);
    const at = 128;
    memory.fill(at - 8, Everything.size + 16, 0xee);
    const values = {
      ...{ flag: true, i8: -5, u16: 65535, i16: -30000, u8: 250, i32: -(2 ** 31), f64: Math.PI },
      ...{ f32: 0.5, u32: 2 ** 32 - 1, i64: -(2n ** 63n), u64: 2n ** 64n - 1n, next: 2 ** 32 - 64 },
    };
    memory.grow(2 ** 17);
    for (const key of Object.keys(values) as (keyof typeof values)[]) set[key](at, values[key] as never);
    for (const key of Object.keys(values) as (keyof typeof values)[])
      expect(get[key](at), key).toBe(values[key]);
    expect(memory.read(at - 8, 8).every((byte) => byte === 0xee)).toBe(true);
    expect(memory.read(at + Everything.size, 8).every((byte) => byte === 0xee)).toBe(true);
    const object = cursor(at);
    expect({ ...values, f32: object.f32 }).toEqual({ ...values });
    object.address = at + 64;
    object.i16 = -7;
    expect(get.i16(at + 64)).toBe(-7);
    expect(get.i16(at)).toBe(-30000);
  });
});

test("a struct cache hands out zeroed objects, and is found again by its name", () => {
  const slabs = slabsOver(2 ** 20);
  const nodes = structCache(slabs, "node", struct({ value: "f32", next: "ptr" }));
  const first = nodes.alloc();
  nodes.set.value(first, 1.5);
  nodes.set.next(first, nodes.alloc());
  nodes.free(first);
  const again = nodes.alloc();
  expect([again, nodes.get.value(again), nodes.get.next(again)]).toEqual([first, 0, 0]);
  expect(structCache(slabs, "node", struct({ value: "f32", next: "ptr" })).cache).toBe(nodes.cache);
  expect(() => structCache(slabs, "node", struct({ value: "f64", other: "f64" }))).toThrow(
    "unused, or a cache of objects",
  );
});

test("refuses what is no struct", () => {
  expect(() => struct({})).toThrow("at least one field");
  expect(() => struct({ address: "u32" })).toThrow("another name");
  expect(() => struct({ x: "float" as "f32" })).toThrow("a field type");
});
