/*
 * Words of 4 bytes: i386. Every accessor is one access of the memory. They are this short so that V8 inlines all of them
 * whatever its budget for a function is.
 */
import type { Address } from "@heapwright/allocator";
import { Core } from "./core.ts";

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
    return this.load(chunk + 4);
  }
  setHead(chunk: Address, head: number): void {
    this.store(chunk + 4, head);
  }
  size(chunk: Address): number {
    return (this.load(chunk + 4) & -8) >>> 0;
  }
  fd(chunk: Address): Address {
    return this.load(chunk + 8);
  }
  setFd(chunk: Address, to: Address): void {
    this.store(chunk + 8, to);
  }
  bk(chunk: Address): Address {
    return this.load(chunk + 12);
  }
  setBk(chunk: Address, to: Address): void {
    this.store(chunk + 12, to);
  }
  fdNext(chunk: Address): Address {
    return this.load(chunk + 16);
  }
  setFdNext(chunk: Address, to: Address): void {
    this.store(chunk + 16, to);
  }
  bkNext(chunk: Address): Address {
    return this.load(chunk + 20);
  }
  setBkNext(chunk: Address, to: Address): void {
    this.store(chunk + 20, to);
  }
}
