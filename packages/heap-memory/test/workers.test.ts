import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { afterAll, describe, expect, test } from "vitest";
import { Workers } from "./support/workers.ts";

const workers = new Workers();
afterAll(() => workers.end());

describe("a shared WebAssembly.Memory", () => {
  test("grown by another worker is seen after refresh, and its views are renewed", async () => {
    const memory = LinearMemory.growing({ initial: 65536, maximum: 10 * 65536, shared: true });
    let view = memory.u32(0, 4);
    let renewed = 0;
    memory.follow("u32", 0, 4, (next) => {
      view = next;
      renewed++;
    });
    memory.store32(8, 77);
    await workers.run(
      `const memory = heap.LinearMemory.wasm(data.wasm, data.max);
       memory.grow(5 * 65536); memory.store32(4 * 65536, 1234); memory.store32(4, 5); return memory.byteLength;`,
      { wasm: memory.wasm, max: memory.maxByteLength },
    );
    memory.refresh();
    expect(memory.byteLength).toBe(5 * 65536);
    expect(memory.load32(4 * 65536)).toBe(1234);
    expect([view[1], view[2]]).toEqual([5, 77]);
    expect(renewed).toBe(2);
    expect(memory.u8(4 * 65536, 4)[0]).toBe(1234 & 0xff);
  });

  test("is found without refresh by a view beyond the known end", async () => {
    const memory = LinearMemory.growing({ maximum: 10 * 65536, shared: true });
    await workers.run(
      `const memory = heap.LinearMemory.wasm(data.wasm, data.max); memory.grow(3 * 65536); memory.store8(150000, 9);`,
      { wasm: memory.wasm, max: memory.maxByteLength },
    );
    expect(memory.u8(150000, 1)[0]).toBe(9);
    expect(memory.grow(3 * 65536)).toBe(true);
  });

  test("gives disjoint ranges to workers that move the break at once, growth included", async () => {
    const memory = LinearMemory.growing({ maximum: 40 * 65536, shared: true });
    const pages = LinearPages.create(memory);
    const take = `const memory = heap.LinearMemory.wasm(data.wasm, data.max);
      const pages = heap.LinearPages.attach(memory);
      const taken = [];
      for (let i = 0; ; i++) {
        const size = 16 * (1 + (i * data.step) % 60);
        const at = pages.sbrk(size);
        if (at === 0) return taken;
        memory.fill(at, size, data.step);
        taken.push([at, size]);
      }`;
    const data = (step: number): object => ({ wasm: memory.wasm, max: memory.maxByteLength, step });
    const results = await Promise.all(
      [1, 2, 3].map((step) => workers.run<[number, number][]>(take, data(step))),
    );
    memory.refresh();
    const ranges = results.flatMap((ranges, i) => ranges.map(([at, size]) => ({ at, size, step: i + 1 })));
    ranges.sort((a, b) => a.at - b.at);
    let end = 64;
    for (const { at, size, step } of ranges) {
      expect(at).toBe(end);
      end = at + size;
      expect(memory.bytes.subarray(at, end).every((byte) => byte === step)).toBe(true);
    }
    expect(pages.sbrk(0)).toBe(end);
    expect(end).toBeGreaterThan(memory.maxByteLength - 1000);
  });
});

test("a heap over a SharedArrayBuffer is attached to from another worker", async () => {
  const memory = LinearMemory.shared(65536);
  const pages = LinearPages.create(memory, 128);
  pages.claim("test", 3);
  const block = pages.sbrk(100);
  pages.root = block;
  memory.store32(block, 0xfeedface);
  const seen = await workers.run<unknown>(
    `const memory = heap.LinearMemory.fixed(data.buffer);
     const pages = heap.LinearPages.attach(memory, 128);
     pages.expect("test", 3);
     let refusal = "";
     try { pages.expect("test", 4); } catch (error) { refusal = error.code; }
     const next = pages.sbrk(8);
     return { word: memory.load32(pages.root), next, refusal };`,
    { buffer: memory.buffer },
  );
  expect(seen).toEqual({ word: 0xfeedface, next: block + 100, refusal: "ERR_ATTACH" });
  expect(pages.sbrk(0)).toBe(block + 108);
});
