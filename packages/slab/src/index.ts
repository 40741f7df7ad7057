/**
 * Object caches as Linux builds them: kmem_cache, the cache of caches, kmalloc.
 *
 * @packageDocumentation
 */

export type { ObjectFunction } from "./core/object-source.ts";
export type { SlabOptions } from "./core/root.ts";
export type { CacheStats } from "./core/upkeep.ts";
export { SlabFlags } from "./flags.ts";
export { type ClassicGeometry, type ClassicParameters, classicGeometry } from "./geometry/classic.ts";
export {
  type SlabGeometry,
  type SlubObject,
  type SlubParameters,
  slubGeometry,
  slubObjectSize,
} from "./geometry/slub.ts";
export { Kmalloc } from "./kmalloc.ts";
export { KmemCache } from "./kmem-cache.ts";
export { type SizeClass, type SizeClasses, sizeClasses } from "./size-classes.ts";
export { Slabs } from "./slabs.ts";
export {
  type Cursor,
  type Fields,
  type FieldValue,
  type Getters,
  type Setters,
  type StructCache,
  type StructLayout,
  type StructView,
  struct,
  structCache,
} from "./struct.ts";
export type { FieldType } from "./struct-fields.ts";
