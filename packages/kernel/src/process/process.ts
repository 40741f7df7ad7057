import { type Address, type MappingSource, type Memory, NULL, Protection } from "@heapwright/allocator";
import { MapFlag, MremapFlag } from "../abi/mman.ts";
import { PAGE_SIZE, pageCeil } from "../abi/page.ts";
import { FlatPager } from "../flat/flat-pager.ts";
import type { Machine } from "../machine/machine.ts";
import { type AddressLayout, I386_LAYOUT, X86_64_LAYOUT } from "../mm/layout.ts";
import { Mm } from "../mm/mm.ts";
import { MemoryStore } from "../page-cache/backing-store.ts";
import { I386_TABLES, type TableShape, X86_64_TABLES } from "../page-table/page-table.ts";
import { forkSpace } from "../paging/fork.ts";
import { PagedMemory } from "../paging/paged-memory.ts";
import { PagedPager } from "../paging/paged-pager.ts";
import { PagedSpace } from "../paging/paged-space.ts";
import { mapsText } from "../proc/maps.ts";
import { type MapsEntry, parseMaps } from "../proc/parse-maps.ts";
import { smapsText } from "../proc/smaps.ts";
import { statusText } from "../proc/status.ts";
import { brk } from "../syscalls/brk.ts";
import { madvise } from "../syscalls/madvise.ts";
import { mmap } from "../syscalls/mmap.ts";
import { mprotect } from "../syscalls/mprotect.ts";
import { mremap } from "../syscalls/mremap.ts";
import { munmap, unmapRange } from "../syscalls/munmap.ts";
import { ensureAnonVma } from "../vma/anon-vma.ts";
import type { MappedObject } from "../vma/area.ts";
import { Vm } from "../vma/flags.ts";
import { loadMaps } from "./load-maps.ts";
import { SystemCalls } from "./system-calls.ts";
import { AddressWindow } from "./window.ts";

/** The word size and layout of a process. */
export type Abi = "i386" | "x86_64";

/** Which process a /proc/PID/maps text belongs to, and on what it runs. */
export interface FromMapsOptions {
  /** The process's word size and layout. */
  readonly abi: Abi;
  /**
   * The machine whose frames, swap and page cache the process uses: its memory is then paged, behind page tables.
   * Without one it is flat: always there, no faults.
   */
  readonly machine?: Machine;
  /** The shape of its page tables: the processor's own for the ABI when left out. */
  readonly tables?: TableShape;
}

/** What {@link Process.create} makes. */
export interface ProcessOptions {
  /** The word size and layout; i386 when left out. */
  readonly abi?: Abi;
  /** The shape of its page tables: the processor's own for the ABI when left out. */
  readonly tables?: TableShape;
}

/** The least of a program: a page of code, a page of data, a stack. */
const PROGRAM: Readonly<Record<Abi, string>> = {
  i386:
    "08048000-08049000 r-xp 00000000 fe:00 1                                  /program\n" +
    "08049000-0804a000 rw-p 00001000 fe:00 1                                  /program\n" +
    "bffdf000-c0000000 rw-p 00000000 00:00 0                                  [stack]\n",
  x86_64:
    "00400000-00401000 r-xp 00000000 fe:00 1                                  /program\n" +
    "00401000-00402000 rw-p 00001000 fe:00 1                                  /program\n" +
    "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]\n",
};

/** What a process has when its memory is paged. */
interface Paged {
  readonly machine: Machine;
  readonly space: PagedSpace;
  readonly tables: TableShape;
}

/**
 * A process, as a malloc sees it: memory, a break that moves, and mappings.
 *
 * All addresses in its methods are window addresses: 32 bits wide, and equal to the real ones except in the region of
 * mappings of an x86-64 process, which lies above 4 GiB and is shown from 1 GiB on.
 *
 * @example
 * ```ts
 * import { Machine, Process } from "@heapwright/kernel";
 *
 * const process = Process.create(new Machine());
 * const heap = process.sbrk(8192); // addresses, no memory yet
 * process.space?.rss.anon; // 0
 * process.memory.store32(heap, 42); // a page fault: now there is a page
 * process.space?.rss.anon; // 1
 * ```
 */
