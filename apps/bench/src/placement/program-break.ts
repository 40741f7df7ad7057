/*
 * Where a process's break begins, as far as its memory map tells.
 *
 * - With a [heap] line: at its start.
 * - A program that was started through its dynamic loader (`ld-linux.so PROGRAM`) has the break that the kernel gave the loader,
 *   which is always the same. Nothing in the map says so but the loader's path: no program names one outside the system's folders.
 * - Else right behind the program's bss.
 */
import type { Abi } from "@heapwright/ptmalloc";

/** ELF_ET_DYN_BASE, rounded up to pages: where the kernel puts the break of a program without an interpreter of its own. */
const LOADER_BREAK: Readonly<Record<Abi, number>> = { i386: 0x4100_0000, x86_64: 0x5555_5555_5000 };
const LOADER = /\/ld(-linux[^/]*|-\d[^/]*|)\.so[.\d]*$/;
const SYSTEM = /^\/(usr\/)?lib(32|64|x32)?\//;
const HEAP_LINE = /^([0-9a-f]+)-[0-9a-f]+ .* \[heap\]$/m;

/** Where the break begins, or undefined for right behind the program's bss. */
export const breakStart = (maps: string, abi: Abi): number | undefined => {
  const heap = HEAP_LINE.exec(maps);
  if (heap !== null) return Number.parseInt(heap[1]!, 16);
  const paths = maps.split("\n").map((line) => line.slice(line.indexOf("/")));
  const loader = paths.find((path) => LOADER.test(path));
  return loader !== undefined && !SYSTEM.test(loader) ? LOADER_BREAK[abi] : undefined;
};
