import { InvalidArgumentError, LockError } from "@heapwright/allocator";
import { FutexLock, LinearMemory } from "@heapwright/heap-memory";
import { afterAll, expect, test } from "vitest";
import { Workers } from "./support/workers.ts";

const workers = new Workers();
afterAll(() => workers.end());

test("is free in zeroed memory, and knows its owner", () => {
  const memory = LinearMemory.shared(4096);
  const one = new FutexLock(memory, 64, 1, 20);
  const two = new FutexLock(memory, 64, 2, 20);
  expect(one.owner).toBe(0);
  expect(one.acquire()).toBe(true);
  expect([one.owner, two.owner]).toEqual([1, 1]);
  expect(two.tryAcquire()).toBe(false);
  expect(() => two.release()).toThrow(LockError);
  expect(() => two.release()).toThrow("held by owner 1, not by 2");
  expect(() => one.acquire()).toThrow("held by 1, which waits for it");
  one.release();
  expect(() => one.release()).toThrow("held by nobody");
  expect(two.tryAcquire()).toBe(true);
  two.release();
});

test.each(["shared", "fixed"] as const)("gives up within the time stated, naming the owner (%s)", (kind) => {
  const memory = LinearMemory[kind](4096);
  new FutexLock(memory, 0, 7).acquire();
  const begin = performance.now();
  expect(() => new FutexLock(memory, 0, 8, 50).acquire()).toThrow("held by owner 7, not free within 50 ms");
  const took = performance.now() - begin;
  expect(took).toBeGreaterThanOrEqual(49);
  expect(took).toBeLessThan(5000);
  new FutexLock(memory, 0, 7).release();
  expect(new FutexLock(memory, 0, 8, 50).acquire()).toBe(true);
});

test("refuses bad arguments", () => {
  const memory = LinearMemory.shared(4096);
  for (const id of [0, -1, 1.5, 2 ** 31, Number.NaN]) {
    expect(() => new FutexLock(memory, 0, id)).toThrow(InvalidArgumentError);
  }
  for (const at of [-4, 2, 4092, 4096, Number.NaN])
    expect(() => new FutexLock(memory, at, 1)).toThrow(InvalidArgumentError);
  expect(() => new FutexLock(memory, 0, 1, -1)).toThrow(InvalidArgumentError);
  expect(() => new FutexLock(memory, 0, 1, Number.NaN)).toThrow(InvalidArgumentError);
  expect(new FutexLock(memory, 0, 2 ** 31 - 1).acquire()).toBe(true);
});

test("excludes: no increment of many workers is lost", async () => {
  const memory = LinearMemory.shared(4096);
  const body = `const memory = heap.LinearMemory.fixed(data.buffer);
    const lock = new heap.FutexLock(memory, 64, data.id);
    for (let i = 0; i < 5000; i++) {
      lock.acquire();
      const value = memory.load32(128);
      if (memory.load32(132) !== 0) throw new Error("two owners");
      memory.store32(132, data.id);
      for (let k = 0; k < 20; k++) memory.load32(256);
      memory.store32(132, 0);
      memory.store32(128, value + 1);
      lock.release();
    }`;
  await Promise.all([1, 2, 3].map((id) => workers.run(body, { buffer: memory.buffer, id })));
  expect(memory.load32(128)).toBe(15_000);
  expect(memory.load32(64)).toBe(0);
});

test("an owner that died is told, recovered from, and repaired after", async () => {
  const memory = LinearMemory.shared(4096);
  const dead = workers.start(
    `new heap.FutexLock(heap.LinearMemory.fixed(data.buffer), 64, 5).acquire(); return "holding";`,
    { buffer: memory.buffer },
  );
  await new Promise((resolve, reject) => dead.once("message", resolve).once("error", reject));
  const waiter = workers.run<boolean>(
    `const lock = new heap.FutexLock(heap.LinearMemory.fixed(data.buffer), 64, 6);
     const sound = lock.acquire(); lock.repaired(); lock.release(); return sound;`,
    { buffer: memory.buffer },
  );
  const here = new FutexLock(memory, 64, 1, 30);
  expect(() => here.acquire()).toThrow("held by owner 5");
  await dead.terminate();
  expect(here.recover(4)).toBe(false);
  expect(here.recover(5)).toBe(true);
  expect(here.recover(5)).toBe(false);
  expect(await waiter).toBe(false);
  expect(here.acquire()).toBe(true);
  here.release();
  expect(() => here.repaired()).toThrow(LockError);
});
