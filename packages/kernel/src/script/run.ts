import { areaName } from "../proc/maps.ts";
import type { MappedObject } from "../vma/area.ts";
import { permissions } from "../vma/flags.ts";
import { execute, type Outcome } from "./execute.ts";
import type { Values } from "./expression.ts";
import { diffRuns, type PageRun, pageRuns } from "./page-states.ts";
import { parseScript } from "./parse.ts";
import { IMAGE_END, IMAGE_START, USER_END, World } from "./world.ts";

const hex = (value: number): string => value.toString(16).padStart(8, "0");

/** The counters whose changes are printed, in this order. All in pages, but the faults. */
interface Counters {
  readonly rss: number;
  readonly anon: number;
  readonly file: number;
  readonly shm: number;
  readonly vm: number;
  readonly data: number;
  readonly stk: number;
  readonly lck: number;
  readonly majflt: number;
}

/**
 * Runs a script of memory-management operations and prints, after each, its result and all that it changed: faults,
 * counters, page presence, areas.
 *
 * @param script One operation a line.
 * @returns the output, line by line what a real kernel's run prints.
 * @throws ScriptError naming the line and what is wrong with it; nothing has run then.
 * @example
 * ```ts
 * import { runScript } from "@heapwright/kernel/script";
 *
 * runScript("mmap 0 0x2000 rw- private,anon\nwrite $0+0x1000 1\n");
 * // ...
 * // > 1 write $0+0x1000 1
 * // =1 ok minflt=1 rss=+1 anon=+1
 * // pt 40001000 1 .>a
 * // maps same
 * // end 2
 * ```
 */
export const runScript = (script: string): string => {
  const operations = parseScript(script);
  const run = new Run();
  for (const { text, action } of operations)
    run.step(text, (world, values) => execute(world, action, values));
  return run.finish();
};

class Run implements Values {
  readonly brk0: number = IMAGE_END;
  readonly #world = new World();
  readonly #output: string[] = [];
  readonly #values: (number | undefined)[] = [];
  readonly #shmem = new Map<MappedObject, number>();
  #counters: Counters;
  #runs: PageRun[] = [];
  #maps = "";

  constructor() {
    this.#counters = this.#count();
    const { mm } = this.#world;
    const { vm, data, stk, lck, anon, file, shm } = this.#counters;
    this.#output.push(
      "mmoracle 1",
      `init brk0=${hex(mm.brk)} start_brk=${hex(mm.startBrk)} start_data=${hex(mm.startData)} end_data=${hex(mm.endData)}`,
      `init vm=${vm} data=${data} stk=${stk} lck=${lck} anon=${anon} file=${file} shm=${shm}`,
    );
    this.#report();
  }

  valueOf(operation: number): number | undefined {
    return this.#values[operation];
  }

  step(text: string, execute: (world: World, values: Values) => Outcome): void {
    const { space } = this.#world;
    const faults = space.minorFaults;
    const outcome = execute(this.#world, this);
    const number = this.#values.length;
    const before = this.#counters;
    const now = this.#count();
    const rss = now.rss - before.rss;
    let line = `=${number} ${outcome.text} minflt=${space.minorFaults - faults} rss=${rss > 0 ? "+" : ""}${rss}`;
    for (const name of ["anon", "file", "shm", "vm", "data", "stk", "lck", "majflt"] as const) {
      const change = now[name] - before[name];
      if (change !== 0) line += ` ${name}=${change > 0 ? "+" : ""}${change}`;
    }
    this.#output.push(`> ${number} ${text}`, line);
    this.#counters = now;
    this.#report();
    this.#values.push(outcome.value);
  }

  finish(): string {
    this.#output.push(`end ${this.#values.length}`, "");
    return this.#output.join("\n");
  }

  #count(): Counters {
    const { mm, space } = this.#world;
    const { rss } = space;
    return {
      rss: rss.total,
      anon: rss.anon,
      file: rss.file,
      shm: rss.shmem,
      vm: mm.totalVm,
      data: mm.dataVm,
      stk: mm.stackVm,
      lck: mm.lockedVm,
      majflt: space.majorFaults,
    };
  }

  #report(): void {
    const runs: PageRun[] = [];
    pageRuns(this.#world.space, 0, IMAGE_START, runs);
    pageRuns(this.#world.space, IMAGE_END, USER_END, runs);
    this.#output.push(...diffRuns(this.#runs, runs));
    this.#runs = runs;
    const lines = this.#areaLines();
    const maps = lines.join("\n");
    if (maps === this.#maps) this.#output.push("maps same");
    else this.#output.push(`maps ${lines.length}`, ...lines);
    this.#maps = maps;
  }

  #areaLines(): string[] {
    const { mm } = this.#world;
    const lines: string[] = [];
    for (const area of mm.areas) {
      if (area.start >= IMAGE_START && area.end <= IMAGE_END) continue;
      const offset = area.file === null ? 0 : area.pgoff * 4096;
      let name = areaName(mm, area) || "-";
      if (area.file?.object.isShmem) name = `shm#${this.#shmemNumber(area.file.object)}`;
      lines.push(` ${hex(area.start)}-${hex(area.end)} ${permissions(area.flags)} ${hex(offset)} ${name}`);
    }
    return lines;
  }

  /** Shared memory objects are named by the operation after which they were first seen. */
  #shmemNumber(object: MappedObject): number {
    let number = this.#shmem.get(object);
    if (number === undefined) {
      number = this.#values.length;
      this.#shmem.set(object, number);
    }
    return number;
  }
}
