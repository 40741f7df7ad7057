/*
 * The types of struct fields, and how each is read and written: through a typed array over a linear memory, through the
 * memory's own accessors over any other.
 */
import type { Address, Memory } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";

/** The type of a struct's field. */
export type FieldType =
  | "i8"
  | "u8"
  | "i16"
  | "u16"
  | "i32"
  | "u32"
  | "i64"
  | "u64"
  | "f32"
  | "f64"
  | "bool"
  | "ptr";

/** Reads and writes one field. */
export interface Accessors {
  readonly get: (address: Address) => number | bigint | boolean;
  readonly set: (address: Address, value: never) => void;
}

const BYTES: { readonly [T in FieldType]: number } = {
  i8: 1,
  u8: 1,
  bool: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  ptr: 4,
  f32: 4,
  i64: 8,
  u64: 8,
  f64: 8,
};

/** Bytes of a type, undefined when there is none of that name. */
export const fieldBytes = (type: string): number | undefined =>
  Object.hasOwn(BYTES, type) ? BYTES[type as FieldType] : undefined;

type NumberType = Exclude<FieldType, "bool" | "i64" | "u64">;

/** Accessors of a number, and what renews their view. */
interface NumberAccessors {
  readonly get: (address: Address) => number;
  readonly set: (address: Address, value: number) => void;
  readonly renew: () => void;
}

/** Accessors of number fields, by type; they keep their views up to date when the memory grows. */
export class FieldViews {
  readonly #memory: Memory;
  readonly #renewals: (() => void)[] = [];

