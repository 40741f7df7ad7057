/**
 * Reference strategies, one small file each: what the textbooks have, over the same contract.
 *
 * @packageDocumentation
 */
export { BestFit } from "./best-fit.ts";
export { TaggedHeap } from "./boundary-tags.ts";
export { Bump } from "./bump.ts";
export { FirstFit } from "./first-fit.ts";
export { AddressOrderedHeap, FreeTreeHeap } from "./free-tree.ts";
export { KernighanRitchie } from "./kernighan-ritchie.ts";
export { NextFit } from "./next-fit.ts";
export { Tlsf } from "./tlsf.ts";
