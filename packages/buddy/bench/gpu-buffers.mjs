// Runs the recorded stream of GPU buffer requests over the strategies with external metadata, side by side.
//
//   npx tsc -b packages/buddy && node packages/buddy/bench/gpu-buffers.mjs
//
// "smallest range" is the least range (by hundredths) that serves every request of the stream, over the peak payload. The other
// columns are taken in one range of 1.5 times the peak payload: requests refused; bytes lost to rounding, over the payload,
// at the peak; the mean over the stream of the largest free region over all free space; the least largest free region, MB.
import { readFileSync } from "node:fs";
import { NO_SPACE, OffsetAllocator, RangeBuddy } from "../dist/index.js";

const stream = readFileSync(new URL("../test/fixtures/gpu-buffers.txt", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => {
    const [what, id, size, alignment] = line.split(" ");
    return { allocate: what === "a", id: Number(id), size: Number(size), alignment: Number(alignment) };
  });

const strategies = {
  "OffsetAllocator, bytes": (size) => OffsetAllocator.create(size),
  "OffsetAllocator, 256": (size) => OffsetAllocator.create(size, { granularity: 256 }),
  "buddy, tail given back": (size) => RangeBuddy.create(size),
  "buddy, tail kept": (size) => RangeBuddy.create(size, { tail: "keep" }),
};

const peakPayload = () => {
  const sizes = new Map();
  let live = 0;
  let peak = 0;
  for (const { allocate, id, size } of stream) {
    live += allocate ? size : -sizes.get(id);
    if (allocate) sizes.set(id, size);
    peak = Math.max(peak, live);
  }
  return peak;
};

const run = (allocator, observe) => {
  const live = new Map();
  let payload = 0;
  let refused = 0;
  for (const { allocate, id, size, alignment } of stream) {
    if (allocate) {
      const offset = allocator.allocate(size, alignment);
      if (offset === NO_SPACE) refused++;
      else {
        live.set(id, { offset, size });
        payload += size;
      }
    } else if (live.has(id)) {
      allocator.free(live.get(id).offset);
      payload -= live.get(id).size;
      live.delete(id);
    }
    observe?.(payload);
  }
  return refused;
};

const peak = peakPayload();
const MB = 1e6;
console.log(`${stream.length} requests, peak payload ${(peak / MB).toFixed(1)} MB`);

// Whether a range serves the stream is no monotone function of its size, so sizes are tried upwards, not bisected.
const smallest = (create) => {
  let factor = 100;
  while (run(create(Math.ceil((peak * factor) / 100 / 65536) * 65536)) > 0) factor++;
  return factor / 100;
};

const time = (create, size) => {
  const times = [];
  for (let i = 0; i < 9; i++) {
    const allocator = create(size);
    const start = process.hrtime.bigint();
    run(allocator);
    times.push(Number(process.hrtime.bigint() - start) / stream.length);
  }
  return times.sort((a, b) => a - b)[4];
};

const rows = Object.entries(strategies).map(([strategy, create]) => {
  const size = Math.ceil((peak * 1.5) / 65536) * 65536;
  const allocator = create(size);
  let rounding = 0;
  let most = 0;
  let usable = 0;
  let samples = 0;
  let leastLargest = size;
  const refused = run(allocator, (payload) => {
    const { totalFreeSpace, largestFreeRegion } = allocator.storageReport();
    if (payload > most) {
      most = payload;
      rounding = allocator.size - totalFreeSpace - payload;
    }
    usable += largestFreeRegion / Math.max(totalFreeSpace, 1);
    samples++;
    leastLargest = Math.min(leastLargest, largestFreeRegion);
  });
  return {
    strategy,
    "smallest range": smallest(create).toFixed(2),
    refused,
    "rounding at peak": `${((100 * rounding) / most).toFixed(2)} %`,
    "largest / free": (usable / samples).toFixed(3),
    "least largest": (leastLargest / MB).toFixed(2),
    "ns/request": time(create, size).toFixed(0),
  };
});
console.table(rows);
