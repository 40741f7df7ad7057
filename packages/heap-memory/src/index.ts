/**
 * Linear memory over ArrayBuffer, SharedArrayBuffer and WebAssembly.Memory, and the primitives of which allocators
 * are built.
 *
 * @packageDocumentation
 */
export * from "./align.ts";
export { claimHeap, expectHeap } from "./identity.ts";
export {
  type LinearBuffer,
  LinearMemory,
  type ViewKind,
  type Views,
  type WasmMemory,
} from "./linear-memory.ts";
export { LinearPages } from "./linear-pages.ts";
