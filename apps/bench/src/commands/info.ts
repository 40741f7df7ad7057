import { traceStatistics } from "@heapwright/trace";
import type { Command } from "commander";
import { bytes, percent } from "../report/format.ts";
import { loadTrace } from "../traces/load.ts";

export const register = (program: Command): void => {
  program
    .command("info")
    .description("show what a trace holds: operations, sizes, lifetimes, threads")
    .argument("<trace>", "a trace file (plain or gzip) or the name of a bundled one")
    .option("--json", "print it as JSON")
    .action(async (nameOrPath: string, { json }: { json?: boolean }) => {
      const { name, trace } = await loadTrace(nameOrPath);
      const statistics = traceStatistics(trace);
      const { program: traced, length, slotCount, peakLiveBytes, threadCount } = trace;
      if (json) {
        const all = {
          name,
          program: traced,
          ops: length,
          slots: slotCount,
          peakLiveBytes,
          threads: threadCount,
        };
        process.stdout.write(`${JSON.stringify({ ...all, ...statistics }, null, 2)}\n`);
        return;
      }
      const { kinds, sizes, shares, liveAtEnd } = statistics;
      const rows: [string, string][] = [
        ["program", traced],
        ["operations", String(length)],
        ["", `${kinds.allocate} malloc, ${kinds.zeroed} calloc, ${kinds.aligned} memalign`],
        ["", `${kinds.reallocate} realloc, ${kinds.free} free`],
        ["threads", String(threadCount)],
        ["requested", `${bytes(statistics.requestedBytes)} in ${statistics.requests} requests`],
        [
          "sizes",
          `half up to ${sizes.p50} B, 90% up to ${sizes.p90} B, 99% up to ${sizes.p99} B, largest ${sizes.max} B`,
        ],
        [
          "",
          `${percent(shares.upTo64)} up to 64 B, ${percent(shares.upTo512)} up to 512 B, ${shares.from128K} of 128 KiB or more`,
        ],
        [
          "peak live",
          `${bytes(peakLiveBytes)} (${peakLiveBytes} bytes), ${statistics.peakLiveBlocks} blocks`,
        ],
        ["live at the end", `${bytes(liveAtEnd.bytes)}, ${liveAtEnd.blocks} blocks`],
        ["lifetime", `half of the freed blocks lived no longer than ${statistics.medianLifetime} operations`],
      ];
      process.stdout.write(
        `${name}\n${rows.map(([key, value]) => `  ${key.padEnd(17)}${value}\n`).join("")}`,
      );
    });
};
