import { expect } from "vitest";

/** The naive model: live intervals in a plain array, in order. */
export class Intervals {
  size: number;
  readonly live: { offset: number; size: number; alignment: number }[] = [];
  constructor(size: number) {
    this.size = size;
  }

  *gaps(): Generator<[from: number, to: number]> {
    let end = 0;
    for (const { offset, size } of this.live) {
      if (offset > end) yield [end, offset];
      end = offset + size;
    }
    if (end < this.size) yield [end, this.size];
  }
  fits(size: number, alignment: number): boolean {
    for (const [from, to] of this.gaps())
      if (Math.ceil(from / alignment) * alignment + size <= to) return true;
    return false;
  }
  add(offset: number, size: number, alignment: number): void {
    expect(offset % alignment).toBe(0);
    expect(offset + size).toBeLessThanOrEqual(this.size);
    for (const other of this.live) {
      if (offset < other.offset + other.size && other.offset < offset + size) {
        throw new Error(`[${offset}, +${size}) overlaps [${other.offset}, +${other.size})`);
      }
    }
    this.live.push({ offset, size, alignment });
    this.live.sort((a, b) => a.offset - b.offset);
  }
  report(): { totalFreeSpace: number; largestFreeRegion: number; freeRegions: number } {
    const gaps = [...this.gaps()].map(([from, to]) => to - from);
    return {
      totalFreeSpace: gaps.reduce((sum, gap) => sum + gap, 0),
      largestFreeRegion: Math.max(0, ...gaps),
      freeRegions: gaps.length,
    };
  }
}
