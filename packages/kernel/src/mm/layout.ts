/**
 * Where things are in an address space: what differs between an i386 and an x86-64 process, as data.
 *
 * Both are the "legacy" layout: mappings upwards from a third of the space, lowest first.
 */
export interface AddressLayout {
  /** First address behind user space (`TASK_SIZE`). */
  readonly taskSize: number;
  /** Where the search for room begins. */
  readonly mmapBase: number;
  /** Hints below are raised to this (`mmap_min_addr` with the security module's part), and no stack grows below. */
  readonly minHint: number;
  /** Fixed mappings below are EPERM. */
  readonly minFixed: number;
  /** Anonymous mappings whose length is a multiple of this are placed on a multiple of it; 0 for never. */
  readonly hugeAlign: number;
  /** Page number at the bottom of the initial stack area, which was created at the top of 64-bit user space. */
  readonly stackPgoff: number;
}

const MIB = 1024 * 1024;

/** An i386 process with 3 GiB on a 64-bit kernel: mappings from 1 GiB upwards. */
export const I386_LAYOUT: AddressLayout = {
  taskSize: 0xc000_0000,
  mmapBase: 0x4000_0000,
  minHint: 0x1_0000,
  minFixed: 0x1000,
  hugeAlign: 0,
  stackPgoff: 0x7_ffff_ffde,
};

/** An x86-64 process: 128 TiB, mappings from a third of that upwards. */
export const X86_64_LAYOUT: AddressLayout = {
  taskSize: 0x7fff_ffff_f000,
  mmapBase: 0x2aaa_aaaa_b000,
  minHint: 0x1_0000,
  minFixed: 0x1000,
  hugeAlign: 2 * MIB,
  stackPgoff: 0x7_ffff_ffde,
};
