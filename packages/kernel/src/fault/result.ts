/**
 * What became of a page fault. Done, or why not; the latter are negative.
 */
export const Fault = {
  /** Served from memory. */
  MINOR: 0,
  /** Served after reading from a device. */
  MAJOR: 1,
  /** SIGSEGV, SEGV_MAPERR: nothing is mapped there, or a guard is. */
  MAPERR: -1,
  /** SIGSEGV, SEGV_ACCERR: the area does not allow it. */
  ACCERR: -2,
  /** SIGSEGV, SEGV_PKUERR: the area may only be executed. */
  PKUERR: -3,
  /** SIGBUS, BUS_ADRERR: the page lies beyond the end of the file. */
  ADRERR: -4,
  /** No page frame could be found or freed. */
  OOM: -5,
} as const;
