import type { MappedObject, VmArea } from "../vma/area.ts";
import type { BackingStore } from "./backing-store.ts";

/** How an object shows in /proc/PID/maps. */
export interface ObjectName {
  /** Device column, as in `"fe:00"`. */
  readonly device: string;
  /** Inode column. */
  readonly inode: number;
  /** Path column. */
  readonly path: string;
}

/**
 * A file, or a shared anonymous memory object, with the index of its pages that are in memory (`address_space`). The
 * page cache is all of these together.
 */
export class CachedObject implements MappedObject {
  readonly id: number;
  size: number;
  readonly isShmem: boolean;
  reserved = 0;
  readonly device: string;
  readonly inode: number;
  readonly path: string;
  readonly areas: Set<VmArea> = new Set();
  /** Where its pages are otherwise; null for memory that has only swap. */
  readonly store: BackingStore | null;
  /** Frame of each page that is in memory, by page number. */
  readonly pages: Map<number, number> = new Map();
  /** Swap slot of each page that is in swap (shared anonymous memory only). */
  readonly slots: Map<number, number> = new Map();

  constructor(id: number, size: number, store: BackingStore | null, name: ObjectName) {
    this.id = id;
    this.size = size;
    this.store = store;
    this.isShmem = store === null;
    this.device = name.device;
    this.inode = name.inode;
    this.path = name.path;
  }
}