  constructor(memory: Memory) {
    this.#memory = memory;
    memory.onGrow(() => {
      for (const renew of this.#renewals) renew();
    });
  }

  /** Accessors of a field that lies `offset` bytes into the object. Each call makes closures of its own. */
  accessors(type: FieldType, offset: number): Accessors {
    const memory = this.#memory;
    if (type === "i64" || type === "u64") return bigAccessors(memory, type === "i64", offset);
    if (type === "bool") {
      return {
        get: (address) => memory.load8(address + offset) !== 0,
        set: (address, value: boolean) => memory.store8(address + offset, value ? 1 : 0),
      };
    }
    if (!(memory instanceof LinearMemory)) return plainAccessors(memory, type, offset);
    const accessors = MAKERS[type](memory, offset);
    this.#renewals.push(accessors.renew);
    return accessors;
  }
}

/*
 * One function literal for each kind of view, although they read the same: closures of one literal share what V8 has learnt
 * about it, so that a literal for all kinds takes 25 times as long once it has met five of them.
 */
const MAKERS: { readonly [T in NumberType]: (memory: LinearMemory, offset: number) => NumberAccessors } = {
  u8: (memory, offset) => {
    let view = memory.bytes;
    const get = (address: Address): number => view[address + offset]!;
    const set = (address: Address, value: number): void => {
      view[address + offset] = value;
    };
    const renew = (): void => {
      view = memory.bytes;
    };
    return { get, set, renew };
  },
  i8: (memory, offset) => {
    let view = new Int8Array(memory.buffer);
    const get = (address: Address): number => view[address + offset]!;
    const set = (address: Address, value: number): void => {
      view[address + offset] = value;
    };
    const renew = (): void => {
      view = new Int8Array(memory.buffer);
    };
    return { get, set, renew };
  },
  i16: (memory, offset) => {
    let view = new Int16Array(memory.buffer);
    const get = (address: Address): number => view[(address + offset) >>> 1]!;
    const set = (address: Address, value: number): void => {
      view[(address + offset) >>> 1] = value;
    };
    const renew = (): void => {
      view = new Int16Array(memory.buffer);
    };
    return { get, set, renew };
  },
  u16: (memory, offset) => {
    let view = new Uint16Array(memory.buffer);
    const get = (address: Address): number => view[(address + offset) >>> 1]!;
    const set = (address: Address, value: number): void => {
      view[(address + offset) >>> 1] = value;
    };
    const renew = (): void => {
      view = new Uint16Array(memory.buffer);
    };
    return { get, set, renew };
  },
  i32: (memory, offset) => {
    let view = new Int32Array(memory.buffer);
    const get = (address: Address): number => view[(address + offset) >>> 2]!;
    const set = (address: Address, value: number): void => {
      view[(address + offset) >>> 2] = value;
    };
    const renew = (): void => {
      view = new Int32Array(memory.buffer);
    };
    return { get, set, renew };
  },
  u32: (memory, offset) => {
    let view = new Uint32Array(memory.buffer);
    const get = (address: Address): number => view[(address + offset) >>> 2]!;
    const set = (address: Address, value: number): void => {
      view[(address + offset) >>> 2] = value;
    };
    const renew = (): void => {
      view = new Uint32Array(memory.buffer);
    };
    return { get, set, renew };
  },
  ptr: (memory, offset) => {
    let view = new Uint32Array(memory.buffer);
    const get = (address: Address): number => view[(address + offset) >>> 2]!;
    const set = (address: Address, value: number): void => {
      view[(address + offset) >>> 2] = value;
    };
    const renew = (): void => {
      view = new Uint32Array(memory.buffer);
    };
    return { get, set, renew };
  },
  f32: (memory, offset) => {
    let view = new Float32Array(memory.buffer);
    const get = (address: Address): number => view[(address + offset) >>> 2]!;
    const set = (address: Address, value: number): void => {
      view[(address + offset) >>> 2] = value;
    };
    const renew = (): void => {
      view = new Float32Array(memory.buffer);
    };
    return { get, set, renew };
  },
  f64: (memory, offset) => {
    let view = new Float64Array(memory.buffer);
    const get = (address: Address): number => view[(address + offset) >>> 3]!;
    const set = (address: Address, value: number): void => {
      view[(address + offset) >>> 3] = value;
    };
    const renew = (): void => {
      view = new Float64Array(memory.buffer);
    };
    return { get, set, renew };
  },
};

const bigAccessors = (memory: Memory, signed: boolean, offset: number): Accessors => ({
  get: (address) => {
    const bits = memory.load64(address + offset);
    return signed ? BigInt.asIntN(64, bits) : bits;
  },
  set: (address, value: bigint) => memory.store64(address + offset, BigInt.asUintN(64, value)),
});

/** Numbers over a memory without views, such as a process's: the bits go through a scratch buffer. */
const plainAccessors = (memory: Memory, type: NumberType, offset: number): Accessors => {
  const scratch = new DataView(new ArrayBuffer(8));
  const { get, set } = PLAIN[type];
  const bytes = BYTES[type];
  const load = (address: Address, at: number): void =>
    bytes === 1
      ? scratch.setUint8(0, memory.load8(address))
      : bytes === 2
        ? scratch.setUint16(0, memory.load16(address), true)
        : scratch.setUint32(at, memory.load32(address + at), true);
  const store = (address: Address, at: number): void =>
    bytes === 1
      ? memory.store8(address, scratch.getUint8(0))
      : bytes === 2
        ? memory.store16(address, scratch.getUint16(0, true))
        : memory.store32(address + at, scratch.getUint32(at, true));
  return {
    get: (address) => {
      for (let at = 0; at < bytes; at += 4) load(address + offset, at);
      return get(scratch);
    },
    set: (address, value: number) => {
      set(scratch, value);
      for (let at = 0; at < bytes; at += 4) store(address + offset, at);
    },
  };
};

interface PlainCodec {
  readonly get: (scratch: DataView) => number;
  readonly set: (scratch: DataView, value: number) => void;
}

const PLAIN: { readonly [T in NumberType]: PlainCodec } = {
  i8: { get: (s) => s.getInt8(0), set: (s, value) => s.setInt8(0, value) },
  u8: { get: (s) => s.getUint8(0), set: (s, value) => s.setUint8(0, value) },
  i16: { get: (s) => s.getInt16(0, true), set: (s, value) => s.setInt16(0, value, true) },
  u16: { get: (s) => s.getUint16(0, true), set: (s, value) => s.setUint16(0, value, true) },
  i32: { get: (s) => s.getInt32(0, true), set: (s, value) => s.setInt32(0, value, true) },
  u32: { get: (s) => s.getUint32(0, true), set: (s, value) => s.setUint32(0, value, true) },
  ptr: { get: (s) => s.getUint32(0, true), set: (s, value) => s.setUint32(0, value, true) },
  f32: { get: (s) => s.getFloat32(0, true), set: (s, value) => s.setFloat32(0, value, true) },
  f64: { get: (s) => s.getFloat64(0, true), set: (s, value) => s.setFloat64(0, value, true) },
};
