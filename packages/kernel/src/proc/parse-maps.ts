import { InvalidArgumentError } from "@heapwright/allocator";

/** One line of a /proc/PID/maps text. */
export interface MapsEntry {
  readonly start: number;
  readonly end: number;
  /** As in `"rw-p"`. */
  readonly permissions: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** As in `"fe:00"`. */
  readonly device: string;
  readonly inode: number;
  /** Path, name in brackets, or empty. */
  readonly path: string;
}

/** What a /proc/PID/maps text says. */
export interface ParsedMaps {
  /** The process's areas in ascending order. */
  readonly entries: readonly MapsEntry[];
  /** Lines of the kernel's half of the address space (`[vsyscall]`), word for word. */
  readonly kernelLines: readonly string[];
}

const LINE =
  /^([0-9a-f]{8,16})-([0-9a-f]{8,16}) ([r-][w-][x-][ps]) ([0-9a-f]+) ([0-9a-f]+:[0-9a-f]+) (\d+) *(.*)$/;

/**
 * Reads a /proc/PID/maps text.
 *
 * @throws InvalidArgumentError naming the line, when one is not as the kernel writes it or areas overlap.
 */
export const parseMaps = (text: string): ParsedMaps => {
  const entries: MapsEntry[] = [];
  const kernelLines: string[] = [];
  let end = 0;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const match = LINE.exec(line);
    if (match === null)
      throw new InvalidArgumentError("maps", JSON.stringify(line), "lines of /proc/PID/maps");
    const [, from, to, permissions, offset, device, inode, path] = match as unknown as string[];
    if (from!.length > 12) {
      kernelLines.push(line);
      continue;
    }
    const entry: MapsEntry = {
      start: Number.parseInt(from!, 16),
      end: Number.parseInt(to!, 16),
      permissions: permissions!,
      offset: Number.parseInt(offset!, 16),
      device: device!,
      inode: Number(inode),
      path: path!,
    };
    if (entry.start < end || entry.end <= entry.start || entry.start % 4096 !== 0 || entry.end % 4096 !== 0) {
      throw new InvalidArgumentError("maps", JSON.stringify(line), "ascending, page-aligned areas");
    }
    end = entry.end;
    entries.push(entry);
  }
  return { entries, kernelLines };
};
