/*
 * A worker may be terminated between any two stores. Here one side of a shared memory dies at its n-th store, for every n: from
 * then on its stores go nowhere, the release of the lock included. The other side must recover.
 */
import { LockError, NULL } from "@heapwright/allocator";
import { Buddy } from "@heapwright/buddy";
import { LinearMemory } from "@heapwright/heap-memory";
import { Kmalloc, Slabs } from "@heapwright/slab";
import { expect, test } from "vitest";

class Death extends Error {}

/** A view of the buffer that stops having any effect at the `n`-th store of a word. */
const mortal = (buffer: SharedArrayBuffer, n: number): LinearMemory => {
  const memory = LinearMemory.fixed(buffer);
  let stores = 0;
  memory.store32 = (address: number, value: number): void => {
    if (++stores === n) {
      const afterlife = new SharedArrayBuffer(buffer.byteLength);
      new Uint8Array(afterlife).set(memory.bytes);
      memory.words = new Uint32Array(afterlife);
      memory.bytes = new Uint8Array(afterlife);
      memory.store32 = () => {};
      throw new Death();
    }
    memory.words[address >>> 2] = value;
  };
  return memory;
};

type Life = (slabs: Slabs, passedOn: number[]) => void;

/** Allocates, frees what the other side allocated, makes and destroys caches. */
const busy: Life = (slabs, passedOn) => {
  const heap = new Kmalloc(slabs.pages, slabs.memory, slabs);
  const blocks: number[] = [];
  for (let i = 0; i < 130; i++) blocks.push(heap.allocate(40));
  for (const block of passedOn) heap.deallocate(block);
  for (let i = 0; i < 8; i++) blocks.push(heap.allocate(3000));
  const cache = slabs.kmemCacheCreate("mine", 100);
  const objects = Array.from({ length: 70 }, () => cache.alloc());
  for (const object of objects) cache.free(object);
  slabs.kmemCacheDestroy(cache);
  const large = heap.allocate(200_000);
  for (const block of blocks) heap.deallocate(block);
  heap.deallocate(large);
  slabs.reclaim();
};

test("death at any store of a slow path leaves caches that can be recovered", () => {
  const outcomes = { lived: 0, recovered: 0, inPages: 0 };
  for (let n = 1; outcomes.lived === 0; n += n < 60 ? 1 : 29) {
    const memory = LinearMemory.shared(640 * 1024);
    const buddy = Buddy.create(memory);
    const heap = new Kmalloc(buddy, memory, { cpus: 2 });
    const mine = Array.from({ length: 150 }, (_, i) => heap.allocate(40 + (i % 50)));
    for (const block of mine) memory.fill(block, 40, block >>> 4);
    const passedOn = mine.splice(0, 70);
    const other = mortal(memory.buffer as SharedArrayBuffer, n);
    // Attaching takes the CPU number by its first store.
    let attached: Slabs | undefined;
    try {
      attached = Slabs.attach(Buddy.attach(other), other, heap.slabs.root);
      busy(attached, passedOn);
      outcomes.lived++;
      attached.detach();
      expect(heap.check(), `store ${n}`).toEqual([]);
      break;
    } catch (error) {
      if (!(error instanceof Death)) throw error;
    }
    try {
      heap.slabs.recover(1);
    } catch (error) {
      expect(error).toBeInstanceOf(LockError);
      expect(String(error)).toContain("died inside the page allocator");
      outcomes.inPages++;
      continue;
    }
    heap.slabs.salvage();
    expect(heap.check(), `store ${n}`).toEqual([]);
    for (const block of mine) {
      expect(memory.read(block, 40).every((byte) => byte === ((block >>> 4) & 0xff))).toBe(true);
      heap.deallocate(block);
    }
    const more = Array.from({ length: 200 }, () => heap.allocate(40));
    expect(new Set(more).size).toBe(200);
    expect(more).not.toContain(NULL);
    expect(heap.check(), `store ${n}`).toEqual([]);
    outcomes.recovered++;
  }
  expect(outcomes.recovered).toBeGreaterThan(100);
});
