import { conformanceCases } from "@heapwright/allocator/conformance";
import { LinearMemory, LinearPages } from "@heapwright/heap-memory";
import { Process } from "@heapwright/kernel";
import { describe, test } from "vitest";
import { Ptmalloc, type PtmallocOptions } from "../../src/index.ts";

const MAPS = "08048000-0804a000 r-xp 00000000 fe:00 11                         /bin/true\n";
const variants: [string, PtmallocOptions][] = [
  ["i386", {}],
  ["x86-64", { abi: "x86_64" }],
  ["i386 without tcache", { tunables: { "glibc.malloc.tcache_count": 0 } }],
  ["glibc 2.31", { profile: "glibc-2.31" }],
  ["glibc 2.41 on x86-64", { profile: "glibc-2.41", abi: "x86_64" }],
  ["ptmalloc 2.12", { profile: "ptmalloc-2.12" }],
];

for (const [name, options] of variants) {
  describe(`${name} on a linear memory`, () => {
    const factory = (): Ptmalloc => new Ptmalloc(LinearPages.create(LinearMemory.fixed(2 ** 18)), options);
    for (const c of conformanceCases(factory, { maxSize: 4096 })) test(c.name, c.run);
  });
}

describe("i386 in a process", () => {
  const factory = (): Ptmalloc => new Ptmalloc(Process.fromMaps(MAPS, { abi: "i386" }));
  for (const c of conformanceCases(factory, { maxSize: 200_000, exhausts: false, runs: 20 }))
    test(c.name, c.run);
});

describe("above 2 GiB", () => {
  const factory = (): Ptmalloc =>
    new Ptmalloc(LinearPages.create(LinearMemory.growing({ initial: 65536 }), 2 ** 31 + 2 ** 20));
  for (const c of conformanceCases(factory, { maxSize: 4096, exhausts: false, runs: 2 })) test(c.name, c.run);
});
