import { AttachError, InvalidArgumentError, InvalidPointerError } from "@heapwright/allocator";
import { claimHeap, expectHeap, LinearMemory, LinearPages, type WasmMemory } from "@heapwright/heap-memory";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const KINDS: Record<string, () => LinearMemory> = {
  "an ArrayBuffer": () => LinearMemory.fixed(65536),
  "a SharedArrayBuffer": () => LinearMemory.shared(65536),
  "a growing WebAssembly.Memory": () => LinearMemory.growing({ initial: 65536, maximum: 4 * 65536 }),
  "a shared WebAssembly.Memory": () => LinearMemory.growing({ maximum: 4 * 65536, shared: true }),
};

test("words above 2^31 keep their value and their place", () => {
  const memory = LinearMemory.fixed(2 ** 32);
  memory.store32(2 ** 32 - 4, 0xdeadbeef);
  expect(memory.load32(2 ** 32 - 4)).toBe(0xdeadbeef);
  expect(memory.load8(2 ** 32 - 1)).toBe(0xde);
  expect(memory.load16(2 ** 32 - 2)).toBe(0xdead);
  expect(memory.load64(2 ** 32 - 8)).toBe(0xdeadbeef00000000n);
  memory.copy(2 ** 31, 2 ** 32 - 4, 4);
  expect(memory.read(2 ** 31, 4)).toEqual(Uint8Array.of(0xef, 0xbe, 0xad, 0xde));
  memory.fill(2 ** 31 + 1, 2, 0x11);
  expect(memory.u32(2 ** 31, 1)[0]).toBe(0xde1111ef);
  memory.f64(2 ** 32 - 8, 1)[0] = 1.5;
  expect(memory.load32(2 ** 32 - 4)).toBe(0x3ff80000);
  memory.write(2 ** 32 - 2, Uint8Array.of(1, 2));
  expect(memory.load16(2 ** 32 - 2)).toBe(0x0201);
  expect(() => memory.write(2 ** 32 - 1, Uint8Array.of(1, 2))).toThrow(InvalidPointerError);
});

describe.each(Object.entries(KINDS))("over %s", (_, make) => {
  test("every access is what a DataView does", () => {
    const memory = make();
    const view = new DataView(new ArrayBuffer(256));
    const access = fc.record({
      size: fc.constantFrom(1, 2, 4, 8),
      at: fc.nat({ max: 31 }),
      value: fc.nat({ max: 2 ** 32 - 1 }),
    });
    fc.assert(
      fc.property(access, ({ size, at, value }) => {
        const address = at * 8;
        if (size === 1) memory.store8(address, value);
        else if (size === 2) memory.store16(address, value);
        else if (size === 4) memory.store32(address, value);
        else memory.store64(address, BigInt(value) * 0x100000003n);
        if (size === 1) view.setUint8(address, value);
        else if (size === 2) view.setUint16(address, value, true);
        else if (size === 4) view.setUint32(address, value, true);
        else view.setBigUint64(address, BigInt(value) * 0x100000003n, true);
        expect(memory.read(0, 256)).toEqual(new Uint8Array(view.buffer));
        expect(memory.load8(address)).toBe(view.getUint8(address));
        expect(memory.load16(address)).toBe(view.getUint16(address, true));
        expect(memory.load32(address)).toBe(view.getUint32(address, true));
        expect(memory.load64(address)).toBe(view.getBigUint64(address, true));
      }),
    );
  });

  test("gives every kind of view, and refuses what is out of place", () => {
    const memory = make();
    memory.write(
      64,
      Uint8Array.from({ length: 64 }, (_, i) => 0x80 + i),
    );
    expect(memory.u8(64, 2)).toEqual(Uint8Array.of(0x80, 0x81));
    expect(memory.i8(64, 1)[0]).toBe(-128);
    expect(memory.u16(64, 1)[0]).toBe(0x8180);
    expect(memory.i16(64, 1)[0]).toBe(0x8180 - 0x10000);
    expect(memory.u32(64, 1)[0]).toBe(0x83828180);
    expect(memory.i32(64, 1)[0]).toBe(0x83828180 | 0);
    expect(memory.u64(64, 1)[0]).toBe(0x8786858483828180n);
    expect(memory.i64(64, 1)[0]).toBe(BigInt.asIntN(64, 0x8786858483828180n));
    memory.f32(64, 2)[1] = 0.5;
    memory.f64(72, 1)[0] = -2;
    expect([memory.load32(68), memory.load32(76)]).toEqual([0x3f000000, 0xc0000000]);
    for (const kind of ["u8", "i8", "u16", "i16", "u32", "i32", "f32", "f64", "u64", "i64"] as const) {
      const view = memory[kind](64, 3);
      expect([view.length, view.byteOffset]).toEqual([3, 64]);
      expect(memory[kind](memory.byteLength, 0).length).toBe(0);
      expect(() => memory[kind](memory.byteLength, 1)).toThrow(InvalidPointerError);
      expect(() => memory[kind](-8, 1)).toThrow(InvalidPointerError);
      expect(() => memory[kind](Number.NaN, 1)).toThrow(InvalidPointerError);
      expect(() => memory[kind](64, -1)).toThrow(InvalidArgumentError);
      expect(() => memory[kind](64, 0.5)).toThrow(InvalidArgumentError);
      if (view.BYTES_PER_ELEMENT > 1) expect(() => memory[kind](65, 1)).toThrow(InvalidPointerError);
    }
  });

  test("grows as far as it can, keeps its bytes and renews what follows", () => {
    const memory = make();
    const views: Uint8Array[] = [];
    const end = memory.follow("u8", 100, 4, (view) => views.push(view));
    memory.store32(100, 0x01020304);
    const grows = memory.maxByteLength > memory.byteLength;
    expect(memory.grow(65537)).toBe(grows);
    expect(memory.byteLength).toBe(grows ? 2 * 65536 : 65536);
    expect(views.length).toBe(grows ? 2 : 1);
    expect(views.at(-1)).toEqual(Uint8Array.of(4, 3, 2, 1));
    expect(memory.grow(2 ** 40)).toBe(false);
    expect(memory.grow(1000)).toBe(true);
    end();
    expect(memory.grow(memory.maxByteLength)).toBe(true);
    expect(views.length).toBe(grows ? 2 : 1);
    expect(memory.load32(100)).toBe(0x01020304);
    expect(memory.load32(memory.byteLength - 4)).toBe(0);
  });
});

