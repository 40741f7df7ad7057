import { type Address, type MappingSource, type Memory, NULL, Protection } from "@heapwright/allocator";
import { MapFlag, MremapFlag } from "../abi/mman.ts";
import { PAGE_SIZE, pageCeil } from "../abi/page.ts";
import { FlatPager } from "../flat/flat-pager.ts";
import { type AddressLayout, I386_LAYOUT, X86_64_LAYOUT } from "../mm/layout.ts";
import { Mm } from "../mm/mm.ts";
import { mapsText } from "../proc/maps.ts";
import { parseMaps } from "../proc/parse-maps.ts";
import { brk } from "../syscalls/brk.ts";
import { madvise } from "../syscalls/madvise.ts";
import { mmap } from "../syscalls/mmap.ts";
import { mprotect } from "../syscalls/mprotect.ts";
import { mremap } from "../syscalls/mremap.ts";
import { munmap } from "../syscalls/munmap.ts";
import { ensureAnonVma } from "../vma/anon-vma.ts";
import type { MappedObject } from "../vma/area.ts";
import { Vm } from "../vma/flags.ts";
import { loadMaps } from "./load-maps.ts";
import { AddressWindow } from "./window.ts";

/** The word size and layout of a process. */
export type Abi = "i386" | "x86_64";

/** Which process a /proc/PID/maps text belongs to. */
export interface FromMapsOptions {
  /** The process's word size and layout. */
  readonly abi: Abi;
}

/**
 * A process, as a malloc sees it: memory, a break that moves, and mappings.
 *
 * All addresses in its methods are window addresses (see {@link AddressWindow}): 32 bits wide, and equal to the
 * real ones except in the region of mappings of an x86-64 process.
 *
 * @example
 * ```ts
 * import { Process } from "@heapwright/kernel";
 *
 * const maps = "08048000-0804a000 r-xp 00000000 fe:00 11                         /bin/true\n";
 * const process = Process.fromMaps(maps, { abi: "i386" });
 * process.sbrk(4096); // 0x0804a000: the heap begins behind the program
 * process.mmap(8192, 3); // 0x40000000: mappings begin at 1 GiB
 * ```
 */
export class Process implements MappingSource {
  readonly pageSize: number = PAGE_SIZE;
  readonly memory: Memory;
  /** The address space. */
  readonly mm: Mm;
  readonly #window: AddressWindow;
  readonly #kernelLines: readonly string[];

  private constructor(mm: Mm, memory: Memory, window: AddressWindow, kernelLines: readonly string[]) {
    this.mm = mm;
    this.memory = memory;
    this.#window = window;
    this.#kernelLines = kernelLines;
  }

  /**
   * The process whose address space a /proc/PID/maps text shows, over flat memory: nothing faults and any address in
   * the window can be touched, but every placement is exact.
   *
   * The program break is the end of `[heap]` or, without one, the end of the program's bss.
   *
   * @param maps The text; areas of the kernel's half (`[vsyscall]`) are only repeated.
   * @throws InvalidArgumentError when a line is not as the kernel writes it.
   */
  static fromMaps(maps: string, options: FromMapsOptions): Process {
    const native: AddressLayout = options.abi === "i386" ? I386_LAYOUT : X86_64_LAYOUT;
    const window = new AddressWindow(native);
    // Nothing is placed where the window could not show it.
    const layout = { ...native, taskSize: Math.min(native.taskSize, window.mappingEnd) };
    let inode = 0;
    const mm = new Mm(layout, (bytes) => {
      inode += 1;
      return anonymousObject(inode, bytes);
    });
    const pager = new FlatPager(window);
    mm.pager = pager;
    const { entries, kernelLines } = parseMaps(maps);
    loadMaps(mm, entries);
    return new Process(mm, pager.memory, window, kernelLines);
  }

  /** The program break. */
  get brkValue(): Address {
    return this.#window.addressOf(this.mm.brk);
  }

  /** The real address behind a window address. */
  toReal(address: Address): number {
    return this.#window.toReal(address);
  }

  /** The window address of a real one; NULL when the window does not show it. */
  fromReal(real: number): Address {
    return this.#window.addressOf(real);
  }

  /** The text of /proc/PID/maps, with real addresses. */
  maps(): string {
    return mapsText(this.mm) + this.#kernelLines.map((line) => `${line}\n`).join("");
  }

  sbrk(increment: number): Address {
    const { mm } = this;
    const before = mm.brk;
    if (increment === 0) return before;
    const wanted = before + increment;
    if (wanted > this.#window.breakEnd || brk(mm, wanted) !== wanted) return NULL;
    if (increment > 0) this.#written(pageCeil(before), pageCeil(wanted));
    return before;
  }

  /**
   * As {@link MappingSource.mmap} says.
   *
   * @param further Further flags, such as `MapFlag.NORESERVE`: areas that only reserve addresses never join others.
   */
  mmap(length: number, protection: number, hint: Address = NULL, further: number = 0): Address {
    const flags = MapFlag.PRIVATE | MapFlag.ANONYMOUS | further;
    const real = mmap(this.mm, this.toReal(hint), length, protection, flags, null, 0);
    if (real < 0) return NULL;
    if (protection & Protection.WRITE) this.#written(real, real + pageCeil(length));
    return this.#window.addressOf(real);
  }

  munmap(address: Address, length: number): boolean {
    return munmap(this.mm, this.toReal(address), length) === 0;
  }

  mremap(address: Address, oldLength: number, newLength: number, mayMove: boolean): Address {
    const flags = mayMove ? MremapFlag.MAYMOVE : 0;
    const real = mremap(this.mm, this.toReal(address), oldLength, newLength, flags, 0);
    return real < 0 ? NULL : this.#window.addressOf(real);
  }

  mprotect(address: Address, length: number, protection: number): boolean {
    const real = this.toReal(address);
    if (mprotect(this.mm, real, length, protection) !== 0) return false;
    if (protection & Protection.WRITE) this.#written(real, real + pageCeil(length));
    return true;
  }

  madvise(address: Address, length: number, advice: number): boolean {
    return madvise(this.mm, this.toReal(address), length, advice) === 0;
  }

  /**
   * Without faults nobody sees the first store into an area, which gives it its anon_vma and so decides what it can
   * join later. A malloc writes a header into all memory that it gets, at once.
   */
  #written(start: number, end: number): void {
    for (let area = this.mm.areas.find(start); area !== null && area.start < end; area = area.next) {
      if ((area.flags & (Vm.WRITE | Vm.SHARED)) === Vm.WRITE) ensureAnonVma(area);
    }
  }
}

const anonymousObject = (inode: number, size: number): MappedObject => ({
  id: -inode,
  size,
  isShmem: true,
  device: "00:01",
  inode,
  path: "/dev/zero (deleted)",
  areas: new Set(),
});
