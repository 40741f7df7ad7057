/**
 * The contract of the Heapwright family: what an allocator, a memory and a source of pages promise.
 *
 * @packageDocumentation
 */
export type { Address } from "./address.ts";
export { NULL } from "./address.ts";
export type { Allocator } from "./allocator.ts";
export { expectAddress, expectAlignment, expectSize } from "./arguments.ts";
export * from "./capabilities.ts";
export * from "./combinators/index.ts";
export * from "./errors.ts";
export type { Memory } from "./memory.ts";
export type { ObjectCache, ObjectCaches } from "./objects.ts";
export type { MappingSource, PageAllocator, PageSource } from "./pages.ts";
export { Advice, canMap, Protection } from "./pages.ts";
export type { BlockInfo, BlockState, HeapFault, HeapStats } from "./stats.ts";
