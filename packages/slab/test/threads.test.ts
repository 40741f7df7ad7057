import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { Buddy } from "@heapwright/buddy";
import { LinearMemory } from "@heapwright/heap-memory";
import { Kmalloc, Slabs } from "@heapwright/slab";
import { afterAll, expect, test } from "vitest";
import { Workers } from "../../heap-memory/test/support/workers.ts";

const workers = new Workers(["allocator", "heap-memory", "buddy", "slab"]);
afterAll(() => workers.end());

/*
 * What each worker does: allocates blocks of random sizes, fills each with a byte of its own address, passes some on to
 * the others through a mailbox (an Atomics.exchange on a shared array), and frees its own and others' blocks after
 * it has verified every byte of them.
 */
const CHURN = `
const { LinearMemory } = heap;
const { Buddy } = await import("@heapwright/buddy");
const { Kmalloc } = await import("@heapwright/slab");
const memory = data.wasm ? LinearMemory.wasm(data.wasm, data.maximum) : LinearMemory.fixed(data.buffer);
const heap_ = Kmalloc.attach(Buddy.attach(memory), memory, data.root);
parentPort.postMessage({ cpu: heap_.slabs.cpu });
const mailbox = new Int32Array(data.mailbox);
let seed = data.seed;
const random = (n) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n; };
const own = [];
const tag = (address) => (address >>> 4) & 0xff;
const verify = (address) => {
  const size = memory.load32(address);
  for (let i = 4; i < size; i++) {
    if (memory.load8(address + i) !== tag(address)) throw new Error("byte " + i + " of " + size + " at " + address + " is " + memory.load8(address + i));
  }
};
let moved = 0;
for (let round = 0; round < data.rounds; round++) {
  const size = 4 + (random(8) === 0 ? random(6000) : random(300));
  const block = heap_.allocate(size);
  if (block !== 0) {
    memory.fill(block, size, tag(block));
    memory.store32(block, size);
    const slot = random(mailbox.length);
    const other = Atomics.exchange(mailbox, slot, block | 0) >>> 0;
    if (other !== 0) {
      memory.refresh();
      verify(other);
      if (random(2) === 0) heap_.deallocate(other);
      else own.push(other);
      moved++;
    }
  }
  while (own.length > 40) {
    const [block] = own.splice(random(own.length), 1);
    verify(block);
    heap_.deallocate(block);
  }
}
for (const block of own) { verify(block); heap_.deallocate(block); }
heap_.slabs.detach();
return { moved };
`;

const finish = (worker: Worker): Promise<{ moved: number }> =>
  new Promise((resolve, reject) => {
    worker.on("message", (message: { moved?: number }) => {
      if (message.moved !== undefined) resolve({ moved: message.moved });
    });
    worker.once("error", reject);
  });

const emptyMailbox = (heap: Kmalloc, mailbox: Int32Array): void => {
  for (const block of mailbox) heap.deallocate(block >>> 0);
};

test.each(["SharedArrayBuffer", "growing WebAssembly.Memory"])(
  "workers share blocks on a %s",
  async (kind) => {
    const growing = kind !== "SharedArrayBuffer";
    const maximum = 32 * 2 ** 20;
    const memory = growing
      ? LinearMemory.growing({ maximum, shared: true })
      : LinearMemory.shared(8 * 2 ** 20);
    const heap = new Kmalloc(Buddy.create(memory), memory);
    const mailbox = new Int32Array(new SharedArrayBuffer(4 * 64));
    const shared = { mailbox: mailbox.buffer, root: heap.slabs.root, rounds: 20_000, maximum };
    const place = growing ? { wasm: memory.wasm } : { buffer: memory.buffer };
    const all = [1, 2, 3].map((seed) => finish(workers.start(CHURN, { ...shared, ...place, seed })));
    const results = await Promise.all(all);
    expect(results.every(({ moved }) => moved > 1000)).toBe(true);
    memory.refresh();
    expect(heap.check()).toEqual([]);
    emptyMailbox(heap, mailbox);
    expect(heap.check()).toEqual([]);
    expect(heap.stats().liveBlocks).toBe(0);
  },
);

test("a worker that is terminated anywhere does not stop the others", async () => {
  const memory = LinearMemory.shared(16 * 2 ** 20);
  const heap = new Kmalloc(Buddy.create(memory), memory);
  const mailbox = new Int32Array(new SharedArrayBuffer(4 * 64));
  const start = (seed: number): Worker =>
    workers.start(CHURN, {
      ...{ mailbox: mailbox.buffer, root: heap.slabs.root, rounds: 1e9, seed, buffer: memory.buffer },
    });
  let broken = false;
  for (let seed = 1; seed <= 8 && !broken; seed++) {
    const worker = start(seed);
    const [{ cpu }] = (await once(worker, "message")) as [{ cpu: number }];
    for (let i = 0; i < 300; i++) {
      const block = heap.allocate(100 + i);
      if (block !== 0) heap.deallocate(block);
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
    await worker.terminate();
    try {
      heap.slabs.recover(cpu);
    } catch (error) {
      // Rightly so: it died inside the page allocator, and these caches say so from now on.
      expect(String(error)).toContain("died inside the page allocator");
      broken = true;
    }
  }
  if (broken) return;
  heap.slabs.salvage();
  expect(heap.check()).toEqual([]);
  const block = heap.allocate(5000);
  heap.deallocate(block);
  // The mailbox may name blocks that a terminated worker had just freed: nothing more can be said of them.
});

test("all CPUs taken is an AttachError, and detach makes room", () => {
  const memory = LinearMemory.shared(2 ** 20);
  const buddy = Buddy.create(memory);
  const slabs = Slabs.create(buddy, memory, { cpus: 2 });
  const second = Slabs.attach(buddy, memory, slabs.root);
  expect(second.cpu).toBe(1);
  expect(() => Slabs.attach(buddy, memory, slabs.root)).toThrow("all 2 CPUs");
  second.detach();
  expect(Slabs.attach(buddy, memory, slabs.root).cpu).toBe(1);
});