export class Process implements MappingSource {
  readonly pageSize: number = PAGE_SIZE;
  /** The process's memory by window addresses. Paged: a touch may fault, and throw. Flat: plain memory. */
  readonly memory: Memory;
  /** The address space. */
  readonly mm: Mm;
  /** The system calls of memory management with all their arguments, which throw Node-shaped errors. */
  readonly sys: SystemCalls;
  /** The window through which the process shows its address space. */
  readonly window: AddressWindow;
  readonly #paged: Paged | null;
  readonly #kernelLines: readonly string[];

  private constructor(
    mm: Mm,
    memory: Memory,
    window: AddressWindow,
    paged: Paged | null,
    kernelLines: readonly string[],
  ) {
    this.mm = mm;
    this.memory = memory;
    this.window = window;
    this.sys = new SystemCalls(mm, window);
    this.#paged = paged;
    this.#kernelLines = kernelLines;
  }

  /**
   * A new process with paged memory: a page of code, a page of data, a stack, and an empty heap behind the data.
   *
   * @throws RangeError when the machine has no memory for its page tables and areas.
   */
  static create(machine: Machine, options: ProcessOptions = {}): Process {
    const abi = options.abi ?? "i386";
    const { tables } = options;
    return Process.fromMaps(PROGRAM[abi], tables === undefined ? { abi, machine } : { abi, machine, tables });
  }

  /**
   * The process whose address space a /proc/PID/maps text shows. Every placement after that is exact. Over flat memory,
   * when no machine is given, nothing faults and any address in the window can be touched.
   *
   * The program break is the end of `[heap]` or, without one, the end of the program's bss.
   *
   * @param maps The text; areas of the kernel's half (`[vsyscall]`) are only repeated.
   * @throws InvalidArgumentError when a line is not as the kernel writes it.
   * @throws RangeError when the machine has no memory for its page tables and areas.
   */
  static fromMaps(maps: string, options: FromMapsOptions): Process {
    const native: AddressLayout = options.abi === "i386" ? I386_LAYOUT : X86_64_LAYOUT;
    const window = new AddressWindow(native);
    // Nothing is placed where the window could not show it.
    const layout = { ...native, taskSize: Math.min(native.taskSize, window.mappingEnd) };
    const { entries, kernelLines } = parseMaps(maps);
    const { machine } = options;
    if (machine === undefined) {
      const mm = new Mm(layout, anonymousObject);
      const pager = new FlatPager(window);
      mm.pager = pager;
      loadMaps(mm, entries, namedObject);
      return new Process(mm, pager.memory, window, null, kernelLines);
    }
    const tables = options.tables ?? (options.abi === "i386" ? I386_TABLES : X86_64_TABLES);
    const made = Process.#makePaged(machine, layout, window, tables, kernelLines);
    const loaded = loadMaps(made.mm, entries, ({ device, inode, path }) =>
      machine.openNamed({ device, inode, path }, Number.MAX_SAFE_INTEGER, new MemoryStore()),
    );
    if (loaded) return made;
    made.exit();
    throw new RangeError("no memory for the areas");
  }

