/**
 * The flags of an area (`vm_flags`), with Linux's numbers and, beside each, the two letters by which
 * /proc/PID/smaps names it.
 */
export const Vm = {
  /** `rd`: may be read. */
  READ: 0x1,
  /** `wr`: may be written. */
  WRITE: 0x2,
  /** `ex`: may be executed. */
  EXEC: 0x4,
  /** `sh`: shared, and its file open for writing. */
  SHARED: 0x8,
  /** `mr`: may be made readable. */
  MAYREAD: 0x10,
  /** `mw`: may be made writable. */
  MAYWRITE: 0x20,
  /** `me`: may be made executable. */
  MAYEXEC: 0x40,
  /** `ms`: mapped as shared. */
  MAYSHARE: 0x80,
  /** `gd`: grows downwards. */
  GROWSDOWN: 0x100,
  /** `pf`: frames without pages behind them. */
  PFNMAP: 0x400,
  /** `gu`: has had guards installed. */
  MAYBE_GUARD: 0x800,
  /** `lo`: locked in memory. */
  LOCKED: 0x2000,
  /** `io`: a device's memory. */
  IO: 0x4000,
  /** `sr`: accessed in order. */
  SEQ_READ: 0x8000,
  /** `rr`: accessed in no order. */
  RAND_READ: 0x1_0000,
  /** `dc`: not for children. */
  DONTCOPY: 0x2_0000,
  /** `de`: must not grow. */
  DONTEXPAND: 0x4_0000,
  /** `lf`: locked as it is touched. */
  LOCKONFAULT: 0x8_0000,
  /** `ac`: charged against the commit limit. */
  ACCOUNT: 0x10_0000,
  /** `nr`: not to be charged. */
  NORESERVE: 0x20_0000,
  /** `ht`: made of huge pages of the pool (MAP_HUGETLB). */
  HUGETLB: 0x40_0000,
  /** `sf`: faults write through to the device (MAP_SYNC). */
  SYNC: 0x80_0000,
  /** `wf`: zeros for children. */
  WIPEONFORK: 0x200_0000,
  /** `dd`: not in core dumps. */
  DONTDUMP: 0x400_0000,
  /** `hg`: huge pages wanted. */
  HUGEPAGE: 0x2000_0000,
  /** `nh`: no huge pages. */
  NOHUGEPAGE: 0x4000_0000,
  /** `mg`: equal pages may be merged. Bit 31 in Linux, which would not be positive here. */
  MERGEABLE: 0x1000_0000,
  /** `dp`: may be dropped under pressure. Bit 40 in Linux. */
  DROPPABLE: 0x800_0000,
} as const;

/** Read, write and execute. */
export const VM_ACCESS: number = Vm.READ | Vm.WRITE | Vm.EXEC;
/** What the access bits may be raised to. */
export const VM_MAY_ACCESS: number = Vm.MAYREAD | Vm.MAYWRITE | Vm.MAYEXEC;
/** Locked, now or on fault. */
export const VM_LOCKED_MASK: number = Vm.LOCKED | Vm.LOCKONFAULT;
/** Areas that no rule may join, lock or drop from: the kernel's own special mappings. */
export const VM_SPECIAL: number = Vm.IO | Vm.DONTEXPAND | Vm.PFNMAP;
/** What does not keep areas from joining; the joined area has it when any part had. */
export const VM_STICKY: number = Vm.MAYBE_GUARD;
/** What memory of the break has. */
export const VM_DATA_DEFAULT: number = Vm.READ | Vm.WRITE | VM_MAY_ACCESS;

const letters: readonly (readonly [number, string])[] = [
  [Vm.READ, "rd"],
  [Vm.WRITE, "wr"],
  [Vm.EXEC, "ex"],
  [Vm.SHARED, "sh"],
  [Vm.MAYREAD, "mr"],
  [Vm.MAYWRITE, "mw"],
  [Vm.MAYEXEC, "me"],
  [Vm.MAYSHARE, "ms"],
  [Vm.GROWSDOWN, "gd"],
  [Vm.PFNMAP, "pf"],
  [Vm.MAYBE_GUARD, "gu"],
  [Vm.LOCKED, "lo"],
  [Vm.IO, "io"],
  [Vm.SEQ_READ, "sr"],
  [Vm.RAND_READ, "rr"],
  [Vm.DONTCOPY, "dc"],
  [Vm.DONTEXPAND, "de"],
  [Vm.LOCKONFAULT, "lf"],
  [Vm.ACCOUNT, "ac"],
  [Vm.NORESERVE, "nr"],
  [Vm.HUGETLB, "ht"],
  [Vm.SYNC, "sf"],
  [Vm.WIPEONFORK, "wf"],
  [Vm.DONTDUMP, "dd"],
  [Vm.HUGEPAGE, "hg"],
  [Vm.NOHUGEPAGE, "nh"],
  [Vm.MERGEABLE, "mg"],
  [Vm.DROPPABLE, "dp"],
];

/** The two-letter names of the flags that are set, in the order of /proc/PID/smaps. */
export const flagLetters = (flags: number): string[] =>
  letters.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name);

/** The permission column of /proc/PID/maps, as in `"rw-p"`. */
export const permissions = (flags: number): string =>
  (flags & Vm.READ ? "r" : "-") +
  (flags & Vm.WRITE ? "w" : "-") +
  (flags & Vm.EXEC ? "x" : "-") +
  (flags & Vm.MAYSHARE ? "s" : "p");

/** Whether any access at all is allowed. */
export const isAccessible = (flags: number): boolean => (flags & VM_ACCESS) !== 0;
/** Whether the area counts as data (VmData): private, writable and no stack. */
export const isData = (flags: number): boolean =>
  (flags & (Vm.WRITE | Vm.SHARED | Vm.GROWSDOWN)) === Vm.WRITE;
/** Whether the area counts as code (VmExe and VmLib): executable, not writable, no stack. */
export const isCode = (flags: number): boolean => (flags & (Vm.EXEC | Vm.WRITE | Vm.GROWSDOWN)) === Vm.EXEC;
/** Whether the area grows down, and so counts as stack (VmStk). */
export const isStack = (flags: number): boolean => (flags & Vm.GROWSDOWN) !== 0;
/** Whether memory of the area is charged against the commit limit: private, writable, reserved. */
export const isAccountable = (flags: number): boolean =>
  (flags & (Vm.NORESERVE | Vm.SHARED | Vm.WRITE | Vm.HUGETLB)) === Vm.WRITE;
