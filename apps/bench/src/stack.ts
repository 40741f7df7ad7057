/*
 * The whole stack in one call, each part a package of its own:
 *
 *   malloc        ptmalloc          asks for memory by brk and mmap
 *   process       kernel            areas, page tables, faults
 *   machine       kernel            page cache, LRU lists, swap
 *   objects       slab              the kernel's own: an object for each area and each page in use
 *   page frames   buddy             runs of frames by order
 *   memory        heap-memory       the bytes of all frames
 *
 * Packages never import each other sideways; an application composes them, and this is the composition.
 */
import { Buddy } from "@heapwright/buddy";
import { LinearMemory } from "@heapwright/heap-memory";
import { Machine, Process } from "@heapwright/kernel";
import { Ptmalloc, type PtmallocOptions } from "@heapwright/ptmalloc";
import { Slabs } from "@heapwright/slab";

const FRAME = 4096;

/** What {@link bootLinux} is to build. */
export interface LinuxOptions {
  /** Physical memory in bytes: a multiple of 4096, at most 2^32. Default 64 MiB. */
  readonly memory?: number;
  /** Swap in bytes: a multiple of 4096. Default 0. */
  readonly swap?: number;
  /** The word size and layout of the process and of its malloc. Default i386, whose addresses are the real ones. */
  readonly abi?: "i386" | "x86_64";
  /** Further options of the process's malloc. */
  readonly malloc?: Omit<PtmallocOptions, "abi">;
}

/** A machine that runs one process. */
export interface Linux {
  /** Physical memory. */
  readonly memory: LinearMemory;
  /** Hands out its page frames. */
  readonly buddy: Buddy;
  /** The kernel's object caches: its `slabinfo()` shows `vm_area_struct` and `page`. */
  readonly slabs: Slabs;
  /** What all processes share. */
  readonly machine: Machine;
  /** The process. `process.memory` is its virtual memory. */
  readonly process: Process;
  /** The process's malloc. */
  readonly heap: Ptmalloc;
}

/**
 * A machine with buddy page frames, slab caches over them, a Linux kernel's memory layer, a process, and glibc's malloc in it.
 *
 * @example
 * ```ts
 * const { heap, process } = bootLinux({ memory: 16 * 2 ** 20, swap: 64 * 2 ** 20 });
 * const block = heap.malloc(100);
 * process.memory.store32(block, 42);
 * ```
 */
export const bootLinux = (options: LinuxOptions = {}): Linux => {
  const memory = LinearMemory.fixed(options.memory ?? 64 * 2 ** 20);
  const buddy = Buddy.create(memory);
  const totalFrames = buddy.areas.freeFrames;
  const slabs = Slabs.create(buddy, memory);
  const machine = new Machine({
    memory,
    frames: buddy,
    totalFrames,
    objects: slabs,
    swapPages: (options.swap ?? 0) / FRAME,
  });
  const abi = options.abi ?? "i386";
  const process = Process.create(machine, { abi });
  return { memory, buddy, slabs, machine, process, heap: new Ptmalloc(process, { ...options.malloc, abi }) };
};
