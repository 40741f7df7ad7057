/*
 * Words of 4 bytes: i386. Every accessor is one access of the memory. They are this short so that V8 inlines all of them
 * whatever its budget for a function is.
 */
import type { Address } from "@heapwright/allocator";
import { Core, PREV_INUSE } from "./core.ts";

/** A heap with 4-byte words. */
export class Core32 extends Core {
  load(address: Address): number {
    return this.mem.load32(address);
  }
  store(address: Address, value: number): void {
    this.mem.store32(address, value);
  }
  crossed(position: Address, link: number): number {
    return ((position >>> 12) ^ link) >>> 0;
  }

  head(chunk: Address): number {
    return this.mem.load32(chunk + 4);
  }
  setHead(chunk: Address, head: number): void {
    this.mem.store32(chunk + 4, head);
  }
  size(chunk: Address): number {
    return (this.mem.load32(chunk + 4) & -8) >>> 0;
  }
  fd(chunk: Address): Address {
    return this.mem.load32(chunk + 8);
  }
  setFd(chunk: Address, to: Address): void {
    this.mem.store32(chunk + 8, to);
  }
  bk(chunk: Address): Address {
    return this.mem.load32(chunk + 12);
  }
  setBk(chunk: Address, to: Address): void {
    this.mem.store32(chunk + 12, to);
  }
  fdNext(chunk: Address): Address {
    return this.mem.load32(chunk + 16);
  }
  setFdNext(chunk: Address, to: Address): void {
    this.mem.store32(chunk + 16, to);
  }
  bkNext(chunk: Address): Address {
    return this.mem.load32(chunk + 20);
  }
  setBkNext(chunk: Address, to: Address): void {
    this.mem.store32(chunk + 20, to);
  }
  inUseAt(chunk: Address, size: number): boolean {
    return (this.mem.load32(chunk + size + 4) & PREV_INUSE) !== 0;
  }
  setInUseAt(chunk: Address, size: number): void {
    const at = chunk + size + 4;
    this.mem.store32(at, this.mem.load32(at) | PREV_INUSE);
  }
  clearInUseAt(chunk: Address, size: number): void {
    const at = chunk + size + 4;
    this.mem.store32(at, this.mem.load32(at) & ~PREV_INUSE);
  }
}
