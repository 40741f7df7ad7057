import type { Address } from "@heapwright/allocator";
import { Errno, SystemError } from "../abi/errno.ts";
import { MapFlag } from "../abi/mman.ts";
import type { LimitName } from "../mm/limits.ts";
import type { Mm } from "../mm/mm.ts";
import { brk } from "../syscalls/brk.ts";
import { madvise } from "../syscalls/madvise.ts";
import { mincore } from "../syscalls/mincore.ts";
import { mlock, munlock } from "../syscalls/mlock.ts";
import { mmap } from "../syscalls/mmap.ts";
import { mprotect } from "../syscalls/mprotect.ts";
import { mremap } from "../syscalls/mremap.ts";
import { msync } from "../syscalls/msync.ts";
import { munmap } from "../syscalls/munmap.ts";
import type { MappedFile } from "../vma/area.ts";
import type { AddressWindow } from "./window.ts";

/** The arguments of mmap(2). */
export interface MmapArguments {
  /** Where it should be, or with MAP_FIXED must be; 0 for anywhere. */
  readonly address?: Address;
  /** Bytes, rounded up to pages. */
  readonly length: number;
  /** `Prot` bits. */
  readonly prot: number;
  /** `MapFlag` bits. */
  readonly flags: number;
  /** The open file, for all but anonymous mappings. */
  readonly file?: MappedFile;
  /** Bytes from the start of the file: a multiple of the page size. */
  readonly offset?: number;
}

/**
 * The system calls of memory management, with all their arguments and, where they fail, errors in the shape of
 * Node's own: `code`, `errno`, `syscall`, `message`. Addresses are window addresses. Lengths are bytes.
 *
 * @example
 * ```ts
 * import { Machine, MapFlag, Process, Prot } from "@heapwright/kernel";
 *
 * const { sys } = Process.create(new Machine());
 * sys.mmap({ length: 8192, prot: Prot.READ, flags: MapFlag.PRIVATE | MapFlag.ANONYMOUS }); // 0x40000000
 * sys.munmap(0x40000001, 4096); // throws SystemError: EINVAL: invalid argument, munmap
 * ```
 */
export class SystemCalls {
  readonly #mm: Mm;
  readonly #window: AddressWindow;

  constructor(mm: Mm, window: AddressWindow) {
    this.#mm = mm;
    this.#window = window;
  }

  /** brk(2) as the kernel has it: never fails, answers the break that is in force. 0 only asks. */
  brk(address: Address): Address {
    if (address > this.#window.breakEnd) return this.#window.addressOf(this.#mm.brk);
    return this.#window.addressOf(brk(this.#mm, address));
  }

  /** mmap(2). @returns the mapping's address. @throws SystemError */
  mmap(call: MmapArguments): Address {
    const { address = 0, length, prot, flags, file, offset = 0 } = call;
    if (offset % 4096 !== 0) throw new SystemError(Errno.EINVAL, "mmap");
    const backing = flags & MapFlag.ANONYMOUS ? null : file;
    const real = this.#window.toReal(address);
    return this.#address("mmap", mmap(this.#mm, real, length, prot, flags, backing, offset / 4096));
  }

  /** munmap(2). @throws SystemError */
  munmap(address: Address, length: number): void {
    this.#check("munmap", munmap(this.#mm, this.#window.toReal(address), length));
  }

  /** mprotect(2). @param prot `Prot` bits. @throws SystemError */
  mprotect(address: Address, length: number, prot: number): void {
    this.#check("mprotect", mprotect(this.#mm, this.#window.toReal(address), length, prot));
  }

  /** mremap(2). @param flags `MremapFlag` bits. @param target The new address, with FIXED. @throws SystemError */
  mremap(
    address: Address,
    oldLength: number,
    newLength: number,
    flags: number,
    target: Address = 0,
  ): Address {
    const from = this.#window.toReal(address);
    const to = this.#window.toReal(target);
    return this.#address("mremap", mremap(this.#mm, from, oldLength, newLength, flags, to));
  }

  /** madvise(2). @param advice One of `Madvise`. @throws SystemError */
  madvise(address: Address, length: number, advice: number): void {
    this.#check("madvise", madvise(this.#mm, this.#window.toReal(address), length, advice));
  }

  /** msync(2). @param flags `MsyncFlag` bits. @throws SystemError */
  msync(address: Address, length: number, flags: number): void {
    this.#check("msync", msync(this.#mm, this.#window.toReal(address), length, flags));
  }

  /** mlock2(2). @param flags `MlockFlag` bits. @throws SystemError */
  mlock(address: Address, length: number, flags: number = 0): void {
    this.#check("mlock", mlock(this.#mm, this.#window.toReal(address), length, flags));
  }

  /** munlock(2). @throws SystemError */
  munlock(address: Address, length: number): void {
    this.#check("munlock", munlock(this.#mm, this.#window.toReal(address), length));
  }

  /** mincore(2). @returns one byte a page, 1 when it is in core. @throws SystemError */
  mincore(address: Address, length: number): Uint8Array {
    const vector = new Uint8Array(Math.max(0, Math.ceil(length / 4096)));
    this.#check("mincore", mincore(this.#mm, this.#window.toReal(address), length, vector));
    return vector;
  }

  /** setrlimit(2) of a soft limit. @param bytes `Infinity` for none. @throws SystemError */
  setrlimit(limit: LimitName, bytes: number): void {
    const { limits } = this.#mm;
    if (!(bytes >= 0)) throw new SystemError(Errno.EINVAL, "setrlimit");
    if (bytes > limits.hard[limit]) throw new SystemError(Errno.EPERM, "setrlimit");
    limits[limit] = bytes;
  }

  #check(syscall: string, result: number): void {
    if (result < 0) throw new SystemError(result, syscall);
  }

  #address(syscall: string, result: number): Address {
    if (result < 0) throw new SystemError(result, syscall);
    return this.#window.addressOf(result);
  }
}
