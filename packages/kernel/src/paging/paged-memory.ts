import type { Address, Memory } from "@heapwright/allocator";
import type { LinearMemory } from "@heapwright/heap-memory";
import { PAGE_SHIFT, PAGE_SIZE } from "../abi/page.ts";
import { faultError } from "../fault/errors.ts";
import { frameOf, Pte } from "../page-table/entry.ts";
import type { AddressWindow } from "../process/window.ts";
import { translate } from "./access.ts";
import type { PagedSpace } from "./paged-space.ts";
import { TLB_ORIGIN, Tlb, tlbEntry } from "./tlb.ts";

const NO_TABLE = new Int32Array(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));

/**
 * A process's memory, as the process sees it: every access goes through its page tables, so a page appears when it is
 * first touched, and a touch that the mappings do not allow throws.
 *
 * Addresses are window addresses and count modulo 2^32, as in the registers of a 32-bit processor: -4 is 2^32 - 4, and
 * what is no number is 0. A software TLB makes a load or store of a resident page cost one table read
 * more than in flat memory; where physical memory is larger than 2 GiB, pages above that always take the long way. An
 * access that is not aligned to its size, and so might cross a page, is not allowed.
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
  readonly #physical: LinearMemory;
  readonly #tlb: Tlb = new Tlb();
  // The TLB's tables and the physical memory from TLB_ORIGIN on, as fields of their own: an access must not chase pointers.
  // They begin with a value of their final class and are then assigned: V8 so knows the class, and checks it no more.
  private reads: Int32Array<ArrayBuffer> = NO_TABLE;
  private writes: Int32Array<ArrayBuffer> = NO_TABLE;
  private view: DataView = NO_VIEW;

  constructor(space: PagedSpace, window: AddressWindow) {
    this.space = space;
    this.#window = window;
    this.reads = this.#tlb.reads;
    this.writes = this.#tlb.writes;
    const { memory } = space.machine.frames;
    this.#physical = memory;
    const renew = (): void => {
      this.view = new DataView(memory.buffer, TLB_ORIGIN, memory.byteLength - TLB_ORIGIN);
    };
    renew();
    memory.onGrow(renew);
    space.flush = (real) => {
      const address = window.fromReal(real);
      if (address >= 0) this.#tlb.flush(address);
    };
  }

  // How the accesses are written decides whether they cost twice as much as flat ones or three times:
  //  - Literals, for V8 does not fold constants that another module exports: 12 is PAGE_SHIFT, 0 is the TLB's miss.
  //  - A DataView takes the byte address as it is, and has one pointer to load where a typed array has two.
  //  - A miss does the whole access elsewhere, so that nothing of the hit must live on across its call; `>>> 0` tells
  //    the type of what it returns, which V8 would box otherwise.
  //  - `| 0` saves a sign check and an overflow check. A load of a word keeps them with `>>> 0`: they do not delay its
  //    value, which may be the next address, where `| 0` would by a cycle.

  load8(address: Address): number {
    const delta = this.reads[address >>> 12]!;
    if (delta !== 0) return this.view.getUint8(((address | 0) + delta) | 0);
    return this.#missedLoad(address, 1) >>> 0;
  }
  load16(address: Address): number {
    const delta = this.reads[address >>> 12]!;
    if (delta !== 0) return this.view.getUint16(((address | 0) + delta) | 0, true);
    return this.#missedLoad(address, 2) >>> 0;
  }
  load32(address: Address): number {
    const delta = this.reads[address >>> 12]!;
    if (delta !== 0) return this.view.getUint32(((address | 0) + delta) >>> 0, true);
    return this.#missedLoad(address, 4) >>> 0;
  }
  load64(address: Address): bigint {
    return (BigInt(this.load32(address + 4)) << 32n) | BigInt(this.load32(address));
  }
  store8(address: Address, value: number): void {
    const delta = this.writes[address >>> 12]!;
    if (delta !== 0) this.view.setUint8(((address | 0) + delta) | 0, value);
    else this.#missedStore(address, 1, value);
  }
  store16(address: Address, value: number): void {
    const delta = this.writes[address >>> 12]!;
    if (delta !== 0) this.view.setUint16(((address | 0) + delta) | 0, value, true);
    else this.#missedStore(address, 2, value);
  }
  store32(address: Address, value: number): void {
    const delta = this.writes[address >>> 12]!;
    if (delta !== 0) this.view.setUint32(((address | 0) + delta) | 0, value, true);
    else this.#missedStore(address, 4, value);
  }
  store64(address: Address, value: bigint): void {
    this.store32(address, Number(value & 0xffffffffn));
    this.store32(address + 4, Number((value >> 32n) & 0xffffffffn));
  }

  fill(address: Address, length: number, byte: number): void {
    for (let at = address >>> 0, left = length; left > 0; ) {
      const count = Math.min(left, PAGE_SIZE - (at % PAGE_SIZE));
      const physical = this.#write(at);
      this.#physical.bytes.fill(byte, physical, physical + count);
      at += count;
      left -= count;
    }
  }

  copy(targetAddress: Address, sourceAddress: Address, length: number): void {
    const target = targetAddress >>> 0;
    const source = sourceAddress >>> 0;
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
    const start = address >>> 0;
    for (let done = 0; done < length; ) {
      const count = Math.min(length - done, PAGE_SIZE - ((start + done) % PAGE_SIZE));
      const physical = this.#read(start + done);
      result.set(this.#physical.bytes.subarray(physical, physical + count), done);
      done += count;
    }
    return result;
  }

  write(address: Address, bytes: Uint8Array): void {
    const start = address >>> 0;
    for (let done = 0; done < bytes.length; ) {
      const count = Math.min(bytes.length - done, PAGE_SIZE - ((start + done) % PAGE_SIZE));
      const physical = this.#write(start + done);
      this.#physical.bytes.set(bytes.subarray(done, done + count), physical);
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

  // A miss first finds the page, and only then looks at the physical memory, which serving the fault may have grown.

  #missedLoad(address: Address, size: number): number {
    const physical = this.#read(address);
    const memory = this.#physical;
    if (size === 4) return memory.load32(physical);
    return size === 2 ? memory.load16(physical) : memory.load8(physical);
  }

  #missedStore(address: Address, size: number, value: number): void {
    const physical = this.#write(address);
    const memory = this.#physical;
    if (size === 4) memory.store32(physical, value);
    else if (size === 2) memory.store16(physical, value);
    else memory.store8(physical, value);
  }

  /** Both parts lie in one page each. Finding the target may take the source's page away, so it is looked up again. */
  #copyPart(target: Address, source: Address, count: number): void {
    const { table } = this.space;
    for (;;) {
      const from = this.#read(source);
      const to = this.#write(target);
      const pte = table.read(this.#window.toReal(source));
      if ((pte & Pte.PRESENT) === 0 || frameOf(pte) !== Math.floor(from / PAGE_SIZE)) continue;
      this.#physical.bytes.copyWithin(to, from, from + count);
      return;
    }
  }

  /** The physical address to load from, through the page tables. */
  #read(address: Address): number {
    const at = address >>> 0;
    const physical = translate(this.space, this.#window.toReal(at), false);
    if (physical < 0) throw faultError(physical, at);
    this.reads[at >>> PAGE_SHIFT] = tlbEntry(at, physical);
    return physical;
  }

  /** The physical address to store to, through the page tables. */
  #write(address: Address): number {
    const at = address >>> 0;
    const physical = translate(this.space, this.#window.toReal(at), true);
    if (physical < 0) throw faultError(physical, at);
    this.writes[at >>> PAGE_SHIFT] = tlbEntry(at, physical);
    return physical;
  }
}
