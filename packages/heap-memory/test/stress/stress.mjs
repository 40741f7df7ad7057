/*
 * Stress of a heap that workers share: random sizes, blocks freed by others than took them, every byte checked, workers
 * terminated at random; then every invariant of the heap.
 *
 * A strategy's own script, packages/STRATEGY/test/stress/run.mjs, exports what is special to it, as `strategy`:
 *
 *   create(memory, id)   begins a heap
 *   attach(memory, id)   attaches to it in a worker
 *   settle(heap, memory) when all workers are gone: takes over what they left; returns the faults found and what to report,
 *                        `liveBlocks` among it
 *
 * and runs `main(import.meta.url, strategy)`. What `create` and `attach` return is an Allocator with allocateAligned,
 * allocateZeroed, reallocate, recover(id) and close().
 */
import { isMainThread, Worker } from "node:worker_threads";
import { LinearMemory } from "@heapwright/heap-memory";
import { verify } from "./pattern.mjs";

/** Words of the array that all share: the first says stop, the second counts operations, the blocks in exchange come later. */
export const STOP = 0;
export const OPERATIONS = 1;
export const EXCHANGE = 16;
export const EXCHANGED = 500;

const MAXIMUM = 1 << 29;

/** Returns what happened; throws on the first fault. */
const stress = async (script, strategy, { seconds, workers, kill, growing }) => {
  const seed = Date.now() & 0xffff;
  const memory = growing
    ? LinearMemory.growing({ maximum: MAXIMUM, shared: true })
    : LinearMemory.shared(1 << 28);
  const heap = strategy.create(memory, 1);
  const control = new SharedArrayBuffer((EXCHANGE + EXCHANGED) * 4);
  const shared = new Int32Array(control);
  const errors = [];
  const alive = new Set();
  let nextId = 2;
  let killed = 0;

  const start = () => {
    const id = nextId++;
    const where = growing ? { wasm: memory.wasm, maximum: MAXIMUM } : { buffer: memory.buffer };
    const worker = new Worker(new URL("./worker.mjs", import.meta.url), {
      workerData: { script, ...where, control, id, seed: seed + id * 7919 },
    });
    alive.add(worker);
    worker.on("error", (error) => errors.push(error));
    worker.ended = new Promise((resolve) =>
      worker.on("exit", () => {
        alive.delete(worker);
        heap.recover(id);
        resolve();
      }),
    );
  };

  for (let i = 0; i < workers; i++) start();
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end && errors.length === 0) {
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
  Atomics.store(shared, STOP, 1);
  await Promise.all([...alive].map((worker) => worker.ended));
  if (errors.length > 0) throw errors[0];

  for (let i = 0; i < EXCHANGED; i++) {
    const block = shared[EXCHANGE + i] >>> 0;
    if (block === 0) continue;
    verify(memory, block);
    heap.deallocate(block);
  }
  const { faults, ...left } = strategy.settle(heap, memory);
  if (faults.length > 0) throw new Error(`after the stress: ${JSON.stringify(faults.slice(0, 5))}`);
  if (!kill && left.liveBlocks !== 0)
    throw new Error(`${left.liveBlocks} blocks are left, though no worker died`);
  return { operations: shared[OPERATIONS] >>> 0, workers, killed, ...left };
};

const USAGE = "[seconds = 60] [workers = 4] [kill | calm] [growing | fixed]";

/** What a strategy's script does on the command line; nothing where a worker imports it. */
export const main = async (script, strategy) => {
  if (!isMainThread) return;
  const [seconds = "60", workers = "4", kill = "kill", memory = "growing"] = process.argv.slice(2);
  const asked = {
    seconds: Number(seconds),
    workers: Number(workers),
    kill: kill === "kill",
    growing: memory === "growing",
  };
  if (
    !(asked.seconds > 0) ||
    !(asked.workers > 0) ||
    !["kill", "calm"].includes(kill) ||
    !["growing", "fixed"].includes(memory)
  ) {
    console.error(`usage: ${process.argv[1]} ${USAGE}`);
    process.exitCode = 2;
    return;
  }
  console.log(JSON.stringify(await stress(script, strategy, asked)));
};