test("growth by a module is seen after refresh", () => {
  const memory = LinearMemory.growing({ maximum: 3 * 65536 });
  (memory.wasm as WasmMemory).grow(1);
  expect(memory.byteLength).toBe(0x10000);
  memory.refresh();
  expect(memory.byteLength).toBe(0x20000);
  (memory.wasm as WasmMemory).grow(1);
  expect(memory.grow(0x30000)).toBe(true);
});

test("lengths that no memory can have are refused", () => {
  for (const bad of [-8, 4, 1.5, Number.NaN, 2 ** 32 + 8]) {
    expect(() => LinearMemory.fixed(bad)).toThrow(InvalidArgumentError);
    expect(() => LinearMemory.shared(bad)).toThrow(InvalidArgumentError);
  }
  expect(() => LinearMemory.fixed(new ArrayBuffer(12))).toThrow(InvalidArgumentError);
  expect(() => LinearMemory.growing({ maximum: 2 ** 33 })).toThrow(InvalidArgumentError);
  expect(() => LinearMemory.growing({ initial: 131072, maximum: 65536 })).toThrow(InvalidArgumentError);
  expect(() => LinearMemory.growing({ initial: -1 })).toThrow(InvalidArgumentError);
  expect(LinearMemory.growing({ initial: 1, maximum: 100_000 }).maxByteLength).toBe(131072);
});

