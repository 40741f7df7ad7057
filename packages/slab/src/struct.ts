/*
 * Structs: fields of plain objects, kept in memory.
 *
 *   struct({ x: "f32", id: "u32", next: "ptr" })  ->  layout, as a C compiler lays it out: each field at a multiple
 *                                                     of its own size, the whole a multiple of its largest field
 *   .over(memory)                                 ->  accessors over any address: get.x(p), set.x(p, 1), a cursor's x
 *
 * No JavaScript object is made per object in memory: an object is its address. The accessors are closures over typed-array
 * views, which are renewed when the memory grows; V8 inlines them.
 */
import { type Address, InvalidArgumentError, type Memory, NULL } from "@heapwright/allocator";
import { alignUp } from "./geometry/align.ts";
import type { KmemCache } from "./kmem-cache.ts";
import type { Slabs } from "./slabs.ts";
import { type FieldType, FieldViews, fieldBytes } from "./struct-fields.ts";

/** The fields of a struct: their names and types, in the order in which they lie in memory. */
export type Fields = { readonly [name: string]: FieldType };

/** The JavaScript value of a field. */
export type FieldValue<T extends FieldType> = T extends "i64" | "u64"
  ? bigint
  : T extends "bool"
    ? boolean
    : number;

/** One reader for each field: `get.x(address)`. */
export type Getters<F extends Fields> = { readonly [K in keyof F]: (address: Address) => FieldValue<F[K]> };
/** One writer for each field: `set.x(address, value)`. */
export type Setters<F extends Fields> = {
  readonly [K in keyof F]: (address: Address, value: FieldValue<F[K]>) => void;
};
/** An object that stands for whatever lies at `address`: reading and writing its properties reads and writes the fields. */
export type Cursor<F extends Fields> = { address: Address } & { -readonly [K in keyof F]: FieldValue<F[K]> };

/** Where the fields of a struct lie, for any memory. */
export interface StructLayout<F extends Fields> {
  /** Bytes of one object: a multiple of `align`. */
  readonly size: number;
  /** Bytes: the largest field's size. */
  readonly align: number;
  /** Bytes from the object's address to each field. */
  readonly offsets: { readonly [K in keyof F]: number };
  /** The fields as they were given. */
  readonly fields: F;
  /** Accessors over the objects in a memory. Make them once and keep them. */
  over(memory: Memory): StructView<F>;
}

/** Accessors over the objects of one struct in one memory. */
export interface StructView<F extends Fields> {
  /** The struct's layout. */
  readonly layout: StructLayout<F>;
  /** Readers by field. Each costs one load. */
  readonly get: Getters<F>;
  /** Writers by field. Each costs one store. */
  readonly set: Setters<F>;
  /** A new cursor at `address`. Make one and move it by setting its `address`; one for each loop, not one for each object. */
  cursor(address?: Address): Cursor<F>;
}

/**
 * Lays fields out as a C compiler does.
 *
 * @param fields Names and types: `i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 bool ptr`. `ptr` is an address (32 bits), `bool` a byte; `i64` and
 * `u64` are bigints, the others numbers. A field may not be called `address`.
 * @throws InvalidArgumentError when there is no field, a type is unknown or a name is `address`.
 * @example
 * ```ts
 * import { LinearMemory } from "@heapwright/heap-memory";
 * import { struct } from "@heapwright/slab";
 *
 * const Particle = struct({ x: "f32", y: "f32", id: "u32", next: "ptr" });
 * const memory = LinearMemory.fixed(65536);
 * const { get, set } = Particle.over(memory);
 * set.x(64, 1.5);
 * set.next(64, 64 + Particle.size);
 * get.x(64); // 1.5
 * ```
 */
