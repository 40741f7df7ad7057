import { readFile } from "node:fs/promises";
import {
  type Address,
  type Footprint,
  type Memory,
  NULL,
  type ReallocatingAllocator,
  type ZeroedAllocator,
} from "@heapwright/allocator";
import { LinearMemory, type WasmMemory } from "@heapwright/heap-memory";
import { UserError } from "../user-error.ts";

declare const WebAssembly: {
  instantiate(
    code: Uint8Array,
    imports: object,
  ): Promise<{ readonly instance: { readonly exports: unknown } }>;
};

interface Exports {
  readonly memory: WasmMemory;
  malloc(size: number): number;
  calloc(size: number): number;
  realloc(address: number, size: number): number;
  free(address: number): void;
}

const WASM = new URL("../peers/as-tlsf.wasm", import.meta.url);

/** AssemblyScript's TLSF, compiled to WebAssembly and called from JavaScript, behind the contract. */
export class AssemblyScriptTlsf implements ReallocatingAllocator, ZeroedAllocator, Footprint {
  readonly alignment: number = 16;
  readonly #exports: Exports;
  readonly #linear: LinearMemory;

  private constructor(exports: Exports) {
    this.#exports = exports;
    this.#linear = LinearMemory.wasm(exports.memory);
  }

  static async create(): Promise<AssemblyScriptTlsf> {
    const code = await readFile(WASM).catch(() => {
      throw new UserError("the peer as-tlsf is not compiled; it comes with a checkout of Heapwright only");
    });
    const { instance } = await WebAssembly.instantiate(code, { env: { abort: () => {} } });
    return new AssemblyScriptTlsf(instance.exports as Exports);
  }

  allocate(size: number): Address {
    // The module traps when it is exhausted.
    try {
      return this.#exports.malloc(size) >>> 0;
    } catch {
      return NULL;
    }
  }
  allocateZeroed(size: number): Address {
    try {
      return this.#exports.calloc(size) >>> 0;
    } catch {
      return NULL;
    }
  }
  reallocate(address: Address, size: number): Address {
    if (address === NULL) return this.allocate(size);
    try {
      return this.#exports.realloc(address, size) >>> 0;
    } catch {
      return NULL;
    }
  }
  deallocate(address: Address): void {
    this.#exports.free(address);
  }
  /** The module grows its memory by itself: the views are renewed whenever somebody looks, which no timed run does. */
  get memory(): Memory {
    this.#linear.refresh();
    return this.#linear;
  }
  footprint(): number {
    return this.memory.byteLength;
  }
}
