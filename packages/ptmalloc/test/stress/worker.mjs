// One worker of the stress: allocates, fills, checks and frees blocks, and exchanges them with the others at random.
import { workerData } from "node:worker_threads";
import { LinearMemory } from "@heapwright/heap-memory";
import { SharedPtmalloc } from "../../dist/index.js";
import { fill, randomSize, verify } from "./pattern.mjs";

const { wasm, buffer, maximum, control, id, seed, exchanged } = workerData;
const memory = wasm === undefined ? LinearMemory.fixed(buffer) : LinearMemory.wasm(wasm, maximum);
const heap = SharedPtmalloc.attach(memory, { id });
const shared = new Int32Array(control);
const slots = exchanged;

let state = seed | 1;
const random = (below) => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
};

const own = [];
while (Atomics.load(shared, 0) === 0) {
  for (let i = 0; i < 200; i++) {
    const choice = random(16);
    if (choice < 7 && own.length < 3000) {
      const size = randomSize(random);
      const block =
        choice === 0 ? heap.calloc(1, size) : choice === 1 ? heap.memalign(64, size) : heap.malloc(size);
      if (block === 0) continue;
      fill(memory, block, size);
      own.push(block);
    } else if (choice < 11 && own.length > 0) {
      // To another worker, in exchange for what lies there.
      const at = random(own.length);
      const got = Atomics.exchange(shared, 16 + random(slots), own[at] | 0) >>> 0;
      own[at] = own[own.length - 1];
      own.pop();
      if (got !== 0) {
        verify(memory, got);
        heap.free(got);
      }
    } else if (choice === 11 && own.length > 0) {
      const at = random(own.length);
      const old = verify(memory, own[at]);
      const size = randomSize(random);
      const moved = heap.realloc(own[at], size);
      if (moved === 0) continue;
      if (size >= old) verify(memory, moved, own[at]);
      fill(memory, moved, size);
      own[at] = moved;
    } else if (own.length > 0) {
      const at = random(own.length);
      const block = own[at];
      own[at] = own[own.length - 1];
      own.pop();
      verify(memory, block);
      heap.free(block);
    }
  }
  Atomics.add(shared, 1, 200);
}
for (const block of own) {
  verify(memory, block);
  heap.free(block);
}
heap.close();
