/**
 * The buddy system, in the memory it manages or outside it.
 *
 * @packageDocumentation
 */
export { Buddy, type BuddyOptions } from "./buddy.ts";
export { FreeAreas } from "./free-areas.ts";
export { BuddyHeap } from "./heap.ts";
export { check, stats, walk } from "./inspect.ts";
export { Mobility } from "./mobility.ts";
export { PerCpuLists } from "./per-cpu-lists.ts";
