/**
 * glibc's malloc, pointer for pointer, over linear memory or a simulated process.
 *
 * @packageDocumentation
 */
export { AllocatorHeap } from "./allocator-heap.ts";
export type { Mallinfo2 } from "./inspect/info.ts";
export type { ChunkInfo } from "./inspect/walk.ts";
export type { Abi } from "./layout/abi.ts";
export type { ProfileName } from "./layout/profile.ts";
export { Mallopt } from "./mallopt.ts";
export type { PtmallocOptions, Tunables } from "./options.ts";
export type { Probe, ProbeEvent } from "./probe.ts";
export { Ptmalloc } from "./ptmalloc.ts";
export {
  type NewSharedPtmallocOptions,
  SharedPtmalloc,
  type SharedPtmallocOptions,
} from "./shared/shared-ptmalloc.ts";
export { ThreadHeap } from "./thread.ts";
export type { TypedArray, TypedArrayKind } from "./typed-arrays.ts";
