import { HeapwrightError } from "@heapwright/allocator";

/**
 * Linux's error numbers (x86). Inside the kernel a system call answers as Linux's own functions do: a result of 0 or
 * more, or a negated error number. Only the public surface turns the latter into a thrown {@link SystemError}.
 */
export const Errno = {
  /** Operation not permitted. */
  EPERM: 1,
  /** Input/output error. */
  EIO: 5,
  /** Bad file descriptor. */
  EBADF: 9,
  /** Try again; also over the limit of locked memory. */
  EAGAIN: 11,
  /** No memory, no address space, or nothing mapped there. */
  ENOMEM: 12,
  /** Permission denied. */
  EACCES: 13,
  /** Bad address. */
  EFAULT: 14,
  /** Device or resource busy. */
  EBUSY: 16,
  /** Something is mapped there already. */
  EEXIST: 17,
  /** No such device. */
  ENODEV: 19,
  /** Invalid argument. */
  EINVAL: 22,
  /** File too large. */
  EFBIG: 27,
  /** No space left on device. */
  ENOSPC: 28,
  /** Value too large. */
  EOVERFLOW: 75,
  /** Operation not supported. */
  EOPNOTSUPP: 95,
} as const;

/** The name of an error number, as in `"ENOMEM"`. */
export type ErrnoName = keyof typeof Errno;

/** The words that libuv, and so Node, gives to each error. */
const words: Record<ErrnoName, string> = {
  EPERM: "operation not permitted",
  EIO: "i/o error",
  EBADF: "bad file descriptor",
  EAGAIN: "resource temporarily unavailable",
  ENOMEM: "not enough memory",
  EACCES: "permission denied",
  EFAULT: "bad address in system call argument",
  EBUSY: "resource busy or locked",
  EEXIST: "file already exists",
  ENODEV: "no such device",
  EINVAL: "invalid argument",
  EFBIG: "file too large",
  ENOSPC: "no space left on device",
  EOVERFLOW: "value too large for defined data type",
  EOPNOTSUPP: "operation not supported on socket",
};

const names: ReadonlyMap<number, ErrnoName> = new Map(
  (Object.keys(Errno) as ErrnoName[]).map((name) => [Errno[name], name]),
);

/** The name of an error number (its sign does not matter), as in `"ENOMEM"`; `"E<number>"` when it has none here. */
export const errnoName = (errno: number): string => names.get(Math.abs(errno)) ?? `E${Math.abs(errno)}`;

/**
 * A system call that failed, in the shape of Node's own errors.
 *
 * @example
 * ```ts
 * import { SystemError } from "@heapwright/kernel";
 *
 * const error = new SystemError(-12, "mmap");
 * error.code; // "ENOMEM"
 * error.message; // "ENOMEM: not enough memory, mmap"
 * ```
 */
export class SystemError extends HeapwrightError {
  /** The class's name. */
  override readonly name = "SystemError";
  /** The error's name, as in `"ENOMEM"`. */
  readonly code: string;
  /** The negated error number, as Node shows it: -12 for ENOMEM. */
  readonly errno: number;
  /** The system call, as in `"mmap"`. */
  readonly syscall: string;

  /** @param errno The error number; its sign does not matter. */
  constructor(errno: number, syscall: string) {
    const code = errnoName(errno);
    super(`${code}: ${words[code as ErrnoName] ?? "unknown error"}, ${syscall}`);
    this.code = code;
    this.errno = -Math.abs(errno);
    this.syscall = syscall;
  }
}
