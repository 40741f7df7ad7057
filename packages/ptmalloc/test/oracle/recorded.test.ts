/*
 * The model against recordings of the real library, on any machine: every pointer, every break, the final memory map.
 */
import { parseTrace } from "@heapwright/trace";
import { describe, expect, test } from "vitest";
import { startProcess } from "../../../../apps/bench/src/placement/process-image.ts";
import { replay, threadsOf } from "../../../../apps/bench/src/placement/replay.ts";
import { differenceFrom, readRecordings, type StoredRecording } from "./recording-file.ts";
import { recordedSets } from "./sources.ts";

const check = (stored: StoredRecording, text: string | Uint8Array): void => {
  const { abi, tcache } = stored;
  const trace = parseTrace(text);
  const image = startProcess(
    { abi, tcache, profile: `glibc-${stored.version}`, cores: stored.cores, maps: stored.before },
    threadsOf(trace),
  );
  expect(differenceFrom(stored, replay(trace, image).toBytes())).toBeUndefined();
  expect(image.maps()).toBe(stored.after);
};

for (const set of recordedSets) {
  describe(set.name, () => {
    const all = readRecordings(set.file);
    for (const trace of set.traces) {
      const recordings = all.filter((stored) => stored.trace === trace);
      test(`${trace} in ${recordings.length} modes`, () => {
        const text = set.text(trace);
        expect(recordings.length).toBe(2 * set.abis.length * set.versions.length);
        for (const stored of recordings) {
          const mode = `${stored.version} ${stored.abi} tcache ${stored.tcache ? "on" : "off"}`;
          expect(() => check(stored, text), mode).not.toThrow();
        }
      }, 120_000);
    }
  });
}
