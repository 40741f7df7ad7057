/**
 * Linear memory over ArrayBuffer, SharedArrayBuffer and WebAssembly.Memory, and the primitives of which allocators
 * are built.
 *
 * @packageDocumentation
 */
export * from "./align.ts";
export { Bitmap } from "./bitmap.ts";
export { CheckedMemory } from "./checked-memory.ts";
export { CountingMemory } from "./counting-memory.ts";
export { FutexLock } from "./futex-lock.ts";
export { claimHeap, expectHeap } from "./identity.ts";
export {
  type LinearBuffer,
  LinearMemory,
  type ViewKind,
  type Views,
  type WasmMemory,
} from "./linear-memory.ts";
export { LinearPages } from "./linear-pages.ts";
export * from "./lists.ts";
export { SizeClasses } from "./size-classes.ts";
export { restore, snapshot } from "./snapshot.ts";
