// Workers on one SharedArrayBuffer allocate, check every byte, pass blocks on, free each other's, and are terminated at random.
//
//   npx tsc -b packages/slab packages/buddy && node packages/slab/bench/stress.mjs [seconds = 60] [workers = 4]
//
// A terminated worker's blocks are lost with it: whoever finds one in the mailbox cannot know whether it was being freed.
// So each block carries a seal, set last and broken first; a block without it is left alone. Ends with the number of
// operations, recoveries, and what check() says. Exits with 1 when anything is wrong.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Buddy } from "@heapwright/buddy";
import { LinearMemory } from "@heapwright/heap-memory";
import { Kmalloc } from "@heapwright/slab";

const MEMORY = 64 * 2 ** 20;
const SEAL = 0x5ea1ed;
const SLOTS = 256;

const random = (seed) => {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
};

/** Size in word 0, seal in word 1, then bytes of the block's own. */
const fill = (memory, block, size) => {
  memory.fill(block, size, (block >>> 4) & 0xff);
  memory.store32(block, size);
  memory.store32(block + 4, SEAL);
};

/** Whether the block is whole; throws when its bytes are not what they should be. */
const verify = (memory, block) => {
  if (memory.load32(block + 4) !== SEAL) return false;
  const size = memory.load32(block);
  const expected = (block >>> 4) & 0xff;
  for (let i = 8; i < size; i++) {
    const found = memory.load8(block + i);
    if (found !== expected) throw new Error(`byte ${i} of ${size} at ${block} is ${found}, not ${expected}`);
  }
  return true;
};

const work = ({ buffer, mailbox, counter, root, seed }) => {
  const memory = LinearMemory.fixed(buffer);
  const heap = Kmalloc.attach(Buddy.attach(memory), memory, root);
  parentPort.postMessage(heap.slabs.cpu);
  const pick = random(seed);
  const own = [];
  const release = (block) => {
    if (!verify(memory, block)) return;
    memory.store32(block + 4, 0);
    heap.deallocate(block);
  };
  for (let round = 1; ; round++) {
    const size = 8 + (pick(16) === 0 ? pick(20_000) : pick(400));
    const block = heap.allocate(size);
    if (block !== 0) {
      fill(memory, block, size);
      const other = Atomics.exchange(mailbox, pick(SLOTS), block);
      if (other !== 0) own.push(other);
    }
    while (own.length > 60 || (block === 0 && own.length > 0)) release(own.splice(pick(own.length), 1)[0]);
    if (round % 1000 === 0) Atomics.add(counter, 0, 1000);
  }
};

const main = async (seconds, workers) => {
  const memory = LinearMemory.shared(MEMORY);
  const heap = new Kmalloc(Buddy.create(memory), memory, { cpus: workers + 2 });
  const mailbox = new Int32Array(new SharedArrayBuffer(4 * SLOTS));
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const pick = random(Date.now() >>> 0);
  let seed = 0;
  let recoveries = 0;
  let failure;

  const start = () =>
    new Promise((resolve) => {
      const data = { buffer: memory.buffer, mailbox, counter, root: heap.slabs.root, seed: ++seed };
      const worker = new Worker(new URL(import.meta.url), { workerData: data });
      worker.once("message", (cpu) => resolve({ worker, cpu }));
      worker.once("error", (error) => {
        failure ??= error;
      });
    });
  const end = async ({ worker, cpu }) => {
    await worker.terminate();
    heap.slabs.recover(cpu);
    recoveries++;
  };

  const running = await Promise.all(Array.from({ length: workers }, start));
  const deadline = performance.now() + seconds * 1000;
  while (performance.now() < deadline && failure === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 50 + pick(400)));
    const victim = pick(running.length);
    try {
      await end(running[victim]);
    } catch (error) {
      if (!String(error).includes("died inside the page allocator")) throw error;
      console.log(`after ${recoveries} recoveries: ${error.message}`);
      for (const { worker } of running) await worker.terminate();
      return true;
    }
    running[victim] = await start();
  }
  for (const each of running) await end(each);
  if (failure !== undefined) throw failure;
  const salvaged = heap.slabs.salvage();
  const faults = heap.check();
  const operations = Atomics.load(counter, 0);
  console.log(
    `${operations} blocks by ${workers} workers, ${recoveries} terminated and recovered, ${salvaged} objects salvaged, ${faults.length} faults`,
  );
  for (const { address, fault } of faults.slice(0, 10)) console.log(`0x${address.toString(16)}: ${fault}`);
  return faults.length === 0;
};

if (!isMainThread) work(workerData);
else process.exitCode = (await main(Number(process.argv[2] ?? 60), Number(process.argv[3] ?? 4))) ? 0 : 1;
