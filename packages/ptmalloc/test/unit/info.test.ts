/*
 * What malloc tells of itself, against what glibc 2.36 printed (malloc_stats, malloc_info and the fields of mallinfo2) after the
 * trace beside the recordings.
 */
import { readFileSync } from "node:fs";
import { Process } from "@heapwright/kernel";
import { describe, expect, test } from "vitest";
import { type Abi, Ptmalloc, type ThreadHeap } from "../../src/index.ts";

const recorded = (name: string): string => readFileSync(new URL(`recorded/${name}`, import.meta.url), "utf8");
const MAPS = "08048000-0804a000 r-xp 00000000 fe:00 11                         /bin/true\n";

/** Replays the trace: as in a real process, each further thread's creation costs the main one a calloc. */
const replay = (heap: Ptmalloc, word: number): void => {
  const lines = recorded("info.trace").trim().split("\n");
  const threads: ThreadHeap[] = [heap];
  for (let n = 1; n < 3; n++) {
    heap.calloc(17, 2 * word);
    threads.push(heap.thread(n));
  }
  const slots: number[] = [];
  let thread = threads[0]!;
  for (const line of lines) {
    const [op, ...args] = line.split(" ");
    const [slot = 0, a = 0, b = 0] = args.map(Number);
    if (op === "t") thread = threads[slot]!;
    else if (op === "a") slots[slot] = thread.malloc(a);
    else if (op === "c") slots[slot] = thread.calloc(a, b);
    else if (op === "m") slots[slot] = thread.memalign(a, b);
    else if (op === "r") slots[slot] = thread.realloc(slots[slot]!, a);
    else if (op === "f") thread.free(slots[slot]!);
  }
};

for (const abi of ["i386", "x86_64"] as const satisfies Abi[]) {
  for (const tcache of [true, false]) {
    describe(`${abi} ${tcache ? "with" : "without"} tcache`, () => {
      const tunables = tcache ? {} : { "glibc.malloc.tcache_count": 0 };
      const heap = new Ptmalloc(Process.fromMaps(MAPS, { abi }), { abi, tunables, stateAddress: 0x1000 });
      replay(heap, abi === "i386" ? 4 : 8);
      const text = recorded(`info-${abi}-${tcache ? "tcache" : "plain"}.txt`);
      const [stats = "", rest = ""] = text.split(/(?=<malloc )/);
      const [xml = "", fields = ""] = rest.split(/(?<=<\/malloc>\n)/);

      test("malloc_stats prints what the library printed", () => expect(heap.mallocStats()).toBe(stats));
      test("malloc_info prints what the library printed", () => expect(heap.mallocInfo()).toBe(xml));
      test("mallinfo2 has the library's numbers", () => {
        expect(Object.values(heap.mallinfo2()).join(" ")).toBe(fields.trim());
      });
      test("the heap is sound, and its walk adds up", () => {
        expect(heap.check()).toEqual([]);
        const { heapBytes, allocatedBytes, freeBytes } = heap.stats();
        expect(heapBytes).toBe(heap.footprint());
        expect(allocatedBytes + freeBytes).toBeLessThanOrEqual(heapBytes);
      });
    });
  }
}
