import type { PageAllocator } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import { expect, test } from "vitest";
import { FrameStack, Machine, MapFlag, MemoryStore, OutOfMemoryError, Process, Prot } from "../src/index.ts";
import { checkMachine } from "./invariants.ts";

const PAGE = 4096;
const RW = Prot.READ | Prot.WRITE;
const FRAMES = 200;

/** A source of frames that refuses requests: all of them, after the next n. */
class Refusing implements PageAllocator {
  readonly pageSize: number = PAGE;
  readonly maxOrder: number = 0;
  /** Requests until then; -1 to refuse none. */
  left = -1;
  readonly #frames = new FrameStack((FRAMES + 1) * PAGE);

  allocatePages(order: number): number {
    if (this.left === 0) return 0;
    if (this.left > 0) this.left--;
    return this.#frames.allocatePages(order);
  }
  freePages(address: number, order: number): void {
    this.#frames.freePages(address, order);
  }
}

test("wherever frames run out, nothing is lost and nothing is left over", () => {
  let refusals = 0;
  for (let refused = 0; refused < 70; refused++) {
    const frames = new Refusing();
    const machine = new Machine({ memory: LinearMemory.fixed((FRAMES + 1) * PAGE), frames });
    const process = Process.create(machine, { abi: "x86_64" });
    const object = machine.createFile(8 * PAGE, new MemoryStore(), "/f");
    const file = { object, readable: true, writable: true };
    const model = new Map<number, number>();
    const processes = [process];
    const attempt = (step: () => void): void => {
      try {
        step();
      } catch (error) {
        if (!(error instanceof OutOfMemoryError) && (error as { code?: string }).code !== "ENOMEM")
          throw error;
        refusals++;
      }
    };
    const store = (at: number, value: number): void =>
      attempt(() => {
        process.memory.store8(at, value);
        model.set(at, value);
      });
    frames.left = refused;
    const heap = process.sbrk(8 * PAGE);
    for (let page = 0; page < 8; page++) store(heap + page * PAGE, page + 1);
    let moved = process.sys.mmap({ length: 4 * PAGE, prot: RW, flags: MapFlag.PRIVATE | MapFlag.ANONYMOUS });
    for (let page = 0; page < 4; page++) store(moved + page * PAGE, page + 50);
    const shared = process.sys.mmap({ length: 8 * PAGE, prot: RW, flags: MapFlag.SHARED, file });
    const copy = process.sys.mmap({ length: 8 * PAGE, prot: RW, flags: MapFlag.PRIVATE, file });
    for (let page = 0; page < 4; page++) {
      store(shared + page * PAGE, page + 100);
      store(copy + (page + 4) * PAGE, page + 120);
    }
    attempt(() => {
      const target = process.sys.mremap(moved, 4 * PAGE, 4 * PAGE, 3, 0xa000_0000);
      for (let page = 0; page < 4; page++) {
        const value = model.get(moved + page * PAGE);
        model.delete(moved + page * PAGE);
        if (value !== undefined) model.set(target + page * PAGE, value);
      }
      moved = target;
    });
    const child = process.fork();
    if (child !== null) {
      processes.push(child);
      for (let page = 0; page < 8; page++) store(heap + page * PAGE, page + 200);
    } else refusals++;
    for (const [at, value] of model) attempt(() => expect(process.memory.load8(at)).toBe(value));
    frames.left = -1;
    for (const [at, value] of model) expect(process.memory.load8(at)).toBe(value);
    expect(checkMachine(machine, processes)).toEqual([]);
    for (const each of processes) each.exit();
    expect(machine.frames.used).toBe(1 + object.pages.size);
  }
  expect(refusals).toBeGreaterThan(40);
});
