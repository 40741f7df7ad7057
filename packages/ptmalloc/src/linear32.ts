/*
 * Words of 4 bytes on a linear memory: the accessors of Core32 again, each of them one access of the memory's view.
 *
 * Why twice: V8 inlines a function of up to 27 bytecodes whatever else it has inlined, and counts in what that function inlines
 * itself. These stay below; an accessor that calls the memory's accessor does not, and every function of the slow paths then
 * spends its budget on them.
 */
import type { Address, MappingSource, PageSource } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import { Core32 } from "./core32.ts";
import type { Geometry } from "./layout/geometry.ts";
import type { Profile } from "./layout/profile.ts";

/** A heap with 4-byte words on a linear memory. */
export class Linear32 extends Core32 {
  /** The memory as words, renewed when it grows. */
  words: Uint32Array;

  constructor(
    source: PageSource,
    maps: MappingSource | undefined,
    g: Geometry,
    profile: Profile,
    state: Address,
    main: Address,
  ) {
    super(source, maps, g, profile, state, main);
    const memory = source.memory as LinearMemory;
    this.words = memory.words;
    this.watch(() => {
      this.words = memory.words;
    });
  }

  override load(address: Address): number {
    return this.words[address >>> 2]!;
  }
  override store(address: Address, value: number): void {
    this.words[address >>> 2] = value;
  }
  override load32(address: Address): number {
    return this.words[address >>> 2]!;
  }
  override store32(address: Address, value: number): void {
    this.words[address >>> 2] = value;
  }
  override head(chunk: Address): number {
    return this.words[(chunk + 4) >>> 2]!;
  }
  override setHead(chunk: Address, head: number): void {
    this.words[(chunk + 4) >>> 2] = head;
  }
  override size(chunk: Address): number {
    return (this.words[(chunk + 4) >>> 2]! & -8) >>> 0;
  }
  override inUseAt(chunk: Address, size: number): boolean {
    return (this.words[(chunk + size + 4) >>> 2]! & 1) === 1;
  }
  override fd(chunk: Address): Address {
    return this.words[(chunk + 8) >>> 2]!;
  }
  override setFd(chunk: Address, to: Address): void {
    this.words[(chunk + 8) >>> 2] = to;
  }
  override bk(chunk: Address): Address {
    return this.words[(chunk + 12) >>> 2]!;
  }
  override setBk(chunk: Address, to: Address): void {
    this.words[(chunk + 12) >>> 2] = to;
  }
  override fdNext(chunk: Address): Address {
    return this.words[(chunk + 16) >>> 2]!;
  }
  override setFdNext(chunk: Address, to: Address): void {
    this.words[(chunk + 16) >>> 2] = to;
  }
  override bkNext(chunk: Address): Address {
    return this.words[(chunk + 20) >>> 2]!;
  }
  override setBkNext(chunk: Address, to: Address): void {
    this.words[(chunk + 20) >>> 2] = to;
  }
  override linked(chunk: Address, previous: Address, next: Address): boolean {
    const { words } = this;
    return words[(next + 12) >>> 2] === chunk && words[(previous + 8) >>> 2] === chunk;
  }
  override join(previous: Address, next: Address): void {
    const { words } = this;
    words[(next + 12) >>> 2] = previous;
    words[(previous + 8) >>> 2] = next;
  }
  override linkBetween(chunk: Address, previous: Address, next: Address): void {
    const { words } = this;
    words[(chunk + 12) >>> 2] = previous;
    words[(chunk + 8) >>> 2] = next;
    words[(next + 12) >>> 2] = chunk;
    words[(previous + 8) >>> 2] = chunk;
  }
  override setFree(chunk: Address, size: number): void {
    const { words } = this;
    words[(chunk + 4) >>> 2] = size | 1;
    words[(chunk + size) >>> 2] = size;
  }
  override top(arena: Address): Address {
    return this.words[(arena + this.topAt) >>> 2]!;
  }
  override systemMem(arena: Address): number {
    return this.words[(arena + this.systemMemAt) >>> 2]!;
  }
}

/** Whether {@link Linear32} serves a source of 4-byte words. */
export const isLinear = (source: PageSource): boolean => source.memory instanceof LinearMemory;
