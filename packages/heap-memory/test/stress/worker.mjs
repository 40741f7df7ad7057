// One worker of the stress: allocates, fills, checks and frees blocks, and exchanges them with the others at random.
import { workerData } from "node:worker_threads";
import { LinearMemory } from "@heapwright/heap-memory";
import { fill, randomSize, verify } from "./pattern.mjs";
import { EXCHANGE, EXCHANGED, OPERATIONS, STOP } from "./stress.mjs";

const { script, wasm, buffer, maximum, control, id, seed } = workerData;
const { strategy } = await import(script);
const memory = wasm === undefined ? LinearMemory.fixed(buffer) : LinearMemory.wasm(wasm, maximum);
const heap = strategy.attach(memory, id);
const shared = new Int32Array(control);

let state = seed | 1;
const random = (below) => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
};

const own = [];

/** Removes a random block from its own, and returns it. */
const take = () => {
  const at = random(own.length);
  const block = own[at];
  own[at] = own[own.length - 1];
  own.pop();
  return block;
};

const release = (block) => {
  verify(memory, block);
  heap.deallocate(block);
};

const allocate = (size, way) => {
  if (way === 0) return heap.allocateZeroed(size);
  if (way === 1) return heap.allocateAligned(64, size);
  return heap.allocate(size);
};

const resize = (at) => {
  const block = own[at];
  const old = verify(memory, block);
  const size = randomSize(random);
  const moved = heap.reallocate(block, size);
  if (moved === 0) return;
  if (size >= old) verify(memory, moved, block);
  fill(memory, moved, size);
  own[at] = moved;
};

while (Atomics.load(shared, STOP) === 0) {
  for (let i = 0; i < 200; i++) {
    const choice = random(16);
    if (choice < 7 && own.length < 3000) {
      const size = randomSize(random);
      const block = allocate(size, choice);
      if (block === 0) continue;
      fill(memory, block, size);
      own.push(block);
    } else if (own.length === 0) {
      // Nothing to give away, to resize or to free.
    } else if (choice < 11) {
      // To another worker, in exchange for what lies there.
      const given = take();
      const got = Atomics.exchange(shared, EXCHANGE + random(EXCHANGED), given | 0) >>> 0;
      if (got !== 0) release(got);
    } else if (choice === 11) resize(random(own.length));
    else release(take());
  }
  Atomics.add(shared, OPERATIONS, 200);
}
for (const block of own) release(block);
heap.close();
