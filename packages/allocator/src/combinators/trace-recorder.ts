import { type Address, NULL } from "../address.ts";
import type { Allocator } from "../allocator.ts";
import { InvalidArgumentError } from "../errors.ts";
import { Forwarder } from "./forwarder.ts";

/** Takes one line of a trace, without its line feed. */
export type TraceSink = (line: string) => void;

/** What a trace's header says of it. */
export interface TraceSummary {
  /** Lines that are operations. */
  readonly ops: number;
  /** Highest slot + 1. */
  readonly slots: number;
  /** Largest sum of requested bytes live at once. */
  readonly peakLiveBytes: number;
  /** Distinct threads. */
  readonly threads: number;
}

/**
 * Writes down what is asked of an allocator, in the trace format that `@heapwright/trace` reads and replays:
 *
 *     a <slot> <size>           allocate                  r <slot> <size>   reallocate, expand
 *     c <slot> 1 <size>         allocateZeroed            f <slot>          deallocate
 *     m <slot> <align> <size>   allocateAligned           t <n>             thread n goes on
 *
 * A slot is a small integer, reused after its free, last freed first. Requests that fail are left out, as is `NULL`
 * given back. The format has no reallocation to 0 bytes: it is written as one to 1 byte. `deallocateAll` becomes a
 * line for each live block.
 *
 * The header comes first in a file but is known last: write `header()` before the lines that the sink collected.
 *
 * @example
 * ```ts
 * const lines: string[] = [];
 * const recorder = new TraceRecorder(allocator, (line) => lines.push(line));
 * recorder.deallocate(recorder.allocate(100));
 * lines; // ["a 0 100", "f 0"]
 * ```
 */
export class TraceRecorder extends Forwarder {
  readonly #sink: TraceSink;
  readonly #slots = new Map<Address, number>();
  readonly #free: number[] = [];
  readonly #sizes: number[] = [];
  readonly #threads = new Set<number>([0]);
  #ops = 0;
  #live = 0;
  #peak = 0;
  #thread = 0;

  /**
   * @param sink Gets each line as it happens. Blocks already live in `parent` are unknown to the trace and stay
   * out of it.
   */
  constructor(parent: Allocator, sink: TraceSink) {
    super(parent);
    this.#sink = sink;
  }

  /**
   * Says which thread the operations from now on run on; 0 at first.
   *
   * @throws InvalidArgumentError unless it is an integer from 0 on.
   */
  thread(id: number): void {
    if (!Number.isSafeInteger(id) || id < 0) throw new InvalidArgumentError("id", id, "an integer from 0 on");
    if (id === this.#thread) return;
    this.#thread = id;
    this.#threads.add(id);
    this.#sink(`t ${id}`);
  }

  /** The trace in numbers, as far as it goes. */
  summary(): TraceSummary {
    const { size: threads } = this.#threads;
    return { ops: this.#ops, slots: this.#sizes.length, peakLiveBytes: this.#peak, threads };
  }

  /** The header's lines. @param program What made the trace, on one line. */
  header(program: string): string[] {
    const { ops, slots, peakLiveBytes, threads } = this.summary();
    return [
      "# heap-trace 1",
      `# program: ${program.replace(/[\r\n]+/g, " ")}`,
      `# ops: ${ops}`,
      `# slots: ${slots}`,
      `# peak-live-bytes: ${peakLiveBytes}`,
      `# threads: ${threads}`,
    ];
  }

  override allocate(size: number): Address {
    const address = this.target.allocate(size);
    if (address !== NULL) this.#line(`a ${this.#take(address, size)} ${size}`);
    return address;
  }
  override allocateAligned?(alignment: number, size: number): Address {
    const address = this.target.allocateAligned(alignment, size);
    if (address !== NULL) this.#line(`m ${this.#take(address, size)} ${alignment} ${size}`);
    return address;
  }
  override allocateZeroed?(size: number): Address {
    const address = this.target.allocateZeroed(size);
    if (address !== NULL) this.#line(`c ${this.#take(address, size)} 1 ${size}`);
    return address;
  }
  override deallocate(address: Address): void {
    this.target.deallocate(address);
    this.#give(address);
  }
  override deallocateSized?(address: Address, size: number): void {
    this.target.deallocateSized(address, size);
    this.#give(address);
  }
  override reallocate?(address: Address, size: number): Address {
    const moved = this.target.reallocate(address, size);
    if (moved === NULL) return NULL;
    if (address === NULL) this.#line(`a ${this.#take(moved, size)} ${size}`);
    else this.#resize(address, moved, size);
    return moved;
  }
  override expand?(address: Address, size: number): boolean {
    const done = this.target.expand(address, size);
    if (done) this.#resize(address, address, size);
    return done;
  }
  override deallocateAll?(): void {
    this.target.deallocateAll();
    const live = [...this.#slots].sort(([, a], [, b]) => a - b);
    for (const [address] of live) this.#give(address);
  }

  #line(line: string): void {
    this.#ops++;
    this.#sink(line);
  }
  #take(address: Address, size: number): number {
    const slot = this.#free.pop() ?? this.#sizes.length;
    this.#slots.set(address, slot);
    this.#sizes[slot] = 0;
    this.#size(slot, size);
    return slot;
  }
  #give(address: Address): void {
    const slot = this.#slots.get(address);
    if (slot === undefined) return;
    this.#line(`f ${slot}`);
    this.#slots.delete(address);
    this.#free.push(slot);
    this.#size(slot, 0);
  }
  #resize(from: Address, to: Address, size: number): void {
    const slot = this.#slots.get(from);
    if (slot === undefined) return;
    const written = Math.max(size, 1);
    this.#line(`r ${slot} ${written}`);
    this.#slots.delete(from);
    this.#slots.set(to, slot);
    this.#size(slot, written);
  }
  #size(slot: number, size: number): void {
    this.#live += size - this.#sizes[slot]!;
    this.#sizes[slot] = size;
    if (this.#live > this.#peak) this.#peak = this.#live;
  }
}
