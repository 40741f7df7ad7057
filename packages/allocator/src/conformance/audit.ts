import type { Allocator } from "../allocator.ts";
import { hasFootprint, type Inspectable, isInspectable } from "../capabilities.ts";
import type { BlockInfo, HeapStats } from "../stats.ts";
import { expect, hex } from "./assert.ts";
import type { Settings } from "./options.ts";
import type { Shadow } from "./shadow.ts";

/**
 * How far a payload may reach over the end of its block: glibc's chunks lend the next one's first word to the
 * user.
 */
const OVERHANG = 16;

/** Beyond this many live bytes, the bytes of all blocks are verified at the end only, not after each step. */
const VERIFY_EACH_STEP = 256 * 1024;

/** Holds everything that an allocator says of itself against what the shadow knows. O(heap). */
export const audit = (allocator: Allocator, shadow: Shadow, settings: Settings): void => {
  if (shadow.requested <= VERIFY_EACH_STEP) shadow.verifyAll();
  if (!isInspectable(allocator)) return;
  const faults = allocator.check();
  expect(
    faults.length === 0,
    `check() found ${faults.length} faults in a sound heap, first at ${hex(faults[0]?.address ?? 0)}: ${faults[0]?.fault}`,
  );
  const stats = allocator.stats();
  auditStats(allocator, stats, shadow, settings);
  auditWalk(allocator, stats, shadow);
};

const auditStats = (allocator: Allocator, stats: HeapStats, shadow: Shadow, settings: Settings): void => {
  for (const [field, value] of Object.entries(stats) as [string, number][]) {
    expect(Number.isSafeInteger(value) && value >= 0, `stats().${field} is ${value}`);
  }
  const { heapBytes, allocatedBytes, freeBytes, liveBlocks, largestFreeBytes } = stats;
  const live = shadow.blocks.length;
  expect(liveBlocks === live, `stats().liveBlocks is ${liveBlocks}, but ${live} blocks are live`);
  expect(
    allocatedBytes >= shadow.requested,
    `stats().allocatedBytes is ${allocatedBytes}, less than the ${shadow.requested} bytes asked for`,
  );
  if (live === 0 && settings.reuses) {
    expect(allocatedBytes === 0, `stats().allocatedBytes is ${allocatedBytes}, but no block is live`);
  }
  expect(
    allocatedBytes + freeBytes <= heapBytes,
    `stats() counts ${allocatedBytes} allocated and ${freeBytes} free bytes in a heap of ${heapBytes}`,
  );
  expect(
    largestFreeBytes <= freeBytes,
    `stats().largestFreeBytes is ${largestFreeBytes}, freeBytes only ${freeBytes}`,
  );
  const { byteLength } = allocator.memory;
  expect(heapBytes <= byteLength, `stats().heapBytes is ${heapBytes} in a memory of ${byteLength} bytes`);
  if (hasFootprint(allocator)) {
    const footprint = allocator.footprint();
    expect(footprint === heapBytes, `footprint() is ${footprint}, stats().heapBytes ${heapBytes}`);
  }
};

const auditWalk = (allocator: Inspectable, stats: HeapStats, shadow: Shadow): void => {
  let end = 0;
  let liveBytes = 0;
  let freeBytes = 0;
  const payloads = new Map<number, BlockInfo>();
  for (const block of allocator.walk()) {
    const { address, size, state, payload } = block;
    const what = `walk()'s ${state} block ${hex(address)} of ${size} bytes`;
    expect(Number.isSafeInteger(address) && Number.isSafeInteger(size) && size > 0, `${what} is no range`);
    expect(address >= end, `${what} begins before the end ${hex(end)} of the one before it`);
    end = address + size;
    expect(end <= allocator.memory.byteLength, `${what} ends beyond the memory`);
    if (state === "live") {
      liveBytes += size;
      expect(
        payload !== undefined && payload >= address && payload <= end,
        `${what} has its payload at ${payload}`,
      );
      payloads.set(payload, block);
    } else if (state !== "meta") freeBytes += size;
  }
  for (const { address, size } of shadow.blocks) {
    const block = payloads.get(address);
    expect(block !== undefined, `walk() does not show the live block ${hex(address)} as live`);
    expect(
      address + size <= block.address + block.size + OVERHANG,
      `walk() shows ${block.size} bytes for the live block ${hex(address)} of ${size}`,
    );
  }
  expect(
    payloads.size === shadow.blocks.length,
    `walk() shows ${payloads.size} live blocks, but ${shadow.blocks.length} are live`,
  );
  expect(
    liveBytes === stats.allocatedBytes,
    `walk() shows ${liveBytes} bytes in live blocks, stats().allocatedBytes is ${stats.allocatedBytes}`,
  );
  expect(
    freeBytes === stats.freeBytes,
    `walk() shows ${freeBytes} bytes in free, cached and top blocks, stats().freeBytes is ${stats.freeBytes}`,
  );
};
