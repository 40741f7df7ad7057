import type { PagedSpace } from "../paging/paged-space.ts";
import { buddyinfoText, meminfoText, vmstatText } from "../proc/meminfo.ts";
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
  readonly #freeRuns: () => readonly number[];

  constructor(options: MachineOptions = {}) {
    super(options);
    this.reclaimer = new Reclaimer(this);
    this.#freeRuns = options.freeRuns ?? (() => [this.frames.free]);
  }

  /** The text of /proc/meminfo: those of its lines that the model knows. O(frames). */
  meminfo(): string {
    return meminfoText(this);
  }

  /** The text of /proc/vmstat: those of its lines that the model knows. O(frames). */
  vmstat(): string {
    return vmstatText(this);
  }

  /** The text of /proc/buddyinfo. */
  buddyinfo(): string {
    return buddyinfoText(this.#freeRuns());
  }
}
