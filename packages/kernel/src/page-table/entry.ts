/**
 * The low word of a page-table entry, as x86 lays it out. The three bits that the processor leaves to the
 * system hold what Linux keeps there.
 *
 * ```
 *  31                    12 11 10  9   8   7  6  5  4  3  2  1  0
 * +------------------------+------+---+---+--+--+--+--+--+--+--+--+
 * | frame number           |      | S | N |  | D| A|  |  | U| W| P|
 * +------------------------+------+---+---+--+--+--+--+--+--+--+--+
 * ```
 *
 * P present, W writable, U user, A accessed, D dirty, N no access allowed though the page is there (PROT_NONE),
 * S special: the shared zero page. An entry that is not 0 but has neither P nor N set is no mapping:
 *
 * ```
 * | slot of the swap device | 0 ..................... 0  1  0 |   swapped out
 * | 0 ............................................ 0  1  0  0 |   guard marker
 * ```
 *
 * In an eight-byte entry, bit 31 of the high word forbids execution.
 */
export const Pte = {
  /** There is a page, and it may be accessed. */
  PRESENT: 0x1,
  /** It may be written. */
  WRITE: 0x2,
  /** It belongs to user space. */
  USER: 0x4,
  /** The processor has used it. */
  ACCESSED: 0x20,
  /** The processor has written to it. */
  DIRTY: 0x40,
  /** There is a page, but it may not be accessed. */
  NO_ACCESS: 0x100,
  /** It is the shared page of zeros. */
  SPECIAL: 0x200,
} as const;

/** Either of these means that there is a page. */
export const PTE_MAPPED: number = Pte.PRESENT | Pte.NO_ACCESS;
/** An entry that says: this page is guarded. */
export const GUARD_ENTRY = 0x4;
/** High word of an entry whose page may not be executed. */
export const NO_EXECUTE = 0x8000_0000;

const SWAP_MARK = 0x2;

/** The frame that a mapped entry leads to. */
export const frameOf = (entry: number): number => entry >>> 12;
/** Whether an entry maps a page, accessible or not. */
export const isMapped = (entry: number): boolean => (entry & PTE_MAPPED) !== 0;
/** Whether an entry says that the page is in swap. */
export const isSwap = (entry: number): boolean => (entry & (PTE_MAPPED | SWAP_MARK)) === SWAP_MARK;
/** Whether an entry is a guard marker. */
export const isGuard = (entry: number): boolean => entry === GUARD_ENTRY;
/** The entry for a page in that slot of the swap device. */
export const swapEntry = (slot: number): number => ((slot << 12) | SWAP_MARK) >>> 0;
/** The slot of a swap entry. */
export const slotOf = (entry: number): number => entry >>> 12;
