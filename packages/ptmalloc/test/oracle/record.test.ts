/*
 * Makes the recordings again, where all oracles are at hand: HEAPWRIGHT_RECORD=1 npx vitest run packages/ptmalloc/test/oracle/record
 */
import { describe, test } from "vitest";
import { cores, findOracle } from "./oracle.ts";
import { type StoredRecording, store, writeRecordings } from "./recording-file.ts";
import { type RecordedSet, recordedSets } from "./sources.ts";

const record = (set: RecordedSet): void => {
  const recordings: StoredRecording[] = [];
  for (const trace of set.traces)
    for (const version of set.versions)
      for (const abi of set.abis)
        for (const tcache of [true, false]) {
          const oracle = findOracle(abi, version);
          if (typeof oracle === "string") throw new Error(oracle);
          const mode = { trace, version, abi, tcache, cores };
          recordings.push(store(mode, oracle.run(set.text(trace), tcache)));
        }
  writeRecordings(set.file, recordings);
};

describe.skipIf(process.env["HEAPWRIGHT_RECORD"] !== "1")("recordings", () => {
  for (const set of recordedSets) test(`of ${set.name}`, () => record(set), 600_000);
});
