// Stress of a shared heap: several workers, random sizes, blocks freed by others, every byte checked, workers terminated at
// random; then every invariant of the heap.
//
//   node packages/ptmalloc/test/stress/run.mjs [seconds] [workers] [kill | calm] [fixed | growing]
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { LinearMemory } from "@heapwright/heap-memory";
import { SharedPtmalloc } from "../../dist/index.js";
import { verify } from "./pattern.mjs";

const EXCHANGED = 500;

/** Returns what happened; throws on the first fault. */
export const stress = async ({ seconds, workers, kill, growing, seed = Date.now() & 0xffff }) => {
  const maximum = 1 << 29;
  const memory = growing ? LinearMemory.growing({ maximum, shared: true }) : LinearMemory.shared(1 << 28);
  const heap = SharedPtmalloc.create(memory, { id: 1 });
  const control = new SharedArrayBuffer((16 + EXCHANGED) * 4);
  const shared = new Int32Array(control);
  const faults = [];
  const alive = new Set();
  let nextId = 2;
  let killed = 0;

  const start = () => {
    const id = nextId++;
    const data = { wasm: memory.wasm, maximum, buffer: growing ? undefined : memory.buffer, control, id };
    const worker = new Worker(new URL("./worker.mjs", import.meta.url), {
      workerData: { ...data, seed: seed + id * 7919, exchanged: EXCHANGED },
    });
    alive.add(worker);
    worker.on("error", (error) => faults.push(error));
    worker.ended = new Promise((resolve) =>
      worker.on("exit", () => {
        alive.delete(worker);
        heap.recover(id);
        resolve();
      }),
    );
    return worker;
  };

  for (let i = 0; i < workers; i++) start();
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end && faults.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 30 + Math.random() * 170));
    if (!kill) continue;
    const victims = [...alive];
    const victim = victims[Math.floor(Math.random() * victims.length)];
    if (victim !== undefined) {
      await victim.terminate();
      await victim.ended;
      killed++;
    }
    while (alive.size < workers) start();
  }
  Atomics.store(shared, 0, 1);
  await Promise.all([...alive].map((worker) => worker.ended));
  if (faults.length > 0) throw faults[0];

  for (let i = 0; i < EXCHANGED; i++) {
    const block = shared[16 + i] >>> 0;
    if (block === 0) continue;
    verify(memory, block);
    heap.free(block);
  }
  const trimmed = heap.trim(0);
  const broken = heap.checkArenas();
  if (broken.length > 0) throw new Error(`after the stress: ${JSON.stringify(broken.slice(0, 5))}`);
  const { liveBlocks, heapBytes } = heap.totals();
  if (!kill && liveBlocks !== 0) throw new Error(`${liveBlocks} blocks are left, though no worker died`);
  return {
    operations: shared[1] >>> 0,
    killed,
    outOfService: heap.arenasLost,
    liveBlocks,
    heapBytes,
    trimmed,
    workers,
  };
};

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [seconds = "60", workers = "4", kill = "kill", memory = "growing"] = process.argv.slice(2);
  const result = await stress({
    seconds: Number(seconds),
    workers: Number(workers),
    kill: kill === "kill",
    growing: memory === "growing",
  });
  console.log(JSON.stringify(result));
}
