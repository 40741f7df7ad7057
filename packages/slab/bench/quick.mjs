import { Buddy } from "@heapwright/buddy";
import { LinearMemory } from "@heapwright/heap-memory";
import { Kmalloc } from "@heapwright/slab";

const memory = LinearMemory.fixed(64 * 2 ** 20);
const heap = new Kmalloc(Buddy.create(memory), memory);
const cache = heap.slabs.kmemCacheCreate("o64", 64, 64);
const N = 5e6;
const time = (f) => {
  const r = [];
  for (let i = 0; i < 7; i++) {
    const t = performance.now();
    f(N);
    r.push(((performance.now() - t) * 1e6) / N);
  }
  r.sort((a, b) => a - b);
  return r[0].toFixed(2) + " med " + r[3].toFixed(2);
};
console.log(
  "cache alloc+free",
  time((n) => {
    let s = 0;
    for (let i = 0; i < n; i++) {
      const p = cache.alloc();
      s ^= p;
      cache.free(p);
    }
    return s;
  }),
);
console.log(
  "kmalloc(64)+kfree",
  time((n) => {
    let s = 0;
    for (let i = 0; i < n; i++) {
      const p = heap.allocate(64);
      s ^= p;
      heap.deallocate(p);
    }
    return s;
  }),
);
const live = new Uint32Array(2048);
console.log(
  "cache replace random of 2048",
  time((n) => {
    let x = 1;
    for (let i = 0; i < n; i++) {
      x = (Math.imul(x, 1664525) + 1013904223) | 0;
      const k = x >>> 21;
      if (live[k]) cache.free(live[k]);
      live[k] = cache.alloc();
    }
  }),
);
const b = new Uint32Array(10000);
console.log(
  "burst 10000 fifo",
  time((n) => {
    for (let r = 0; r < n / 10000; r++) {
      for (let i = 0; i < 10000; i++) b[i] = cache.alloc();
      for (let i = 0; i < 10000; i++) cache.free(b[i]);
    }
  }),
);
