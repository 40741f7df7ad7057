/**
 * The fast general-purpose malloc for JavaScript and WebAssembly: size-class spans over a coalescing heap.
 *
 * @packageDocumentation
 */
export { Spans } from "./spans.ts";
