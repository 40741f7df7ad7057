/**
 * A model of a Linux process's memory: areas, the break, mappings, page tables, faults, page cache and swap.
 *
 * @packageDocumentation
 */
export { Errno, type ErrnoName, errnoName, SystemError } from "./abi/errno.ts";
export { Madvise, MapFlag, MlockFlag, MremapFlag, MsyncFlag, Prot } from "./abi/mman.ts";
export { type Abi, type FromMapsOptions, Process } from "./process/process.ts";
