// Object caches against what JavaScript programs do today: new objects, pools of objects, typed-array pools.
//
//   npx tsc -b packages/slab packages/buddy && node packages/slab/bench/objects.mjs [repetitions]
//
// Every figure comes from a process of its own, the best of six rounds there; repetitions interleaved; shown is the
// median. An object has 64 bytes: seven float64, two 32-bit words. "ns" is processor time of the whole process, the collector's helper threads included, for an
// allocation, the writing of the fields, and the free; "gc" is what the collector's pauses took of it. "alloc + free"
// does not write the fields. In "at once" V8 sees that a new object never leaves the loop and makes none.
import { spawnSync } from "node:child_process";
import { PerformanceObserver } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { Buddy } from "@heapwright/buddy";
import { LinearMemory } from "@heapwright/heap-memory";
import { Kmalloc, Slabs, struct, structCache } from "@heapwright/slab";

const LIVE = 100_000;
const fields = struct({
  ...{ x: "f64", y: "f64", z: "f64", vx: "f64", vy: "f64", vz: "f64" },
  ...{ mass: "f64", id: "u32", next: "ptr" },
});

const slabs = (growing) => {
  const memory = growing
    ? LinearMemory.growing({ initial: 65536, maximum: 2 ** 27 })
    : LinearMemory.fixed(2 ** 26);
  return Slabs.create(Buddy.create(memory), memory);
};

class Body {
  constructor(x, id) {
    this.x = x;
    this.y = x;
    this.z = x;
    this.vx = x;
    this.vy = x;
    this.vz = x;
    this.mass = x;
    this.id = id;
    this.next = null;
  }
}

/** Each contender makes a pair of functions: one that gives an object with its fields written, one that ends it. */
const contenders = {
  "object cache": () => {
    const bodies = structCache(slabs(false), "body", fields);
    const { cache, set } = bodies;
    const make = (x, id) => {
      const body = cache.alloc();
      set.x(body, x);
      set.y(body, x);
      set.z(body, x);
      set.vx(body, x);
      set.vy(body, x);
      set.vz(body, x);
      set.mass(body, x);
      set.id(body, id);
      return body;
    };
    const raw = (pairs) => {
      for (let i = 0; i < pairs; i++) cache.free(cache.alloc());
    };
    return { make, end: (body) => cache.free(body), raw };
  },
  "object cache, growing memory": () => {
    const bodies = structCache(slabs(true), "body", fields);
    const { cache, set } = bodies;
    const make = (x, id) => {
      const body = cache.alloc();
      set.x(body, x);
      set.y(body, x);
      set.z(body, x);
      set.vx(body, x);
      set.vy(body, x);
      set.vz(body, x);
      set.mass(body, x);
      set.id(body, id);
      return body;
    };
    const raw = (pairs) => {
      for (let i = 0; i < pairs; i++) cache.free(cache.alloc());
    };
    return { make, end: (body) => cache.free(body), raw };
  },
  "kmalloc(64)": () => {
    const s = slabs(false);
    const heap = new Kmalloc(s.pages, s.memory, s);
    const { set } = fields.over(s.memory);
    const make = (x, id) => {
      const body = heap.allocate(64);
      set.x(body, x);
      set.y(body, x);
      set.z(body, x);
      set.vx(body, x);
      set.vy(body, x);
      set.vz(body, x);
      set.mass(body, x);
      set.id(body, id);
      return body;
    };
    const raw = (pairs) => {
      for (let i = 0; i < pairs; i++) heap.deallocate(heap.allocate(64));
    };
    return { make, end: (body) => heap.deallocate(body), raw };
  },
  "new object": () => ({ make: (x, id) => new Body(x, id), end: () => {} }),
  "pool of objects": () => {
    const free = [];
    const make = (x, id) => {
      const body = free.pop();
      if (body === undefined) return new Body(x, id);
      body.x = x;
      body.y = x;
      body.z = x;
      body.vx = x;
      body.vy = x;
      body.vz = x;
      body.mass = x;
      body.id = id;
      return body;
    };
    return { make, end: (body) => free.push(body) };
  },
  "typed-array pool": () => {
    const most = LIVE + 1;
    const columns = Array.from({ length: 7 }, () => new Float64Array(most));
    const [x_, y_, z_, vx_, vy_, vz_, mass_] = columns;
    const ids = new Uint32Array(most);
    const free = new Uint32Array(most).map((_, i) => i);
    let available = most;
    const make = (x, id) => {
      const body = free[--available];
      x_[body] = x;
      y_[body] = x;
      z_[body] = x;
      vx_[body] = x;
      vy_[body] = x;
      vz_[body] = x;
      mass_[body] = x;
      ids[body] = id;
      return body;
    };
    const end = (body) => {
      free[available++] = body;
    };
    const raw = (pairs) => {
      for (let i = 0; i < pairs; i++) {
        const body = free[--available];
        free[available++] = body;
      }
    };
    return { make, end, raw };
  },
};

