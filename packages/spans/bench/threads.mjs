// Throughput of one shared heap with one worker and with two, against one heap behind a global lock.
//
//   node packages/spans/bench/threads.mjs [seconds] [share]      (after `npx tsc -b packages/spans`)
//
// Each worker replaces random blocks of 1 to 512 bytes, 2,000 of them live. One in `share` (a power of two; 0, which is
// the default, for none) is exchanged for one that lies in common, mostly the other worker's.
// Rounds of the settings are interleaved; the best round of each counts.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { FutexLock, LinearMemory } from "@heapwright/heap-memory";
import { SharedSpans, Spans } from "../dist/index.js";

const LIVE = 2000;
const EXCHANGED = 512;

const work = ({ buffer, control, id, seconds, locked, share }) => {
  const memory = LinearMemory.fixed(buffer);
  const shared = new Int32Array(control);
  let heap = locked ? Spans.attach(memory) : SharedSpans.attach(memory, { id });
  if (locked) {
    const plain = heap;
    const lock = new FutexLock(LinearMemory.fixed(control), 8, id);
    heap = {
      allocate: (size) => {
        lock.acquire();
        const block = plain.allocate(size);
        lock.release();
        return block;
      },
      deallocate: (block) => {
        lock.acquire();
        plain.deallocate(block);
        lock.release();
      },
      close: () => {},
    };
  }
  let state = id * 7919;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  const blocks = new Uint32Array(LIVE);
  const round = (operations) => {
    for (let i = 0; i < operations; i++) {
      const number = random();
      const at = number % LIVE;
      let old = blocks[at];
      if (share > 0 && ((number >>> 13) & (share - 1)) === 0)
        old = Atomics.exchange(shared, 16 + (number % EXCHANGED), old | 0) >>> 0;
      if (old !== 0) heap.deallocate(old);
      blocks[at] = heap.allocate(1 + ((number >>> 20) & 511));
    }
  };
  round(300_000);
  Atomics.add(shared, 0, 1);
  Atomics.notify(shared, 0);
  while (Atomics.load(shared, 1) === 0) Atomics.wait(shared, 1, 0);
  const end = performance.now() + seconds * 1000;
  let operations = 0;
  for (; performance.now() < end; operations += 20_000) round(10_000);
  parentPort.postMessage(operations);
};

const measure = async (count, locked, seconds, share) => {
  const memory = LinearMemory.shared(1 << 26);
  if (locked) new Spans(memory);
  else SharedSpans.create(memory, { id: 1 });
  const control = new SharedArrayBuffer((16 + EXCHANGED) * 4);
  const shared = new Int32Array(control);
  const workers = [];
  for (let i = 0; i < count; i++) {
    const data = { buffer: memory.buffer, control, id: i + 2, seconds, locked, share };
    workers.push(new Worker(new URL(import.meta.url), { workerData: data }));
  }
  const done = workers.map((worker) => new Promise((resolve) => worker.on("message", resolve)));
  while (Atomics.load(shared, 0) < count) await new Promise((resolve) => setTimeout(resolve, 5));
  Atomics.store(shared, 1, 1);
  Atomics.notify(shared, 1);
  const operations = (await Promise.all(done)).reduce((sum, value) => sum + value, 0);
  await Promise.all(workers.map((worker) => worker.terminate()));
  return operations / seconds / 1e6;
};

if (!isMainThread) work(workerData);
else {
  const seconds = Number(process.argv[2] ?? 1);
  const share = Number(process.argv[3] ?? 0);
  const best = {
    "spans, 1 worker": 0,
    "spans, 2 workers": 0,
    "one lock, 1 worker": 0,
    "one lock, 2 workers": 0,
  };
  for (let round = 0; round < 5; round++) {
    for (const name of Object.keys(best)) {
      const rate = await measure(name.includes("1") ? 1 : 2, name.startsWith("one"), seconds, share);
      best[name] = Math.max(best[name], rate);
    }
  }
  for (const [name, rate] of Object.entries(best))
    console.log(`${name.padEnd(20)} ${rate.toFixed(1)} M operations/s`);
  console.log(
    `spans, 2 workers against 1: ${(best["spans, 2 workers"] / best["spans, 1 worker"]).toFixed(2)} x`,
  );
}
