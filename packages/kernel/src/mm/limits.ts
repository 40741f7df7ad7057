const MIB = 1024 * 1024;

/** The resource limits (bytes, `Infinity` for none) that memory calls obey. setrlimit(2). */
export class Limits {
  /** RLIMIT_AS: all areas together. */
  as: number = Number.POSITIVE_INFINITY;
  /** RLIMIT_DATA: private writable memory. */
  data: number = Number.POSITIVE_INFINITY;
  /** RLIMIT_STACK: one area that grows down. */
  stack: number = 8 * MIB;
  /** RLIMIT_MEMLOCK: locked memory. */
  memlock: number = 8 * MIB;
  /** The hard limits: what the soft ones may be raised to. */
  readonly hard: Readonly<Record<LimitName, number>> = {
    as: Number.POSITIVE_INFINITY,
    data: Number.POSITIVE_INFINITY,
    stack: Number.POSITIVE_INFINITY,
    memlock: 8 * MIB,
  };

  /** Takes over another process's soft limits. */
  copy(from: Limits): void {
    this.as = from.as;
    this.data = from.data;
    this.stack = from.stack;
    this.memlock = from.memlock;
  }
}

/** The names of the limits. */
export type LimitName = "as" | "data" | "stack" | "memlock";