export const struct = <const F extends Fields>(fields: F): StructLayout<F> => {
  const offsets: Record<string, number> = {};
  let end = 0;
  let align = 1;
  for (const [name, type] of Object.entries(fields)) {
    const bytes = fieldBytes(type);
    if (bytes === undefined)
      throw new InvalidArgumentError(`type of ${name}`, type, "a field type such as f32");
    if (name === "address") throw new InvalidArgumentError("field", name, "another name");
    end = alignUp(end, bytes);
    offsets[name] = end;
    end += bytes;
    align = Math.max(align, bytes);
  }
  if (end === 0) throw new InvalidArgumentError("fields", "{}", "at least one field");
  const layout: StructLayout<F> = {
    size: alignUp(end, align),
    align,
    offsets: offsets as { [K in keyof F]: number },
    fields,
    over: (memory) => view(layout, memory),
  };
  return layout;
};

const view = <F extends Fields>(layout: StructLayout<F>, memory: Memory): StructView<F> => {
  const views = new FieldViews(memory);
  const get: Record<string, unknown> = {};
  const set: Record<string, unknown> = {};
  // A class for each view, so that all its cursors have one shape.
  class FieldCursor {
    address: Address;
    constructor(address: Address) {
      this.address = address;
    }
  }
  for (const [name, type] of Object.entries(layout.fields)) {
    const accessors = views.accessors(type, layout.offsets[name]!);
    get[name] = accessors.get;
    set[name] = accessors.set;
    Object.defineProperty(FieldCursor.prototype, name, {
      get(this: FieldCursor): unknown {
        return accessors.get(this.address);
      },
      set(this: FieldCursor, value: never): void {
        accessors.set(this.address, value);
      },
      enumerable: true,
    });
  }
  return {
    layout,
    get: get as unknown as Getters<F>,
    set: set as unknown as Setters<F>,
    cursor: (address = NULL) => new FieldCursor(address) as unknown as Cursor<F>,
  };
};

/** A struct's object cache and its accessors: what an ECS component or a graph's nodes need. */
export interface StructCache<F extends Fields> extends StructView<F> {
  /** The cache that the objects come from. */
  readonly cache: KmemCache;
  /** A new object with all fields zero, or `NULL` when there is no memory. */
  alloc(): Address;
  /** Gives an object back. @throws InvalidPointerError or DoubleFreeError when it is none, or no more. */
  free(object: Address): void;
}

/**
 * Makes, or finds, an object cache for a struct.
 *
 * @param name The cache's name, as for {@link Slabs.kmemCacheCreate}; a worker that has attached finds the cache by it.
 * @throws InvalidArgumentError when a cache of this name has objects of another size.
 * @example
 * ```ts
 * import { Buddy } from "@heapwright/buddy";
 * import { LinearMemory } from "@heapwright/heap-memory";
 * import { Slabs, struct, structCache } from "@heapwright/slab";
 *
 * const memory = LinearMemory.fixed(2 ** 20);
 * const slabs = Slabs.create(Buddy.create(memory), memory);
 * const nodes = structCache(slabs, "node", struct({ value: "f64", next: "ptr" }));
 *
 * const first = nodes.alloc();
 * const second = nodes.alloc();
 * nodes.set.value(first, 1.5);
 * nodes.set.next(first, second);
 * nodes.get.value(first); // 1.5
 * nodes.free(second);
 * ```
 */
export const structCache = <F extends Fields>(
  slabs: Slabs,
  name: string,
  layout: StructLayout<F>,
): StructCache<F> => {
  const { memory } = slabs;
  const cache = slabs.kmemCacheFind(name) ?? slabs.kmemCacheCreate(name, layout.size, layout.align);
  if (cache.objectSize !== layout.size || cache.align % layout.align !== 0) {
    throw new InvalidArgumentError("name", name, `unused, or a cache of objects of ${layout.size} bytes`);
  }
  const { size } = layout;
  const alloc = (): Address => {
    const object = cache.alloc();
    if (object !== NULL) clear(memory, object, size);
    return object;
  };
  return { ...layout.over(memory), cache, alloc, free: (object) => cache.free(object) };
};

/** A call of fill costs more than some words. */
const clear = (memory: Memory, object: Address, size: number): void => {
  if (size % 4 !== 0 || size > 128) {
    memory.fill(object, size, 0);
    return;
  }
  for (let at = 0; at < size; at += 4) memory.store32(object + at, 0);
};
