import { PAGE_SIZE as PAGE } from "../abi/page.ts";
import type { BackingStore } from "./backing-store.ts";

/** What a {@link FileStore} needs of `node:fs`, which fits as it is. */
export interface FileSystem {
  /** Opens a file; a number that stands for it. */
  openSync(path: string, flags: string): number;
  /** Reads up to `length` bytes at `position`; how many. */
  readSync(file: number, target: Uint8Array, offset: number, length: number, position: number): number;
  /** Writes up to `length` bytes at `position`; how many. */
  writeSync(file: number, source: Uint8Array, offset: number, length: number, position: number): number;
  /** Cuts or lengthens a file. */
  ftruncateSync(file: number, length: number): void;
  /** Closes a file. */
  closeSync(file: number): void;
}

/**
 * A backing store on a real file: for the pages of a mapped file, or as a swap device. The file system is handed in, so
 * that this package runs where there is none.
 *
 * @example
 * ```ts
 * import fs from "node:fs";
 * import { FileStore, Machine } from "@heapwright/kernel";
 *
 * const store = FileStore.open(fs, "swap.img");
 * const machine = new Machine({ swapPages: 1024, swapStore: store });
 * // ...
 * store.close();
 * fs.rmSync("swap.img");
 * ```
 */
export class FileStore implements BackingStore {
  readonly #fs: FileSystem;
  readonly #descriptor: number;

  private constructor(fs: FileSystem, descriptor: number) {
    this.#fs = fs;
    this.#descriptor = descriptor;
  }

  /**
   * Opens a file for reading and writing, and makes it when it does not exist.
   *
   * @throws the file system's own error when the file cannot be opened.
   */
  static open(fs: FileSystem, path: string): FileStore {
    try {
      return new FileStore(fs, fs.openSync(path, "r+"));
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") throw error;
      return new FileStore(fs, fs.openSync(path, "wx+"));
    }
  }

  /** @throws the file system's own error when the file cannot be read. */
  readPage(index: number, target: Uint8Array): void {
    let done = 0;
    while (done < PAGE) {
      const count = this.#fs.readSync(this.#descriptor, target, done, PAGE - done, index * PAGE + done);
      if (count === 0) break;
      done += count;
    }
    target.fill(0, done, PAGE);
  }

  /** @throws the file system's own error when the file cannot be written. */
  writePage(index: number, source: Uint8Array): void {
    for (let done = 0; done < PAGE; ) {
      done += this.#fs.writeSync(this.#descriptor, source, done, PAGE - done, index * PAGE + done);
    }
  }

  /** No call punches holes: the pages are overwritten with zeros, and the end is left as it is. */
  discardPages(from: number, to: number): void {
    const zeros = new Uint8Array(PAGE);
    const probe = new Uint8Array(1);
    for (let index = from; index < to; index++) {
      if (this.#fs.readSync(this.#descriptor, probe, 0, 1, index * PAGE) === 0) return;
      this.writePage(index, zeros);
    }
  }

  /** Cuts or lengthens the file to `bytes`. */
  resize(bytes: number): void {
    this.#fs.ftruncateSync(this.#descriptor, bytes);
  }

  /** Closes the file; the store must not be used afterwards. */
  close(): void {
    this.#fs.closeSync(this.#descriptor);
  }
}
