// Throughput of one object cache on a SharedArrayBuffer with 1 and 2 workers, and of the same behind one lock for every call.
//
//   npx tsc -b packages/slab packages/buddy && node packages/slab/bench/threads.mjs [repetitions = 3]
//
// Each worker keeps 1,000 objects of 64 bytes and replaces random ones. "millions a second" are allocations with their frees,
// all workers together, by the clock; "ns" is the processor time that one of them takes, which tells what workers cost each other
// also on a machine that is busy otherwise. Shown is the best of the repetitions, which are interleaved.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Buddy } from "@heapwright/buddy";
import { FutexLock, LinearMemory } from "@heapwright/heap-memory";
import { Slabs } from "@heapwright/slab";

const ROUNDS = 3_000_000;
const LIVE = 1000;

const churn = (alloc, free, rounds) => {
  const live = Array.from({ length: LIVE }, alloc);
  let seed = 1;
  for (let i = 0; i < rounds; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    const at = (seed >>> 8) % LIVE;
    free(live[at]);
    live[at] = alloc();
  }
  for (const object of live) free(object);
};

const work = async ({ buffer, root, locked, gate, lockAddress }) => {
  const memory = LinearMemory.fixed(buffer);
  const slabs = Slabs.attach(Buddy.attach(memory), memory, root);
  const cache = slabs.kmemCacheFind("object");
  let alloc = () => cache.alloc();
  let free = (object) => cache.free(object);
  if (locked) {
    const lock = new FutexLock(memory, lockAddress, slabs.cpu + 1);
    alloc = () => {
      lock.acquire();
      const object = cache.alloc();
      lock.release();
      return object;
    };
    free = (object) => {
      lock.acquire();
      cache.free(object);
      lock.release();
    };
  }
  churn(alloc, free, 200_000);
  Atomics.add(gate, 0, -1);
  while (Atomics.load(gate, 0) > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const start = performance.now();
  churn(alloc, free, ROUNDS / (locked ? 10 : 1));
  parentPort.postMessage(performance.now() - start);
};

const measure = async (workers, locked) => {
  const memory = LinearMemory.shared(2 ** 24);
  const slabs = Slabs.create(Buddy.create(memory), memory);
  slabs.kmemCacheCreate("object", 64, 64);
  const lockAddress = slabs.generalCaches()[4].alloc();
  memory.fill(lockAddress, 8, 0);
  const gate = new Int32Array(new SharedArrayBuffer(4));
  gate[0] = workers;
  const data = { buffer: memory.buffer, root: slabs.root, locked, gate, lockAddress };
  const ends = Array.from({ length: workers }, () => {
    const worker = new Worker(new URL(import.meta.url), { workerData: data });
    return new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  });
  while (Atomics.load(gate, 0) > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const before = process.cpuUsage();
  const times = await Promise.all(ends);
  const { user, system } = process.cpuUsage(before);
  const pairs = (workers * ROUNDS) / (locked ? 10 : 1);
  return { rate: pairs / Math.max(...times) / 1000, ns: ((user + system) * 1000) / pairs };
};

const main = async (repetitions) => {
  const cases = [
    ["own arrays, 1 worker", 1, false],
    ["own arrays, 2 workers", 2, false],
    ["one lock, 1 worker", 1, true],
    ["one lock, 2 workers", 2, true],
  ];
  const runs = new Map(cases.map(([name]) => [name, []]));
  for (let i = 0; i < repetitions; i++) {
    for (const [name, workers, locked] of cases) runs.get(name).push(await measure(workers, locked));
  }
  console.log("".padEnd(24) + "millions a second".padStart(20) + "ns".padStart(8));
  const best = (name) => ({
    rate: Math.max(...runs.get(name).map(({ rate }) => rate)),
    ns: Math.min(...runs.get(name).map(({ ns }) => ns)),
  });
  for (const [name] of cases) {
    const { rate, ns } = best(name);
    console.log(name.padEnd(24) + rate.toFixed(1).padStart(20) + ns.toFixed(1).padStart(8));
  }
  const [one, two] = cases.map(([name]) => best(name));
  console.log(
    `2 workers over 1: ${(two.rate / one.rate).toFixed(2)} by the clock, ${((2 * one.ns) / two.ns).toFixed(2)} by processor time`,
  );
};

if (!isMainThread) await work(workerData);
else await main(Number(process.argv[2] ?? 3));