describe("LinearPages", () => {
  test("moves the break by any increment, up to the end and down to the base", () => {
    const pages = LinearPages.create(LinearMemory.fixed(4096), 128);
    expect(pages.base).toBe(192);
    expect(pages.sbrk(0)).toBe(192);
    expect(pages.sbrk(-1)).toBe(0);
    expect(pages.sbrk(100)).toBe(192);
    pages.memory.fill(192, 100, 0xff);
    expect(pages.sbrk(4096 - 292 + 1)).toBe(0);
    expect(pages.sbrk(-60)).toBe(292);
    expect(pages.sbrk(4096 - 232)).toBe(232);
    expect(pages.memory.read(232, 60).every((byte) => byte === 0)).toBe(true);
    expect(pages.sbrk(1)).toBe(0);
    for (const bad of [Number.NaN, 0.5, Infinity, -Infinity]) expect(pages.sbrk(bad)).toBe(0);
    expect(pages.sbrk(0)).toBe(4096);
  });

  test("fills 4 GiB to the last byte", () => {
    const pages = LinearPages.create(LinearMemory.fixed(2 ** 32));
    expect(pages.sbrk(2 ** 31)).toBe(64);
    expect(pages.sbrk(2 ** 31 - 64)).toBe(2 ** 31 + 64);
    expect(pages.sbrk(0)).toBe(2 ** 32);
    expect(pages.sbrk(1)).toBe(0);
    expect(LinearPages.attach(pages.memory).sbrk(-8)).toBe(2 ** 32);
    expect(pages.sbrk(0)).toBe(2 ** 32 - 8);
  });

  test("begins nowhere but at a multiple of 64 with room", () => {
    for (const bad of [-64, 32, 4096, 1.5, Number.NaN]) {
      expect(() => LinearPages.create(LinearMemory.fixed(4096), bad)).toThrow(InvalidArgumentError);
      expect(() => LinearPages.attach(LinearMemory.fixed(4096), bad)).toThrow(InvalidArgumentError);
    }
  });

  test("two heaps share a memory side by side", () => {
    const memory = LinearMemory.fixed(8192);
    const low = LinearPages.create(memory, 0, 4096);
    const high = LinearPages.create(memory, 4096);
    expect([low.end, high.end]).toEqual([4096, 8192]);
    expect(low.sbrk(4096)).toBe(0);
    expect(low.sbrk(4032)).toBe(64);
    expect(high.sbrk(4032)).toBe(4160);
    expect(LinearPages.attach(memory).sbrk(1)).toBe(0);
    for (const bad of [32, 8256, 0.5, Number.NaN]) {
      expect(() => LinearPages.create(memory, 0, bad)).toThrow(InvalidArgumentError);
    }
  });

  test("attaches to what create began, and to nothing else", () => {
    const memory = LinearMemory.fixed(8192);
    expect(() => LinearPages.attach(memory)).toThrow(AttachError);
    const pages = LinearPages.create(memory);
    pages.root = 2 ** 32 - 4;
    expect(LinearPages.attach(memory).root).toBe(2 ** 32 - 4);
    memory.store32(4, 9);
    expect(() => LinearPages.attach(memory)).toThrow("heap version 9 at 0x0, not 1");
    memory.store32(4, 1);
    memory.store32(16, 8200);
    expect(() => LinearPages.attach(memory)).toThrow(AttachError);
    memory.store32(16, 8);
    expect(() => LinearPages.attach(memory)).toThrow(AttachError);
  });

  test("belongs to one strategy of one version", () => {
    const pages = LinearPages.create(LinearMemory.fixed(4096));
    expect(() => pages.expect("ptml", 1)).toThrow(
      'no strategy lives in the heap at 0x8, not "ptml" version 1',
    );
    pages.claim("ptml", 1);
    pages.claim("ptml", 1);
    pages.expect("ptml", 1);
    expect(() => pages.expect("slab", 1)).toThrow(
      '"ptml" version 1 lives in the heap at 0x8, not "slab" version 1',
    );
    expect(() => pages.expect("ptml", 2)).toThrow(AttachError);
    expect(() => pages.claim("slab", 1)).toThrow(AttachError);
    pages.expect("ptml", 1);
    for (const bad of ["", "abc", "abcde", "ab d", "ab\n1"])
      expect(() => pages.claim(bad, 1)).toThrow(InvalidArgumentError);
    for (const bad of [0, -1, 1.5, 2 ** 32])
      expect(() => pages.claim("ptml", bad)).toThrow(InvalidArgumentError);
  });

  test("an identity can stand at any address of any memory", () => {
    const memory = LinearMemory.fixed(2 ** 32);
    claimHeap(memory, 2 ** 32 - 8, "\x7e~~~", 2 ** 32 - 1);
    expectHeap(memory, 2 ** 32 - 8, "~~~~", 2 ** 32 - 1);
    memory.store32(0, 0xff);
    expect(() => expectHeap(memory, 0, "abcd", 1)).toThrow('"????" version 0 lives');
  });
});

test.each([undefined, null, 5, {}])("%j is no memory and no buffer", (none) => {
  expect(() => LinearMemory.wasm(none as never)).toThrow(InvalidArgumentError);
  if (none !== 5) expect(() => LinearMemory.fixed(none as never)).toThrow(InvalidArgumentError);
});
