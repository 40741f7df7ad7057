import { Machine } from "../machine/machine.ts";
import { I386_LAYOUT } from "../mm/layout.ts";
import { Mm } from "../mm/mm.ts";
import { MemoryStore } from "../page-cache/backing-store.ts";
import type { CachedObject } from "../page-cache/cached-object.ts";
import { isPageAway, loadPage, writeBackRange, writeObject } from "../page-cache/page-cache.ts";
import { X86_64_TABLES } from "../page-table/page-table.ts";
import { translate } from "../paging/access.ts";
import { PagedPager } from "../paging/paged-pager.ts";
import { PagedSpace } from "../paging/paged-space.ts";
import { mapRegion } from "../syscalls/mmap.ts";
import { VM_DATA_DEFAULT, VM_MAY_ACCESS, Vm } from "../vma/flags.ts";

/**
 * The process that a script runs in, as it is when the first operation starts: an i386 process on a 64-bit kernel
 * whose image is
 *
 * ```
 *  080f8000 - 08100000 r-xp   8 pages of a file, all present
 *  08100000 - 08200000 rw-p   256 private pages of it, all copied; the break begins right behind
 *  bffdf000 - c0000000 rw-p   the stack, its last page present
 * ```
 */
export const IMAGE_START = 0x080f_8000;
/** Where the image's data begin. */
export const DATA_START = 0x0810_0000;
/** First address behind the image, and the initial break. */
export const IMAGE_END = 0x0820_0000;
/** First address behind user space. */
export const USER_END = 0xc000_0000;
const STACK_START = 0xbffd_f000;
const PAGE = 4096;

/** An open file of a script. */
export interface ScriptFile {
  readonly object: CachedObject;
  readonly readable: boolean;
  readonly writable: boolean;
}

/** The machine, the process and the open files of a script. */
export class World {
  readonly machine: Machine = new Machine();
  readonly mm: Mm;
  readonly space: PagedSpace;
  readonly files: Map<number, ScriptFile> = new Map();

  constructor() {
    const { machine } = this;
    this.mm = new Mm(I386_LAYOUT, (bytes) => machine.createShmem(bytes), machine);
    this.space = new PagedSpace(machine, this.mm, X86_64_TABLES);
    this.mm.pager = new PagedPager(this.space);
    this.#loadImage();
  }

  #loadImage(): void {
    const { mm } = this;
    const object = this.machine.createFile(IMAGE_END - IMAGE_START, new MemoryStore(), "/image");
    const file = { object, readable: true, writable: false };
    const text = Vm.READ | Vm.EXEC | VM_MAY_ACCESS;
    const textPages = (DATA_START - IMAGE_START) / PAGE;
    mapRegion(mm, IMAGE_START, DATA_START - IMAGE_START, text, 0, file);
    mapRegion(mm, DATA_START, IMAGE_END - DATA_START, VM_DATA_DEFAULT, textPages, file);
    this.cacheFile(object);
    for (let at = IMAGE_START; at < IMAGE_END; at += PAGE) translate(this.space, at, at >= DATA_START);

    const flags = VM_DATA_DEFAULT | Vm.GROWSDOWN | Vm.ACCOUNT;
    const stack = mm.newArea(STACK_START, USER_END, flags, mm.layout.stackPgoff, null)!;
    mm.link(stack);
    mm.account(flags, stack.pages);
    mm.charge(stack.pages);
    mm.startStack = USER_END - 16;
    translate(this.space, USER_END - 1, true);

    mm.startData = DATA_START;
    mm.endData = IMAGE_END;
    mm.startBrk = IMAGE_END;
    mm.brk = IMAGE_END;
    this.space.minorFaults = 0;
  }

  /** Makes a file with the script language's pattern in it, written back and wholly cached. */
  open(id: number, size: number, mode: "rw" | "ro" | "wo"): void {
    const object = this.machine.createFile(0, new MemoryStore(), `f${id}`);
    const page = new Uint8Array(PAGE);
    for (let offset = 0; offset < size; offset += PAGE) {
      const count = Math.min(PAGE, size - offset);
      const base = (offset / PAGE) * 17 + id * 29 + 1;
      for (let i = 0; i < count; i++) page[i] = base + i * 3;
      writeObject(this.machine, object, offset, page.subarray(0, count));
    }
    writeBackRange(this.machine, object, 0, Number.MAX_SAFE_INTEGER);
    this.files.set(id, { object, readable: mode !== "wo", writable: mode !== "ro" });
  }

  /** Reads every page of a file into the page cache. */
  cacheFile(object: CachedObject): void {
    const pages = Math.ceil(object.size / PAGE);
    if (object.pages.size === pages) return;
    for (let index = 0; index < pages; index++) {
      if (isPageAway(object, index)) loadPage(this.machine, object, index);
    }
  }

  /** Reads every page of every file into the page cache. */
  cacheFiles(): void {
    for (const { object } of this.files.values()) this.cacheFile(object);
  }
}
