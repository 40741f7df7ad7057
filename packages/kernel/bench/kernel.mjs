// What the kernel model costs: page faults, areas, and a load through page tables against one from flat memory.
// node packages/kernel/bench/kernel.mjs   (after a build)
import { LinearMemory } from "@heapwright/heap-memory";
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

{
  // The same loops over flat and over paged memory, each compiled for itself, interleaved; processor time, the least of many.
  const loops = {
    "stores and loads in order": `for (let i = 0; i < words; i++) {
      const at = base + ((i * 5) & (words - 1)) * 4;
      memory.store32(at, i);
      sum ^= memory.load32(at);
    }`,
    "a chain of loads":
      "for (let i = 0, at = base; i < 2 * words; i++) { at = memory.load32(at); sum ^= at; }",
  };
  const compile = (body, name) =>
    new Function(
      "memory",
      "base",
      "words",
      `/* ${name} */ let sum = 0; for (let k = 0; k < 256; k++) ${body} return sum;`,
    );
  const processor = (run) => {
    const start = globalThis.process.cpuUsage().user;
    run();
    return globalThis.process.cpuUsage().user - start;
  };
  const words = 8192;
  const flat = LinearMemory.fixed(1 << 20);
  const { memory, sys } = Process.create(new Machine());
  const at = sys.mmap({
    address: 0x50000000,
    length: words * 4,
    prot: RW,
    flags: MapFlag.PRIVATE | MapFlag.ANONYMOUS,
  });
  for (const [name, body] of Object.entries(loops)) {
    const sides = [
      ["flat", flat, 4096],
      ["paged", memory, at],
    ].map(([side, target, base]) => {
      for (let i = 0; i < words; i++) target.store32(base + i * 4, base + ((i * 5 + 1) & (words - 1)) * 4);
      return { target, base, run: compile(body, `${name} ${side}`), best: Infinity };
    });
    for (let round = 0; round < 25; round++) {
      for (const side of sides)
        side.best = Math.min(
          side.best,
          processor(() => side.run(side.target, side.base, words)),
        );
    }
    const [a, b] = sides;
    const each = ((a.best * 1000) / (256 * words * 2)).toFixed(2);
    show(`paged / flat, ${name}`, (b.best / a.best).toFixed(2), `(flat ${each} ns each)`);
  }
}
