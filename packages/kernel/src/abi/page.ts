/** Bytes in a page. i386 and x86-64 agree on it, and so do all tables and counters here. */
export const PAGE_SIZE = 4096;
/** log2 of {@link PAGE_SIZE}. */
export const PAGE_SHIFT = 12;

/** The greatest multiple of the page size that is not above `address`. Safe up to 2^53, unlike a mask. */
export const pageFloor = (address: number): number => address - (address % PAGE_SIZE);

/** The smallest multiple of the page size that is not below `address`. */
export const pageCeil = (address: number): number => pageFloor(address + PAGE_SIZE - 1);

/** The number of the page that holds `address`. */
export const pageOf = (address: number): number => Math.floor(address / PAGE_SIZE);

/** Whether `address` begins a page. */
export const isPageAligned = (address: number): boolean => address % PAGE_SIZE === 0;
