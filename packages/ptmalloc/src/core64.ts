/*
 * Words of 8 bytes: x86-64. A word is read whole, as low + high * 2^32. Addresses and sizes of a sound heap have no high part, so
 * one that has is corruption: the tests see it as the huge number that it is, and an access through it faults.
 */
import { type Address, HeapCorruptionError } from "@heapwright/allocator";
import { Core } from "./core.ts";

const HIGH = 2 ** 32;

const fault = (address: number): HeapCorruptionError =>
  new HeapCorruptionError(address, `segmentation fault: 0x${address.toString(16)} is not mapped`);

/** A heap with 8-byte words. */
export class Core64 extends Core {
  load(address: Address): number {
    const high = this.mem.load32(address + 4);
    if (high !== 0 || address >= HIGH || address < 0) return this.#loadHigh(address, high);
    return this.mem.load32(address);
  }
  #loadHigh(address: Address, high: number): number {
    if (address >= HIGH || address < 0) throw fault(address);
    return high * HIGH + this.mem.load32(address);
  }
  store(address: Address, value: number): void {
    if (address >= HIGH || address < 0) throw fault(address);
    this.mem.store32(address, value);
    // A size above 2^31 with flags set by | is negative here; its high word is 0 all the same.
    this.mem.store32(address + 4, value < HIGH ? 0 : Math.floor(value / HIGH));
  }
  crossed(position: Address, link: number): number {
    const low = ((position >>> 12) ^ link) >>> 0;
    return link < HIGH ? low : Math.floor(link / HIGH) * HIGH + low;
  }

  head(chunk: Address): number {
    return this.load(chunk + 8);
  }
  setHead(chunk: Address, head: number): void {
    this.store(chunk + 8, head);
  }
  size(chunk: Address): number {
    const head = this.load(chunk + 8);
    return head < HIGH ? (head & -8) >>> 0 : head - (this.mem.load32(chunk + 8) & 7);
  }
  fd(chunk: Address): Address {
    return this.load(chunk + 16);
  }
  setFd(chunk: Address, to: Address): void {
    this.store(chunk + 16, to);
  }
  bk(chunk: Address): Address {
    return this.load(chunk + 24);
  }
  setBk(chunk: Address, to: Address): void {
    this.store(chunk + 24, to);
  }
  fdNext(chunk: Address): Address {
    return this.load(chunk + 32);
  }
  setFdNext(chunk: Address, to: Address): void {
    this.store(chunk + 32, to);
  }
  bkNext(chunk: Address): Address {
    return this.load(chunk + 40);
  }
  setBkNext(chunk: Address, to: Address): void {
    this.store(chunk + 40, to);
  }
  override setFlag(at: Address, flag: number): void {
    if (at >= HIGH) throw fault(at);
    super.setFlag(at, flag);
  }
  override clearFlag(at: Address, flag: number): void {
    if (at >= HIGH) throw fault(at);
    super.clearFlag(at, flag);
  }
}
