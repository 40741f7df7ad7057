import { type Address, NULL } from "@heapwright/allocator";
import type { AddressLayout } from "../mm/layout.ts";

const MIB = 1024 * 1024;
/** Heaps of glibc's further arenas are aligned to up to 64 MiB and asked for 128 MiB at a time. */
const GRANULE = 128 * MIB;
/** Where the window shows the region of mappings when that lies above 4 GiB. */
const SHOWN_AT = 1024 * MIB;
const LIMIT = 2 ** 32;

/**
 * The part of an address space that 32-bit window addresses show.
 *
 * Below 4 GiB a window address is the real one. When the process maps above 4 GiB (x86-64), the upper 3 GiB of the
 * window show the region of mappings instead, moved by a constant multiple of 128 MiB, so that all alignments
 * up to that are kept:
 *
 *      window  0 ............ 1 GiB ..................... 4 GiB
 *      real    0 ............ 1 GiB,  delta + 1 GiB ..... delta + 4 GiB
 */
export class AddressWindow {
  /** Real address minus window address in the region of mappings; 0 when all is identity. */
  readonly delta: number;

  constructor(layout: AddressLayout) {
    this.delta = layout.taskSize <= LIMIT ? 0 : Math.floor(layout.mmapBase / GRANULE) * GRANULE - SHOWN_AT;
  }

  /** The real address behind a window address. */
  toReal(address: Address): number {
    return this.delta !== 0 && address >= SHOWN_AT ? address + this.delta : address;
  }

  /** The window address of a real one, -1 when the window does not show it. */
  fromReal(real: number): number {
    // What is computed from areas are floating-point numbers: programs go on with integers.
    if (this.delta === 0) return real < LIMIT ? real >>> 0 : -1;
    if (real < SHOWN_AT) return real >>> 0;
    const address = real - this.delta;
    return address >= SHOWN_AT && address < LIMIT ? address >>> 0 : -1;
  }

  /** As {@link fromReal}, with NULL for what is not shown. */
  addressOf(real: number): Address {
    const address = this.fromReal(real);
    return address < 0 ? NULL : address;
  }

  /** The first real address that the window cannot show any more, for mappings. */
  get mappingEnd(): number {
    return this.delta === 0 ? LIMIT : LIMIT + this.delta;
  }

  /** The greatest real address that the break can reach in the window. */
  get breakEnd(): number {
    return this.delta === 0 ? LIMIT : SHOWN_AT;
  }
}
