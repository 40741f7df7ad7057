import { expect, test } from "vitest";
import { Process } from "../src/index.ts";

const i386 = [
  "08048000-08049000 r--p 00000000 fe:00 2146526                            /home/u/placement32",
  "08049000-0804c000 r-xp 00001000 fe:00 2146526                            /home/u/placement32",
  "0804c000-0804d000 rw-p 00003000 fe:00 2146526                            /home/u/placement32",
  "0804d000-0910d000 rw-p 00000000 00:00 0 ",
  "0910d000-0912f000 rw-p 00000000 00:00 0                                  [heap]",
  "40000000-40001000 r--p 00000000 fe:00 1442685                            /usr/lib32/ld-linux.so.2",
  "40035000-40039000 r--p 00000000 00:00 0                                  [vvar]",
  "4003b000-4003d000 r-xp 00000000 00:00 0                                  [vdso]",
  "4003d000-4003f000 rw-p 00000000 00:00 0 ",
  "40271000-40272000 ---p 00000000 00:00 0 ",
  "40272000-40a72000 rw-p 00000000 00:00 0 ",
  "bffdf000-c0000000 rw-p 00000000 00:00 0                                  [stack]",
];
const x86 = [
  "00400000-00401000 r--p 00000000 fe:00 2146525                            /home/u/placement64",
  "00404000-00405000 rw-p 00003000 fe:00 2146525                            /home/u/placement64",
  "00405000-024c5000 rw-p 00000000 00:00 0 ",
  "2aaaaaaab000-2aaaaaaac000 r--p 00000000 fe:00 338944                     /usr/lib/x86_64-linux-gnu/ld.so",
  "2aaaaaae6000-2aaaaaae8000 r-xp 00000000 00:00 0                          [vdso]",
  "2aaaaaae8000-2aaaaaaea000 rw-p 00000000 00:00 0 ",
  "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]",
  "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]",
];
const text = (lines: string[]) => lines.map((line) => `${line}\n`).join("");

test.each([
  ["i386", i386],
  ["x86_64", x86],
] as const)("the maps of an %s process come out as they went in", (abi, lines) => {
  const process = Process.fromMaps(text([...lines]), { abi });
  expect(process.maps()).toBe(text([...lines]));
  expect(process.mm.check()).toEqual([]);
});

test("the break is the end of [heap], or of the bss", () => {
  expect(Process.fromMaps(text(i386), { abi: "i386" }).brkValue).toBe(0x912f000);
  const process = Process.fromMaps(text(x86), { abi: "x86_64" });
  expect(process.sbrk(0)).toBe(0x24c5000);
  expect(process.sbrk(0x21000)).toBe(0x24c5000);
  expect(process.brkValue).toBe(0x24e6000);
  // The heap stays apart from the bss that it touches.
  expect(process.maps()).toContain(
    "024c5000-024e6000 rw-p 00000000 00:00 0                                  [heap]\n",
  );
  expect(process.sbrk(-0x1000)).toBe(0x24e6000);
  expect(process.maps()).toContain("024c5000-024e5000 ");
});

test("mappings go to the lowest hole and join what continues them, but never a thread's stack", () => {
  const process = Process.fromMaps(text(i386), { abi: "i386" });
  expect(process.mmap(0x34000, 3)).toBe(0x40001000);
  expect(process.mmap(0x7a000, 3)).toBe(0x4003f000);
  expect(process.maps()).toContain("4003d000-400b9000 rw-p 00000000 00:00 0 \n");
  expect(process.mmap(0x200000, 3)).toBe(0x40a72000);
  expect(process.maps()).toContain("40272000-40a72000 rw-p 00000000 00:00 0 \n40a72000-40c72000 rw-p");
});

test("a large x86-64 mapping is aligned to 2 MiB, through the window and outside", () => {
  const process = Process.fromMaps(text(x86), { abi: "x86_64" });
  const heap = process.mmap(128 * 2 ** 20, 0);
  expect(process.toReal(heap)).toBe(0x2aaaaac00000);
  expect(process.fromReal(0x2aaaaac00000)).toBe(heap);
  expect(heap % 2 ** 21).toBe(0);
  expect((process.toReal(heap) - heap) % (128 * 2 ** 20)).toBe(0);
  expect(process.munmap(heap, 2 ** 20)).toBe(true);
  expect(process.maps()).toContain("2aaaaad00000-2aaab2c00000 ---p 00000000 00:00 0 \n");
});

test("memory that goes comes back as zeros", () => {
  const process = Process.fromMaps(text(i386), { abi: "i386" });
  const { memory } = process;
  const block = process.mmap(0x3000, 3);
  memory.store32(block, 0xdeadbeef);
  memory.store32(block + 0x1000, 1);
  expect(process.madvise(block, 0x1000, 4)).toBe(true);
  expect(memory.load32(block)).toBe(0);
  const moved = process.mremap(block, 0x3000, 0x40000, true);
  expect(moved).not.toBe(block);
  expect(memory.load32(moved + 0x1000)).toBe(1);
  expect(memory.load32(block + 0x1000)).toBe(0);
  expect(process.munmap(moved, 0x40000)).toBe(true);
  expect(memory.load32(moved + 0x1000)).toBe(0);
  const top = process.sbrk(0x1000);
  memory.store32(top, 7);
  process.sbrk(-0x1000);
  process.sbrk(0x1000);
  expect(memory.load32(top)).toBe(0);
});

test("what Linux refuses is NULL or false", () => {
  const process = Process.fromMaps(text(i386), { abi: "i386" });
  expect(process.mmap(0, 3)).toBe(0);
  expect(process.mmap(2 ** 32 - 4096, 3)).toBe(0);
  expect(process.munmap(0x40000001, 4096)).toBe(false);
  expect(process.mremap(0x40001000, 4096, 8192, true)).toBe(0);
  expect(process.sbrk(-0x100000)).toBe(0);
  expect(process.sbrk(0x40000000)).toBe(0);
});

test("a line that is none is named", () => {
  expect(() => Process.fromMaps("08048000-08049000 rw\n", { abi: "i386" })).toThrow(/rw/);
  expect(() => Process.fromMaps("08049000-08048000 rw-p 00000000 00:00 0\n", { abi: "i386" })).toThrow(
    /ascending/,
  );
});
