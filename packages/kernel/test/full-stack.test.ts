import { Buddy, check as checkBuddy } from "@heapwright/buddy";
import { LinearMemory } from "@heapwright/heap-memory";
import { Ptmalloc } from "@heapwright/ptmalloc";
import { Slabs } from "@heapwright/slab";
import { expect, test } from "vitest";
import { Machine, Process } from "../src/index.ts";
import { checkMachine } from "./invariants.ts";

/** Physical memory, its buddy system, slab caches for the kernel's own objects, a kernel, a process, and malloc in it: the whole stack. */
const stack = (megabytes: number, swapPages: number, abi: "i386" | "x86_64") => {
  const memory = LinearMemory.fixed(megabytes * 2 ** 20);
  const buddy = Buddy.create(memory);
  const totalFrames = buddy.areas.freeFrames;
  const slabs = Slabs.create(buddy, memory);
  const machine = new Machine({ memory, frames: buddy, totalFrames, objects: slabs, swapPages });
  const process = Process.create(machine, { abi });
  return { buddy, slabs, machine, process, malloc: new Ptmalloc(process, { abi }) };
};

test.each(["i386", "x86_64"] as const)(
  "malloc, process, kernel, slab caches and buddy system together: %s",
  (abi) => {
    const { machine, process, malloc, buddy, slabs } = stack(2, 4096, abi);
    const { memory } = process;
    const blocks = new Map<number, number>();
    let seed = 1;
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % n;
    };
    for (let i = 0; i < 3000; i++) {
      if (blocks.size > 300 && random(2) === 0) {
        const address = [...blocks.keys()][random(blocks.size)]!;
        const size = blocks.get(address)!;
        expect(memory.load8(address)).toBe(size & 255);
        expect(memory.load8(address + size - 1)).toBe(size & 255);
        malloc.free(address);
        blocks.delete(address);
        continue;
      }
      const size = random(50) === 0 ? 140_000 + random(60_000) : 16 + random(16_000);
      const address = malloc.malloc(size);
      expect(address).not.toBe(0);
      memory.fill(address, size, size);
      blocks.set(address, size);
    }
    expect(machine.events.pswpout).toBeGreaterThan(0);
    expect(malloc.check()).toEqual([]);
    expect(checkMachine(machine, [process])).toEqual([]);
    expect(slabs.check()).toEqual([]);
    expect(checkBuddy(buddy)).toEqual([]);
    for (const address of blocks.keys()) malloc.free(address);
    process.exit();
    expect(machine.frames.used).toBe(1);
    expect(machine.swap.used).toBe(0);
  },
);

test("malloc hands out addresses; memory comes with the first touch", () => {
  const { process, malloc } = stack(16, 0, "i386");
  const before = process.space!.rss.anon;
  const block = malloc.malloc(100_000);
  const header = process.space!.rss.anon;
  expect(header - before).toBeLessThan(8);
  process.memory.fill(block, 100_000, 1);
  expect(process.space!.rss.anon - header).toBeGreaterThan(22);
});
