/**
 * Linear memory over ArrayBuffer, SharedArrayBuffer and WebAssembly.Memory, and the primitives of which allocators
 * are built.
 *
 * @packageDocumentation
 */
export { type LinearBuffer, LinearMemory, type WasmMemory } from "./linear-memory.ts";
export { LinearPages } from "./linear-pages.ts";
