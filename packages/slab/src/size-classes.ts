/*
 * The general caches behind kmalloc: which sizes there are.
 */

/** Sizes of the general caches: `"powers"` or `"kernel"`. */
export type SizeClasses =
  /** 32, 64, 128 ... 128 KiB: classic Linux (2.x on machines with 4 KiB pages). */
  | "powers"
  /** 8, 16, 32, 64, 96, 128, 192, 256 ... 8 KiB: today's Linux; larger blocks come straight from the page allocator. */
  | "kernel";

/** One general cache. */
export interface SizeClass {
  /** Name in slabinfo. */
  readonly name: string;
  /** Bytes of its objects. */
  readonly size: number;
  /** Alignment of its objects, bytes: the largest power of two that divides the size. */
  readonly align: number;
}

const sizeClass = (prefix: string, label: string, size: number): SizeClass => ({
  name: `${prefix}-${label}`,
  size,
  align: size & -size,
});

const kernelLabel = (size: number): string => (size < 1024 ? `${size}` : `${size / 1024}k`);

/**
 * The general caches in ascending order of size.
 *
 * Every one is naturally aligned as in Linux since 5.4: an object whose size is a power of two is aligned to its size,
 * one of 96 or 192 bytes to 32 or 64.
 */
export const sizeClasses = (kind: SizeClasses): readonly SizeClass[] =>
  kind === "kernel"
    ? [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192].map((size) =>
        sizeClass("kmalloc", kernelLabel(size), size),
      )
    : Array.from({ length: 13 }, (_, n) => sizeClass("size", `${32 * 2 ** n}`, 32 * 2 ** n));
