// What the kernel model costs: page faults, areas, and a load through page tables against one from flat memory.
// node packages/kernel/bench/kernel.mjs   (after `npx tsc -b packages/kernel packages/classic`)
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { BestFit, Tlsf } from "../../classic/dist/index.js";
import { Machine, MapFlag, Overcommit, Process, Prot } from "../dist/index.js";

const RW = Prot.READ | Prot.WRITE;
const PAGE = 4096;
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const show = (name, value, unit) => console.log(`${name.padEnd(44)} ${value.padStart(14)} ${unit}`);
const rate = (count, ms) => Math.round(count / (ms / 1000)).toLocaleString("en");
const timed = (run) => {
  const start = performance.now();
  run();
  return performance.now() - start;
};

const ROUNDS = 7;

/** Nanoseconds per operation of a strategy that replaces random blocks of 16 to 143 bytes, 2,048 of them live. */
const churn = (heap) => {
  const live = new Uint32Array(2048);
  let state = 1;
  const run = (count) => {
    for (let i = 0; i < count; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const slot = (state >>> 8) & 2047;
      if (live[slot] !== 0) heap.deallocate(live[slot]);
      live[slot] = heap.allocate(16 + ((state >>> 20) & 127));
    }
  };
  run(200_000);
  let best = Infinity;
  for (let round = 0; round < 60; round++)
    best = Math.min(
      best,
      timed(() => run(20_000)),
    );
  return (best * 1e6) / 40_000;
};

const STRATEGIES = { "best fit": BestFit, TLSF: Tlsf };
const SOURCES = {
  flat: () => LinearPages.create(LinearMemory.fixed(1 << 22)),
  paged: () => Process.create(new Machine()),
};
const LOOPS = {
  "stores and loads in order": `for (let i = 0; i < words; i++) {
    const at = base + ((i * 5) & (words - 1)) * 4;
    memory.store32(at, i);
    sum ^= memory.load32(at);
  }`,
  "a chain of loads": "for (let i = 0, at = base; i < 2 * words; i++) { at = memory.load32(at); sum ^= at; }",
  "random stores and loads": `for (let i = 0, x = 1; i < words; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    memory.store32(base + ((x >>> 8) & (words - 1)) * 4, i);
    sum ^= memory.load32(base + ((x >>> 5) & (words - 1)) * 4);
  }`,
  "bytes and halves": `for (let i = 0; i < words / 2; i++) {
    const at = base + ((i * 5) & (words - 1)) * 4;
    memory.store8(at, i);
    sum ^= memory.load8(at ^ 1) ^ memory.load16(at ^ 2);
    memory.store16(at ^ 2, sum);
  }`,
};

const WORDS = 8192;
const REPEATS = 24;

/** Memories of `count` processes of one machine, each with WORDS words at `at` whose pages are there. */
const pagedMemories = (count, at) => {
  const machine = new Machine();
  return Array.from({ length: count }, () => {
    const { memory, sys } = Process.create(machine);
    const flags = MapFlag.PRIVATE | MapFlag.ANONYMOUS;
    const length = WORDS * 4;
    sys.mmap({ address: at, length: length + 3 * PAGE, prot: RW, flags });
    // Every kind of access has met a page that was not there, as in any program, so that V8 compiles that case too.
    for (const [page, bits] of [8, 16, 32].entries()) {
      memory[`store${bits}`](at + length + page * PAGE, 1);
      memory[`load${bits}`](at + length + page * PAGE);
    }
    return memory;
  });
};

/** How many times longer a loop takes over paged memory, each process's in turn, than over flat: [ratio, flat ns]. */
const compareLoop = (name, processes) => {
  const sides = [
    ["flat", [LinearMemory.fixed(1 << 20)], 4096],
    ["paged", pagedMemories(processes, 0x50000000), 0x50000000],
  ].map(([side, targets, base]) => {
    for (const target of targets)
      for (let i = 0; i < WORDS; i++) target.store32(base + i * 4, base + ((i * 5 + 1) & (WORDS - 1)) * 4);
    // Compiled for each side by itself, so that it meets one class of memory.
    const code = `/* ${side} */ let sum = 0; for (let k = 0; k < ${REPEATS}; k++) ${LOOPS[name]} return sum;`;
    return { targets, base, run: new Function("memory", "base", "words", code), best: Infinity };
  });
  for (let round = 0; round < 300; round++) {
    for (const side of sides)
      for (const target of side.targets)
        side.best = Math.min(
          side.best,
          timed(() => side.run(target, side.base, WORDS)),
        );
  }
  const [flat, paged] = sides;
  return [paged.best / flat.best, (flat.best * 1e6) / (REPEATS * WORDS * 2)];
};