/**
 * Each workload makes a function that does so many pairs of allocation and free. It is called often, as a program's own functions
 * are: one call that loops for long would run in code that V8 has made for the middle of the loop, which knows less.
 */
const workloads = {
  "alloc + free": ({ raw }) => raw,
  "at once": ({ make, end }) => {
    return (pairs) => {
      for (let i = 0; i < pairs; i++) end(make(i * 0.5, i));
    };
  },
  [`churn of ${LIVE}`]: ({ make, end }) => {
    const live = Array.from({ length: LIVE }, (_, i) => make(i * 0.5, i));
    let seed = 1;
    return (pairs) => {
      for (let i = 0; i < pairs; i++) {
        seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
        const at = (seed >>> 8) % LIVE;
        end(live[at]);
        live[at] = make(i * 0.5, i);
      }
    };
  },
  "bursts of 10000": ({ make, end }) => {
    const live = new Array(STEP).fill(0);
    return (pairs) => {
      for (let i = 0; i < pairs; i++) live[i] = make(i * 0.5, i);
      for (let i = 0; i < pairs; i++) end(live[i]);
    };
  },
};

const STEP = 10_000;
const STEPS = 100;
const ROUNDS = 6;

const child = async (workload, name) => {
  const step = workloads[workload](contenders[name]());
  // What V8 has to learn it learns here.
  for (let i = 0; i < STEPS; i++) step(STEP);
  let gc = 0;
  const count = (list) => {
    for (const { duration } of list) gc += duration;
  };
  const observer = new PerformanceObserver((list) => count(list.getEntries()));
  observer.observe({ entryTypes: ["gc"] });
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < STEPS; i++) step(STEP);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, user + system);
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  count(observer.takeRecords());
  const pairs = STEP * STEPS;
  console.log(JSON.stringify({ ns: (best * 1e3) / pairs, gc: (gc * 1e6) / pairs / ROUNDS }));
};

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

const main = (repetitions) => {
  console.log(`Node ${process.version}, median of ${repetitions}\n`);
  for (const workload of Object.keys(workloads)) {
    const names = Object.keys(contenders).filter(
      (name) => workload !== "alloc + free" || contenders[name]().raw,
    );
    const results = new Map(names.map((name) => [name, []]));
    for (let i = 0; i < repetitions; i++) {
      for (const name of names) {
        const { stdout } = spawnSync(process.execPath, [
          fileURLToPath(import.meta.url),
          "child",
          workload,
          name,
        ]);
        results.get(name).push(JSON.parse(stdout.toString()));
      }
    }
    console.log(workload.padEnd(32) + "ns".padStart(8) + "gc".padStart(8));
    for (const [name, runs] of results) {
      const ns = median(runs.map((run) => run.ns)).toFixed(1);
      const gc = median(runs.map((run) => run.gc)).toFixed(1);
      console.log(`  ${name.padEnd(30)}${ns.padStart(8)}${gc.padStart(8)}`);
    }
    console.log();
  }
};

if (process.argv[2] === "child") await child(process.argv[3], process.argv[4]);
else main(Number(process.argv[2] ?? 5));
