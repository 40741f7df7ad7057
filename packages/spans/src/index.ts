/**
 * The fast general-purpose malloc for JavaScript and WebAssembly: size-class spans over a coalescing heap.
 *
 * @packageDocumentation
 */
export { SharedSpans, type SharedSpansOptions } from "./shared/shared-spans.ts";
export { SpanHeap } from "./span-heap.ts";
export { Spans } from "./spans.ts";
