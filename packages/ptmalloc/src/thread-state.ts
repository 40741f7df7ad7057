/*
 * What malloc knows of one thread: its tcache and the arena it is attached to (glibc's two thread-local variables).
 * Both are held in the thread's record in the state area; the tcache's address, which changes only when the thread
 * begins and ends, also here.
 */
import type { Address } from "@heapwright/allocator";
import { LinearMemory } from "@heapwright/heap-memory";
import type { Core } from "./core.ts";
import type { Express } from "./express/paths.ts";
import { PARAMETER, THREAD, THREAD_BYTES, THREADS_AT } from "./layout/statics.ts";

const SHUTTING_DOWN = 1;
const NOTHING = new Uint32Array(0);
const NO_HALVES = new Uint16Array(0);

/**
 * One thread's place in the heap. Fields begin with a value of their kind: V8 then knows that a number is a small one, and need not
 * look each time.
 */
export class ThreadState {
  /** @internal */
  readonly core: Core;
  /** The thread's number: 0 is the main thread. */
  readonly index: number = 0;
  /** Address of the thread's tcache, 0 while it has none. */
  tcache: Address = 0;
  readonly record: Address = 0;
  /** The linear memory as words and half words, renewed when it grows. */
  words: Uint32Array = NOTHING;
  halves: Uint16Array = NO_HALVES;
  /** How many chunks a tcache bin holds at most. Settled when the heap begins. */
  readonly room: number = 0;
  /** How many tcache bins there are. Settled when the heap begins. */
  readonly bins: number = 0;
  /** @internal The express code, where it serves: see express/paths.ts. */
  express: Express | undefined = undefined;
  /** Unsorted chunks that the allocation now running has sorted. */
  sorted = 0;

  /** @internal */
  constructor(core: Core, index: number) {
    this.core = core;
    this.index = index;
    this.record = core.state + THREADS_AT + index * THREAD_BYTES;
    this.tcache = core.mem.load32(this.record + THREAD.tcache);
    this.room = core.mem.load32(core.state + PARAMETER.tcacheCount);
    this.bins = core.mem.load32(core.state + PARAMETER.tcacheBins);
    this.arm();
    core.watch(() => this.arm());
  }

  setTcache(address: Address): void {
    this.tcache = address;
    this.core.mem.store32(this.record + THREAD.tcache, address);
    this.arm();
  }

  /** Takes the views that there are now; to be called when the tcache, the probe, a parameter or the views have changed. */
  arm(): void {
    const { core } = this;
    const { mem } = core;
    if (core.wide || !(mem instanceof LinearMemory)) return;
    this.words = mem.words;
    this.halves = mem.halves;
  }

  /** The arena the thread is attached to, 0 before its first allocation. */
  get arena(): Address {
    return this.core.mem.load32(this.record + THREAD.arena);
  }

  set arena(address: Address) {
    this.core.mem.store32(this.record + THREAD.arena, address);
  }

  /** Whether the thread is ending and must not get a tcache again. */
  get shuttingDown(): boolean {
    return (this.core.mem.load32(this.record + THREAD.flags) & SHUTTING_DOWN) !== 0;
  }

  set shuttingDown(value: boolean) {
    this.core.mem.store32(this.record + THREAD.flags, value ? SHUTTING_DOWN : 0);
  }
}