/** Runs this file again for one figure: each in a JavaScript process of its own, which nothing before has shaped. */
const alone = (...what) =>
  JSON.parse(
    execFileSync(process.execPath, [fileURLToPath(import.meta.url), ...what.map(String)], {
      encoding: "utf8",
    }),
  );

if (process.argv[2] === "loop") {
  console.log(JSON.stringify(compareLoop(process.argv[3], Number(process.argv[4]))));
  process.exit();
}
if (process.argv[2] === "churn") {
  const [, , , strategy, source] = process.argv;
  console.log(churn(new STRATEGIES[strategy](SOURCES[source]())));
  process.exit();
}

{
  const machine = new Machine();
  const process = Process.create(machine);
  const pages = 20_000;
  const times = { demand: [], zero: [], again: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const at = process.mmap(pages * PAGE, RW);
    times.zero.push(
      timed(() => {
        for (let i = 0; i < pages; i++) process.memory.load8(at + i * PAGE);
      }),
    );
    process.munmap(at, pages * PAGE);
    const to = process.mmap(pages * PAGE, RW);
    times.demand.push(
      timed(() => {
        for (let i = 0; i < pages; i++) process.memory.store8(to + i * PAGE, 1);
      }),
    );
    const child = process.fork();
    times.again.push(
      timed(() => {
        for (let i = 0; i < pages; i++) process.memory.store8(to + i * PAGE, 2);
      }),
    );
    child.exit();
    process.munmap(to, pages * PAGE);
  }
  show("faults: a load, the page of zeros", rate(pages, median(times.zero)), "per second");
  show("faults: a store, a new page", rate(pages, median(times.demand)), "per second");
  show("faults: a store after fork, a copy", rate(pages, median(times.again)), "per second");
}

for (const count of [10, 60_000]) {
  const machine = new Machine();
  machine.commit.policy = Overcommit.ALWAYS;
  const process = Process.create(machine);
  // Areas of alternating protection never join.
  const at = process.mmap(count * 2 * PAGE, RW);
  for (let i = 0; i < count / 2; i++) process.mprotect(at + i * 2 * PAGE, PAGE, Prot.READ);
  const pairs = 50_000;
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    times.push(
      timed(() => {
        for (let i = 0; i < pairs; i++) {
          const area = process.mmap(PAGE, Prot.READ | Prot.EXEC);
          process.munmap(area, PAGE);
        }
      }),
    );
  }
  show(`mmap and munmap, ${process.mm.areas.size} areas`, rate(pairs, median(times)), "pairs per second");
  const holes = [];
  for (let i = 0; i < 64; i++) holes.push(at + (((i * 7919) % (count / 2)) * 2 + 1) * PAGE);
  const inside = [];
  for (let round = 0; round < ROUNDS; round++) {
    inside.push(
      timed(() => {
        for (let i = 0; i < pairs; i++) {
          const hole = holes[i & 63];
          process.munmap(hole, PAGE);
          process.sys.mmap({
            address: hole,
            length: PAGE,
            prot: RW,
            flags: MapFlag.PRIVATE | MapFlag.ANONYMOUS | MapFlag.FIXED,
          });
        }
      }),
    );
  }
  show(
    `munmap and mmap inside, ${process.mm.areas.size} areas`,
    rate(pairs, median(inside)),
    "pairs per second",
  );
}

for (const [name, processes] of [
  ...Object.keys(LOOPS).map((loop) => [loop, 1]),
  [Object.keys(LOOPS)[0], 2],
]) {
  const runs = Array.from({ length: 5 }, () => alone("loop", name, processes));
  const ratio = median(runs.map((run) => run[0])).toFixed(2);
  const each = median(runs.map((run) => run[1])).toFixed(2);
  show(`paged / flat, ${name}${processes > 1 ? ", 2 processes" : ""}`, ratio, `(flat ${each} ns each)`);
}

// Strategies that know nothing but Memory, unchanged; a JavaScript process each, so that they meet one class of memory.
for (const strategy of Object.keys(STRATEGIES)) {
  const best = { flat: Infinity, paged: Infinity };
  for (let round = 0; round < 5; round++) {
    for (const source of Object.keys(best)) {
      best[source] = Math.min(best[source], alone("churn", strategy, source));
    }
  }
  const ratio = (best.paged / best.flat).toFixed(2);
  show(`paged / flat, ${strategy}`, ratio, `(flat ${best.flat.toFixed(1)} ns per operation)`);
}
