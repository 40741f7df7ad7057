import {
  type Address,
  type Footprint,
  type Memory,
  NULL,
  type ReallocatingAllocator,
  type ZeroedAllocator,
} from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import { UserError } from "../user-error.ts";

/** What is used of `@thi.ng/malloc`'s MemPool: spelled out, since the published command comes without its peers. */
interface Pool {
  malloc(bytes: number): number;
  calloc(bytes: number): number;
  realloc(address: number, bytes: number): number;
  free(address: number): boolean;
  readonly top: number;
}
type PoolClass = new (options: { buf: ArrayBuffer; align: number; start: number }) => Pool;

/** The pool does not grow: it is given this much, and touches of it only what it uses. */
const POOL_BYTES = 512 * 2 ** 20;

/** `@thi.ng/malloc` behind the contract, as its users call it. */
export class ThingMalloc implements ReallocatingAllocator, ZeroedAllocator, Footprint {
  readonly memory: Memory;
  readonly alignment: number = 16;
  readonly #pool: Pool;

  private constructor(memory: LinearMemory, pool: Pool) {
    this.memory = memory;
    this.#pool = pool;
  }

  static async create(): Promise<ThingMalloc> {
    const name = "@thi.ng/malloc";
    const module = (await import(name).catch(() => {
      throw new UserError(`the peer ${name} is not installed; it comes with a checkout of Heapwright only`);
    })) as { MemPool: PoolClass };
    const buffer = new ArrayBuffer(POOL_BYTES);
    return new ThingMalloc(
      LinearMemory.fixed(buffer),
      new module.MemPool({ buf: buffer, align: 16, start: 0 }),
    );
  }

  allocate(size: number): Address {
    // malloc(0) gives nothing there; a block of its own is what the traced programs were given.
    return this.#pool.malloc(size === 0 ? 1 : size);
  }
  allocateZeroed(size: number): Address {
    return this.#pool.calloc(size === 0 ? 1 : size);
  }
  reallocate(address: Address, size: number): Address {
    return address === NULL ? this.allocate(size) : this.#pool.realloc(address, size);
  }
  deallocate(address: Address): void {
    this.#pool.free(address);
  }
  footprint(): number {
    return this.#pool.top;
  }
}
