import { Locked } from "@heapwright/allocator";
import { FirstFit } from "@heapwright/classic";
import { FutexLock, LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { afterAll, expect, test } from "vitest";
import { Workers } from "../../heap-memory/test/support/workers.ts";

const workers = new Workers(["allocator", "heap-memory", "classic"]);
afterAll(() => workers.end());

const BODY = `
  const { Locked } = await import("@heapwright/allocator");
  const { FirstFit } = await import("@heapwright/classic");
  const memory = heap.LinearMemory.wasm(data.wasm, data.max);
  const pages = heap.LinearPages.attach(memory);
  const lock = new heap.FutexLock(memory, pages.lockAddress, data.id);
  const locked = new Locked(new FirstFit(pages, data.base), lock);
`;

test("workers share a heap that grows: no block is handed out twice, none loses its bytes, nothing leaks", async () => {
  const memory = LinearMemory.growing({ maximum: 64 * 65536, shared: true });
  const pages = LinearPages.create(memory);
  const heap = new FirstFit(pages);
  const churn = `${BODY}
    const live = [];
    let seed = data.id;
    const next = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8;
    let failures = 0;
    for (let i = 0; i < 3000; i++) {
      if (live.length > 40 || (live.length > 0 && next() % 3 === 0)) {
        const [block, size] = live.splice(next() % live.length, 1)[0];
        for (let k = 0; k < size; k++) if (memory.load8(block + k) !== data.id) throw new Error("byte " + k + " of " + block);
        locked.deallocate(block);
      } else {
        const size = 1 + next() % 2000;
        const block = locked.allocate(size);
        if (block === 0) { failures++; continue; }
        memory.fill(block, size, data.id);
        live.push([block, size]);
      }
    }
    for (const [block] of live) locked.deallocate(block);
    return failures;`;
  const data = (id: number): object => ({
    wasm: memory.wasm,
    max: memory.maxByteLength,
    base: heap.base,
    id,
  });
  const failures = await Promise.all([1, 2, 3].map((id) => workers.run<number>(churn, data(id))));
  memory.refresh();
  expect(failures).toEqual([0, 0, 0]);
  expect(heap.check()).toEqual([]);
  expect(heap.stats()).toMatchObject({ liveBlocks: 0, allocatedBytes: 0 });
});

test("a worker that dies inside an operation locks nobody out for good", async () => {
  const memory = LinearMemory.growing({ maximum: 65536, shared: true });
  const pages = LinearPages.create(memory);
  const heap = new FirstFit(pages);
  const lock = new FutexLock(memory, pages.lockAddress, 1, 50);
  const locked = new Locked(heap, lock);
  const block = locked.allocate(100);
  const worker = workers.start(`${BODY} lock.acquire(); return "inside";`, {
    wasm: memory.wasm,
    max: memory.maxByteLength,
    base: heap.base,
    id: 2,
  });
  await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  await worker.terminate();
  expect(() => locked.allocate(8)).toThrow("held by owner 2, not free within 50 ms");
  expect(lock.recover(2)).toBe(true);
  expect(() => locked.allocate(8)).toThrow("an owner of the lock died inside the heap");
  expect(lock.acquire()).toBe(false);
  expect(heap.check()).toEqual([]);
  lock.repaired();
  lock.release();
  locked.deallocate(block);
  expect(locked.allocate(8)).not.toBe(0);
});