  static #makePaged(
    machine: Machine,
    layout: AddressLayout,
    window: AddressWindow,
    tables: TableShape,
    kernelLines: readonly string[],
  ): Process {
    const mm = new Mm(layout, (bytes) => machine.createShmem(bytes), machine);
    const space = new PagedSpace(machine, mm, tables);
    mm.pager = new PagedPager(space);
    const memory = new PagedMemory(space, window);
    machine.spaces.add(space);
    return new Process(mm, memory, window, { machine, space, tables }, kernelLines);
  }

  /** The process's pages, null over flat memory: page tables, resident pages, fault counts. */
  get space(): PagedSpace | null {
    return this.#paged?.space ?? null;
  }

  /** The program break. */
  get brkValue(): Address {
    return this.window.addressOf(this.mm.brk);
  }

  /** The real address behind a window address. */
  toReal(address: Address): number {
    return this.window.toReal(address);
  }

  /** The window address of a real one; NULL when the window does not show it. */
  fromReal(real: number): Address {
    return this.window.addressOf(real);
  }

  /** The text of /proc/PID/maps, with real addresses. */
  maps(): string {
    return mapsText(this.mm) + this.#kernelLines.map((line) => `${line}\n`).join("");
  }

  /**
   * The text of /proc/PID/smaps, with real addresses: every area with its pages by kind. O(resident pages).
   *
   * @throws TypeError over flat memory, of which no pages are known.
   */
  smaps(): string {
    return smapsText(this.#pages());
  }

  /**
   * The memory lines of /proc/PID/status.
   *
   * @throws TypeError over flat memory, of which no pages are known.
   */
  status(): string {
    return statusText(this.#pages());
  }

  #pages(): PagedSpace {
    if (this.#paged === null) throw new TypeError("a process over flat memory has no pages");
    return this.#paged.space;
  }

  sbrk(increment: number): Address {
    const { mm } = this;
    const before = mm.brk;
    if (increment === 0) return before;
    const wanted = before + increment;
    if (wanted > this.window.breakEnd || brk(mm, wanted) !== wanted) return NULL;
    if (increment > 0) this.#written(pageCeil(before), pageCeil(wanted));
    return before;
  }

  /**
   * As {@link MappingSource.mmap} says.
   *
   * @param hint Where the mapping should be, if that is free.
   * @param further Further flags, such as `MapFlag.NORESERVE`: areas that only reserve addresses never join others.
   */
  mmap(length: number, protection: number, hint: Address = NULL, further: number = 0): Address {
    const flags = MapFlag.PRIVATE | MapFlag.ANONYMOUS | further;
    const real = mmap(this.mm, this.toReal(hint), length, protection, flags, null, 0);
    if (real < 0) return NULL;
    if (protection & Protection.WRITE) this.#written(real, real + pageCeil(length));
    return this.window.addressOf(real);
  }

  munmap(address: Address, length: number): boolean {
    return munmap(this.mm, this.toReal(address), length) === 0;
  }

  mremap(address: Address, oldLength: number, newLength: number, mayMove: boolean): Address {
    const flags = mayMove ? MremapFlag.MAYMOVE : 0;
    const real = mremap(this.mm, this.toReal(address), oldLength, newLength, flags, 0);
    return real < 0 ? NULL : this.window.addressOf(real);
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
   * A child with the same memory: not a page is copied until one of the two writes to it. fork(2).
   *
   * @returns the child, or null when there is no memory for its page tables and areas or the commit limit refuses.
   * @throws TypeError over flat memory, which cannot be shared.
   */
  fork(): Process | null {
    const paged = this.#paged;
    if (paged === null) throw new TypeError("a process over flat memory cannot fork");
    const { machine, tables } = paged;
    let child: Process;
    try {
      child = Process.#makePaged(machine, this.mm.layout, this.window, tables, this.#kernelLines);
    } catch (error) {
      if (error instanceof RangeError) return null;
      throw error;
    }
    if (forkSpace(paged.space, child.#paged!.space)) return child;
    child.exit();
    return null;
  }

  /** Ends the process: all its areas, pages and page tables go. Its memory must not be touched afterwards. */
  exit(): void {
    unmapRange(this.mm, 0, Number.MAX_SAFE_INTEGER);
    const paged = this.#paged;
    if (paged === null) return;
    paged.space.table.destroy();
    paged.machine.spaces.delete(paged.space);
  }

  /**
   * Over flat memory nobody sees the first store into an area, which gives it its anon_vma and so decides what it can
   * join later. A malloc writes a header into all memory that it gets, at once.
   */
  #written(start: number, end: number): void {
    if (this.#paged !== null) return;
    for (let area = this.mm.areas.find(start); area !== null && area.start < end; area = area.next) {
      if ((area.flags & (Vm.WRITE | Vm.SHARED)) === Vm.WRITE) ensureAnonVma(area);
    }
  }
}

const anonymousObject = (size: number): MappedObject => ({
  id: 0,
  size,
  isShmem: true,
  reserved: 0,
  device: "00:01",
  inode: 0,
  path: "/dev/zero (deleted)",
  areas: new Set(),
});

const namedObject = ({ device, inode, path }: MapsEntry): MappedObject => ({
  id: 0,
  size: Number.MAX_SAFE_INTEGER,
  isShmem: false,
  reserved: 0,
  device,
  inode,
  path,
  areas: new Set(),
});
