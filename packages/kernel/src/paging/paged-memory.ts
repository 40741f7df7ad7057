import type { Address, Memory } from "@heapwright/allocator";
import { PAGE_SHIFT, PAGE_SIZE } from "../abi/page.ts";
import { faultError } from "../fault/errors.ts";
import type { AddressWindow } from "../process/window.ts";
import { translate } from "./access.ts";
import type { PagedSpace } from "./paged-space.ts";
import { TLB_MISS, Tlb } from "./tlb.ts";

/**
 * A process's memory, as the process sees it: every access goes through its page tables, so a page appears when it is
 * first touched, and a touch that the mappings do not allow throws.
 *
 * Addresses are window addresses, 0 to 2^32 - 1. A software TLB makes a load or store of a resident page cost one table
 * read more than in flat memory. An access that is not aligned to its size, and so might cross a page, is not allowed.
 *
 * All accesses throw SegmentationFault, BusError or OutOfMemoryError when they cannot be done. `fill`, `copy`, `read`
 * and `write` go page by page; what came before the fault has been done.
 */
export class PagedMemory implements Memory {
  readonly byteLength: number = 2 ** 32;
  readonly maxByteLength: number = 2 ** 32;
  /** The process's pages. */
  readonly space: PagedSpace;
  readonly #window: AddressWindow;
  readonly #tlb: Tlb = new Tlb();
  // The physical memory's views and the TLB's tables, as fields of their own: an access must not chase pointers.
  private readonly reads: Int32Array<ArrayBuffer>;
  private readonly writes: Int32Array<ArrayBuffer>;
  private bytes: Uint8Array;
  private halves: Uint16Array;
  private words: Uint32Array;

  constructor(space: PagedSpace, window: AddressWindow) {
    this.space = space;
    this.#window = window;
    this.reads = this.#tlb.reads;
    this.writes = this.#tlb.writes;
    const { memory } = space.machine.frames;
    this.bytes = memory.bytes;
    this.halves = memory.halves;
    this.words = memory.words;
    memory.onGrow(() => {
      this.bytes = memory.bytes;
      this.halves = memory.halves;
      this.words = memory.words;
    });
    space.flush = (real) => {
      const address = window.fromReal(real);
      if (address >= 0) this.#tlb.flush(address);
    };
  }

  // Literals below, for V8 does not fold constants that another module exports: 12 is PAGE_SHIFT, 1 is TLB_MISS.

  load8(address: Address): number {
    const delta = this.reads[address >>> 12]!;
    if (delta !== 1) return this.bytes[(address + delta) >>> 0]!;
    return this.bytes[this.#read(address)]!;
  }
  load16(address: Address): number {
    const delta = this.reads[address >>> 12]!;
    if (delta !== 1) return this.halves[((address + delta) >>> 0) >>> 1]!;
    return this.halves[this.#read(address) >>> 1]!;
  }
  load32(address: Address): number {
    const delta = this.reads[address >>> 12]!;
    if (delta !== 1) return this.words[(address + delta) >>> 2]!;
    return this.words[this.#read(address) >>> 2]!;
  }
  load64(address: Address): bigint {
    return (BigInt(this.load32(address + 4)) << 32n) | BigInt(this.load32(address));
  }
  store8(address: Address, value: number): void {
    const delta = this.writes[address >>> 12]!;
    if (delta !== 1) this.bytes[(address + delta) >>> 0] = value;
    else this.bytes[this.#write(address)] = value;
  }
  store16(address: Address, value: number): void {
    const delta = this.writes[address >>> 12]!;
    if (delta !== 1) this.halves[(address + delta) >>> 1] = value;
    else this.halves[this.#write(address) >>> 1] = value;
  }
  store32(address: Address, value: number): void {
    const delta = this.writes[address >>> 12]!;
    if (delta !== 1) this.words[(address + delta) >>> 2] = value;
    else this.words[this.#write(address) >>> 2] = value;
  }
  store64(address: Address, value: bigint): void {
    this.store32(address, Number(value & 0xffffffffn));
    this.store32(address + 4, Number((value >> 32n) & 0xffffffffn));
  }

  fill(address: Address, length: number, byte: number): void {
    for (let at = address, left = length; left > 0; ) {
      const count = Math.min(left, PAGE_SIZE - (at % PAGE_SIZE));
      const physical = this.#write(at);
      this.bytes.fill(byte, physical, physical + count);
      at += count;
      left -= count;
    }
  }

  copy(target: Address, source: Address, length: number): void {
    // Descending when the target lies inside the source, so that no byte is overwritten before it was read.
    const backwards = target > source && target < source + length;
    for (let done = 0; done < length; ) {
      const left = length - done;
      let count: number;
      if (backwards) {
        const inTarget = (target + left) % PAGE_SIZE || PAGE_SIZE;
        const inSource = (source + left) % PAGE_SIZE || PAGE_SIZE;
        count = Math.min(left, inTarget, inSource);
      } else {
        const at = Math.max((target + done) % PAGE_SIZE, (source + done) % PAGE_SIZE);
        count = Math.min(left, PAGE_SIZE - at);
      }
      const offset = backwards ? left - count : done;
      this.#copyPart(target + offset, source + offset, count);
      done += count;
    }
  }

  read(address: Address, length: number): Uint8Array {
    const result = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = Math.min(length - done, PAGE_SIZE - ((address + done) % PAGE_SIZE));
      const physical = this.#read(address + done);
      result.set(this.bytes.subarray(physical, physical + count), done);
      done += count;
    }
    return result;
  }

  write(address: Address, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const count = Math.min(bytes.length - done, PAGE_SIZE - ((address + done) % PAGE_SIZE));
      this.bytes.set(bytes.subarray(done, done + count), this.#write(address + done));
      done += count;
    }
  }

  /** A process's memory does not grow: its mappings do. */
  grow(byteLength: number): boolean {
    return byteLength <= this.byteLength;
  }
  onGrow(): () => void {
    return () => {};
  }

  /** Both parts lie in one page each. Finding the target may take the source's page away, so it is found again then. */
  #copyPart(target: Address, source: Address, count: number): void {
    for (;;) {
      this.#read(source);
      const to = this.#write(target);
      const delta = this.reads[source >>> PAGE_SHIFT]!;
      if (delta === TLB_MISS) continue;
      const from = (source + delta) >>> 0;
      this.bytes.copyWithin(to, from, from + count);
      return;
    }
  }

  /** The physical address to load from, through the page tables. */
  #read(address: Address): number {
    const physical = translate(this.space, this.#window.toReal(address), false);
    if (physical < 0) throw faultError(physical, address);
    this.reads[address >>> PAGE_SHIFT] = (physical - address) | 0;
    return physical;
  }

  /** The physical address to store to, through the page tables. */
  #write(address: Address): number {
    const physical = translate(this.space, this.#window.toReal(address), true);
    if (physical < 0) throw faultError(physical, address);
    this.writes[address >>> PAGE_SHIFT] = (physical - address) | 0;
    return physical;
  }
}
