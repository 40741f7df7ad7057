import { expect, test } from "vitest";
import { MAX_MAP_COUNT, Prot } from "../src/index.ts";
import { execute } from "../src/script/execute.ts";
import { parseScript } from "../src/script/parse.ts";
import { IMAGE_END, World } from "../src/script/world.ts";
import { mprotect } from "../src/syscalls/mprotect.ts";

/**
 * What may still be done when a process has (almost) as many areas as it may have, recorded from Linux 6.18: each
 * operation's answer, and how many areas there are then. `reach N` makes areas elsewhere until there are N.
 */
const SETUP = `
mmap 0x50000000 0x40000 rw- private,anon,fixed
mmap 0x50100000 0x10000 rw- private,anon,fixed
mmap 0x50200000 0x1000 r-- shared,anon,fixed
mmap 0x50300000 0x10000 r-- private,anon,fixed
brk 0x1000
mmap 0x60000000 0x20000000 none private,anon,fixed
`;
const RECORDED = `
reach 65523
mremap 0x50300000 0x1000 0x1000 maymove,fixed 0x50500000 -> ok 65524
reach 65524
mremap 0x50301000 0x1000 0x1000 maymove,fixed 0x50500000 -> ok 65524
munmap 0x50500000 0x1000 -> ok 65523
reach 65524
mremap 0x50302000 0x1000 0x2000 maymove -> ok 65525
reach 65525
mremap 0x50301000 0x1000 0x1000 maymove,fixed 0x50510000 -> -ENOMEM 65525
mremap 0x50200000 0x0 0x1000 maymove -> ok 65526
reach 65526
mremap 0x50200000 0x0 0x1000 maymove -> ok 65527
mremap 0x50304000 0x2000 0x4000 maymove -> -ENOMEM 65527
reach 65527
mremap 0x50304000 0x2000 0x4000 maymove -> -ENOMEM 65527
mremap 0x50302000 0x1000 0x1000 maymove,dontunmap -> -ENOMEM 65527
reach 65529
mprotect 0x50303000 0x1000 rw- -> ok 65530
mprotect 0x5030f000 0x1000 rw- -> -ENOMEM 65530
reach 65529
mlock 0x50304000 0x1000 -> -ENOMEM 65530
mlock 0x50301000 0x1000 -> -ENOMEM 65530
munlock 0x50301000 0x1000 -> -ENOMEM 65530
reach 65529
madvise 0x50108000 0x1000 random -> -EAGAIN 65530
madvise 0x50108000 0x8000 random -> -EAGAIN 65530
reach 65530
madvise 0x50102000 0x1000 dontfork -> -EAGAIN 65530
madvise 0x50102000 0x1000 remove -> -EINVAL 65530
madvise 0x50102000 0x1000 dontneed -> ok 65530
munmap 0x50104000 0x1000 -> -ENOMEM 65530
munmap 0x50100000 0x1000 -> ok 65530
munmap 0x5010f000 0x1000 -> ok 65530
munmap 0x50106000 0x4000 -> -ENOMEM 65530
mmap 0x50104000 0x1000 r-- private,anon,fixed -> -ENOMEM 65530
reach 65530
mmap 0x50400000 0x1000 r-- shared,anon,fixed -> ok 65531
mmap 0x50410000 0x1000 r-- shared,anon,fixed -> -ENOMEM 65531
mmap 0x50000000 0x1000 r-- shared,anon,fixed -> -ENOMEM 65531
mprotect 0x50000000 0x1000 r-- -> -ENOMEM 65531
mprotect 0x50000000 0x40000 r-- -> ok 65531
mremap 0x50000000 0x40000 0x41000 none -> ok 65531
mremap 0x50000000 0x41000 0x40000 none -> ok 65531
mremap 0x50000000 0x40000 0x40000 maymove,fixed 0x50800000 -> -ENOMEM 65531
brk 0x4000 -> -ENOMEM 65531
munmap 0x50020000 0x1000 -> -ENOMEM 65531
munmap 0x50001000 0x3e000 -> -ENOMEM 65531
munmap 0x50000000 0x2000 -> ok 65531
munmap 0x5003e000 0x4000 -> ok 65531
brk 0x4000 -> -ENOMEM 65531
brk 0x2000 -> -ENOMEM 65531
mmap 0x50400000 0x1000 rw- shared,anon,fixed -> -ENOMEM 65531
`;

const PAGE = 4096;
const ARENA = 0x60000000;

const lines = (text: string): string[] => text.trim().split("\n");

test("the limit of areas: each call's answer is that of Linux", () => {
  const world = new World();
  const { mm } = world;
  const values = { brk0: IMAGE_END, valueOf: () => undefined };
  const run = (line: string): string => {
    const [{ action }] = parseScript(line) as [ReturnType<typeof parseScript>[number]];
    const { value, text } = execute(world, action, values);
    // brk never fails, but answers the old break.
    const refused =
      value === undefined || (action.op === "brk" && value !== IMAGE_END + Number(line.slice(4)));
    return `${!refused ? "ok" : value === undefined ? text : "-ENOMEM"} ${mm.areas.size}`;
  };
  let cuts = 0;
  /** Every second page of a mapping gets another protection: two more areas each. Shared memory makes one, which never joins. */
  const reach = (count: number): void => {
    for (; mm.areas.size + 2 <= count; cuts++) mprotect(mm, ARENA + (2 * cuts + 1) * PAGE, PAGE, Prot.READ);
    if (mm.areas.size < count) run("mmap 0 0x1000 r-- shared,anon");
  };

  for (const line of lines(SETUP)) run(line);
  for (const line of lines(RECORDED)) {
    const [operation, expected] = line.split(" -> ") as [string, string?];
    if (expected === undefined) reach(Number(operation.split(" ")[1]));
    else expect(run(operation), operation).toBe(expected);
  }
  expect(mm.areas.size).toBe(MAX_MAP_COUNT + 1);
  expect(mm.check()).toEqual([]);
});
