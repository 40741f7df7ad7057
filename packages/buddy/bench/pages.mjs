// Cost of a pair of allocatePages(0) and freePages(0), and of larger orders, in ns.
//
//   npx tsc -b packages/buddy && node packages/buddy/bench/pages.mjs
//
// One process a figure when called with an argument; without, each in a process of its own, interleaved, medians of 5.
import { execFileSync } from "node:child_process";
import { LinearMemory } from "@heapwright/heap-memory";
import { Buddy } from "../dist/index.js";

const PAIRS = 2_000_000;

const timed = (work) => {
  // As long as what is timed, so that the compilers, whose threads count too, have finished by then.
  work(PAIRS);
  // Processor time of this process, so that what else runs on the machine counts little.
  const start = process.cpuUsage();
  work(PAIRS);
  return (process.cpuUsage(start).user * 1000) / PAIRS;
};

const buddyOf = (options) => Buddy.create(LinearMemory.fixed(64 * 2 ** 20), options);

const churn = (order, options) => {
  const buddy = buddyOf(options);
  return timed((pairs) => {
    for (let i = 0; i < pairs; i++) buddy.freePages(buddy.allocatePages(order), order);
  });
};

/** A window of live pages, so that pages come and go in another order. */
const window = (options) => {
  const buddy = buddyOf(options);
  const live = new Uint32Array(256);
  for (let i = 0; i < live.length; i++) live[i] = buddy.allocatePages(0);
  return timed((pairs) => {
    for (let i = 0; i < pairs; i++) {
      const slot = Math.imul(i, 0x9e3779b1) >>> 24;
      buddy.freePages(live[slot], 0);
      live[slot] = buddy.allocatePages(0);
    }
  });
};

const bursts = (options) => {
  const buddy = buddyOf(options);
  const live = new Uint32Array(4000);
  return timed((pairs) => {
    for (let done = 0; done < pairs; done += live.length) {
      for (let i = 0; i < live.length; i++) live[i] = buddy.allocatePages(0);
      for (let i = 0; i < live.length; i++) buddy.freePages(live[i], 0);
    }
  });
};

const cases = {
  "order 0, per-CPU list": () => churn(0, {}),
  "order 0, window of 256": () => window({}),
  "order 0, bursts of 4000": () => bursts({}),
  "order 0, metadata outside": () => churn(0, { metadata: LinearMemory.growing() }),
  "order 3, per-CPU list": () => churn(3, {}),
  "order 4, free areas": () => churn(4, {}),
  "order 0, no lists": () => churn(0, { high: 0 }),
};

const chosen = process.argv[2];
if (chosen !== undefined) {
  console.log(cases[chosen]());
} else {
  const results = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
  for (let round = 0; round < 5; round++) {
    for (const name of Object.keys(cases)) {
      const output = execFileSync(process.execPath, [import.meta.filename, name], { encoding: "utf8" });
      results[name].push(Number(output));
    }
  }
  for (const [name, times] of Object.entries(results)) {
    times.sort((a, b) => a - b);
    console.log(`${name.padEnd(28)} median ${times[2].toFixed(1)}  least ${times[0].toFixed(1)} ns a pair`);
  }
}
