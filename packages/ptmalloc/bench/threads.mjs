// Throughput of one shared heap with 1 and 2 workers, and of the same behind one lock for every call.
//
//   npx tsc -b packages/ptmalloc && node packages/ptmalloc/bench/threads.mjs [repetitions = 3]
//
// Each worker keeps 1,000 blocks and replaces random ones: "small" of 16 to 512 bytes, "mixed" of up to 8 KiB, which the tcache
// serves in part only. "millions a second" are allocations with their frees, all workers together, by the clock; "ns" is the processor
// time that one of them takes, which tells what workers cost each other also on a machine that is busy otherwise. Shown is
// the best of the repetitions, which are interleaved.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { FutexLock, LinearMemory } from "@heapwright/heap-memory";
import { SharedPtmalloc } from "../dist/index.js";

const ROUNDS = 2_000_000;
const LIVE = 1000;
const sizes = {
  small: (bits) => 16 + (bits % 497),
  mixed: (bits) => 16 + (bits % (bits % 8 === 0 ? 8192 : 512)),
};

const churn = (malloc, free, sizeOf, rounds) => {
  let seed = 1;
  const next = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return seed >>> 8;
  };
  const live = Array.from({ length: LIVE }, () => malloc(sizeOf(next())));
  for (let i = 0; i < rounds; i++) {
    const at = next() % LIVE;
    free(live[at]);
    live[at] = malloc(sizeOf(next()));
  }
  for (const block of live) free(block);
};

const work = async ({ buffer, locked, kind, gate, lockAddress }) => {
  const memory = LinearMemory.fixed(buffer);
  const heap = SharedPtmalloc.attach(memory);
  const rounds = locked ? ROUNDS / 4 : ROUNDS;
  const lock = new FutexLock(memory, lockAddress, heap.id);
  const malloc = (bytes) => {
    lock.acquire();
    const block = heap.malloc(bytes);
    lock.release();
    return block;
  };
  const free = (block) => {
    lock.acquire();
    heap.free(block);
    lock.release();
  };
  const run = locked
    ? (rounds) => churn(malloc, free, sizes[kind], rounds)
    : (rounds) =>
        churn(
          (bytes) => heap.malloc(bytes),
          (block) => heap.free(block),
          sizes[kind],
          rounds,
        );
  run(200_000);
  Atomics.add(gate, 0, -1);
  while (Atomics.load(gate, 0) > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const start = performance.now();
  run(rounds);
  parentPort.postMessage(performance.now() - start);
};

const measure = async (kind, workers, locked) => {
  const memory = LinearMemory.shared(2 ** 26);
  const heap = SharedPtmalloc.create(memory);
  const lockAddress = heap.calloc(1, 64);
  const gate = new Int32Array(new SharedArrayBuffer(4));
  gate[0] = workers;
  const data = { buffer: memory.buffer, locked, kind, gate, lockAddress };
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
  const pairs = workers * (locked ? ROUNDS / 4 : ROUNDS);
  return { rate: pairs / Math.max(...times) / 1000, ns: ((user + system) * 1000) / pairs };
};

const main = async (repetitions) => {
  const cases = [
    ["own arenas, 1 worker", 1, false],
    ["own arenas, 2 workers", 2, false],
    ["one lock, 1 worker", 1, true],
    ["one lock, 2 workers", 2, true],
  ];
  for (const kind of Object.keys(sizes)) {
    const runs = cases.map(() => []);
    for (let i = 0; i < repetitions; i++)
      for (const [at, [, workers, locked]] of cases.entries())
        runs[at].push(await measure(kind, workers, locked));
    const best = runs.map((all) => ({
      rate: Math.max(...all.map(({ rate }) => rate)),
      ns: Math.min(...all.map(({ ns }) => ns)),
    }));
    console.log(kind.padEnd(24) + "millions a second".padStart(20) + "ns".padStart(8));
    for (const [at, [name]] of cases.entries())
      console.log(
        name.padEnd(24) + best[at].rate.toFixed(1).padStart(20) + best[at].ns.toFixed(1).padStart(8),
      );
    const [one, two, , locked] = best;
    const byTime = ((2 * one.ns) / two.ns).toFixed(2);
    console.log(
      `2 workers over 1: ${(two.rate / one.rate).toFixed(2)} by the clock, ${byTime} by processor time; over one lock: ${(two.rate / locked.rate).toFixed(1)}`,
    );
  }
};

if (!isMainThread) await work(workerData);
else await main(Number(process.argv[2] ?? 3));
