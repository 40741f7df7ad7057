import type { PagedSpace } from "../paging/paged-space.ts";
import { Reclaimer } from "../reclaim/reclaimer.ts";
import { MachineCore, type MachineOptions } from "./core.ts";

/**
 * A machine: physical memory, swap, the page cache, and the processes that share them.
 *
 * @example
 * ```ts
 * import { Machine, Process } from "@heapwright/kernel";
 *
 * const machine = new Machine({ swapPages: 1024 });
 * const process = Process.create(machine);
 * process.memory.store8(process.sbrk(4096), 1);
 * machine.events.pgfault; // 1
 * ```
 */
export class Machine extends MachineCore {
  /** The pages of each process that runs. */
  readonly spaces: Set<PagedSpace> = new Set();
  /** What makes room when frames run low. */
  readonly reclaimer: Reclaimer;

  constructor(options: MachineOptions = {}) {
    super(options);
    this.reclaimer = new Reclaimer(this);
  }
}
