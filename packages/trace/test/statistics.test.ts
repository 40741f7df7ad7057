import { TraceBuilder, traceStatistics } from "@heapwright/trace";
import { expect, test } from "vitest";

test("a trace in numbers", () => {
  const builder = new TraceBuilder();
  builder.allocate(0, 64);
  builder.zeroed(1, 2, 256);
  builder.aligned(2, 64, 513);
  builder.reallocate(0, 131072);
  builder.free(1);
  builder.free(0);
  expect(traceStatistics(builder.finish("test"))).toEqual({
    kinds: { allocate: 1, zeroed: 1, aligned: 1, reallocate: 1, free: 2 },
    requests: 4,
    requestedBytes: 64 + 512 + 513 + 131072,
    sizes: { p50: 512, p90: 131072, p99: 131072, max: 131072 },
    shares: { upTo64: 0.25, upTo512: 0.5, from128K: 1 },
    peakLiveBlocks: 3,
    liveAtEnd: { blocks: 1, bytes: 513 },
    medianLifetime: 3,
  });
});

test("no operations at all", () => {
  const statistics = traceStatistics(new TraceBuilder().finish(""));
  expect([
    statistics.requests,
    statistics.shares.upTo64,
    statistics.sizes.max,
    statistics.medianLifetime,
  ]).toEqual([0, 0, 0, 0]);
});
