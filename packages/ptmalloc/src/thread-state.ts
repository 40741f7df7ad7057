/*
 * What malloc knows of one thread: its tcache and the arena it is attached to (glibc's two thread-local variables).
 * Both are held in the thread's record in the state area; the tcache's address, which changes only when the thread
 * begins and ends, also here.
 */
import type { Address } from "@heapwright/allocator";
import type { Core } from "./core.ts";
import { PARAMETER, THREAD, THREAD_BYTES, THREADS_AT } from "./layout/statics.ts";

const SHUTTING_DOWN = 1;

/** One thread's place in the heap. */
export class ThreadState {
  readonly core: Core;
  /** The thread's number: 0 is the main thread. */
  readonly index: number;
  /** Address of the thread's tcache, 0 while it has none. */
  tcache: Address;
  readonly record: Address;
  /** Tcache bins that the fast paths may use: none while there is no tcache, or while a probe wants to be told. */
  fastBins = 0;
  /** How many chunks a tcache bin holds at most. */
  fastRoom = 0;
  /** The low word of what marks a chunk as cached. */
  fastKey = 0;
  /** Unsorted chunks that the allocation now running has sorted. */
  sorted = 0;

  constructor(core: Core, index: number) {
    this.core = core;
    this.index = index;
    this.record = core.state + THREADS_AT + index * THREAD_BYTES;
    this.tcache = core.mem.load32(this.record + THREAD.tcache);
    this.arm();
  }

  setTcache(address: Address): void {
    this.tcache = address;
    this.core.mem.store32(this.record + THREAD.tcache, address);
    this.arm();
  }

  /** Sets what the fast paths need to know; to be called when the tcache or the probe has changed. */
  arm(): void {
    const { core, tcache } = this;
    const ready = tcache !== 0 && core.probe === undefined;
    this.fastBins = ready ? core.mem.load32(core.state + PARAMETER.tcacheBins) : 0;
    this.fastRoom = core.mem.load32(core.state + PARAMETER.tcacheCount);
    this.fastKey =
      core.profile.tcacheKey === "cache" ? tcache : core.mem.load32(core.state + PARAMETER.tcacheKey);
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
