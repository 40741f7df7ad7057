import { readFileSync } from "node:fs";
import type { AddressAllocator } from "../allocator.ts";

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Record<string, unknown> };
};

type Call = (...values: number[]) => number;

/**
 * An allocator in WebAssembly, called from JavaScript. The module exports `memory`, `malloc`, `free`, `realloc`, `calloc`
 * of a count and a size or of a size alone, and `aligned_alloc` if it has that.
 */
class WasmAllocator implements AddressAllocator {
  readonly allocate: (size: number) => number;
  readonly deallocate: (address: number) => void;
  readonly reallocate: (address: number, size: number) => number;
  readonly #calloc: Call;
  readonly #align: Call | undefined;
  readonly #memory: { readonly buffer: ArrayBuffer };

  constructor(file: string) {
    const module = new WebAssembly.Module(readFileSync(file));
    const imports = { env: { abort: () => {} } };
    const { exports } = new WebAssembly.Instance(module, imports);
    (exports["_initialize"] as (() => void) | undefined)?.();
    this.allocate = exports["malloc"] as Call;
    this.deallocate = exports["free"] as Call;
    this.reallocate = exports["realloc"] as Call;
    this.#align = exports["aligned_alloc"] as Call | undefined;
    this.#calloc = exports["calloc"] as Call;
    this.#memory = exports["memory"] as { readonly buffer: ArrayBuffer };
  }

  allocateZeroed(size: number): number {
    return this.#calloc.length === 1 ? this.#calloc(size) : this.#calloc(1, size);
  }
  /** Where there is no stronger alignment: the cost of the room for one. */
  allocateAligned(alignment: number, size: number): number {
    return this.#align === undefined ? this.allocate(size + alignment) : this.#align(alignment, size);
  }
  held(): number {
    return this.#memory.buffer.byteLength;
  }
}

/** @param file the compiled module. */
export const create = (file: string): AddressAllocator => new WasmAllocator(file);
