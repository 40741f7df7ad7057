/*
 * Random traces on the model and on the live C library: no difference, in pointers, breaks and final memory maps.
 *
 *   HEAPWRIGHT_FUZZ   how many seeds (default 5); each is run on both ABIs, tcache on and off
 *   HEAPWRIGHT_SEED   the first seed
 *   HEAPWRIGHT_VERSIONS  glibc versions, where fetch.sh has fetched others: "2.36 2.31 2.41"
 *
 * `node packages/ptmalloc/test/fuzz/fuzz.mjs --count 200 --seed 1` sets these. A failing trace is shrunk and printed; add it to
 * ../exactness with the words that the library gives.
 */
import { describe, expect, test } from "vitest";
import { compareWithOracle } from "../oracle/compare.ts";
import { type Abi, findOracle, type Oracle, type Version } from "../oracle/oracle.ts";
import { exhaustingSteps } from "./exhaustion.ts";
import { randomSteps } from "./generator.ts";
import { type Step, scriptText } from "./script.ts";
import { shrink } from "./shrink.ts";

const count = Number(process.env["HEAPWRIGHT_FUZZ"] ?? 5);
const first = Number(process.env["HEAPWRIGHT_SEED"] ?? 1);
const versions = (process.env["HEAPWRIGHT_VERSIONS"] ?? "2.36").split(" ") as Version[];
const abis: readonly Abi[] = ["i386", "x86_64"];
/** A failing mode is reported with its first traces only. */
const MAX_FAILURES = 3;

/** Every tenth trace of more than a few uses up the address space, which only i386's is small enough for. */
const stepsFor =
  (abi: Abi) =>
  (seed: number): Step[] =>
    count > 10 && abi === "i386" && seed % 10 === 0 ? exhaustingSteps(seed) : randomSteps(seed);

const failureOf = (
  oracle: Oracle,
  tcache: boolean,
  steps: readonly Step[],
  name: string,
): string | undefined => {
  const difference = compareWithOracle(oracle, scriptText(steps, name), tcache);
  return difference?.text;
};

const report = (oracle: Oracle, tcache: boolean, steps: readonly Step[], name: string): string => {
  const fails = (candidate: readonly Step[]): boolean =>
    candidate.length > 0 && failureOf(oracle, tcache, candidate, name) !== undefined;
  const least = shrink(steps, fails);
  return `${name}\n${failureOf(oracle, tcache, least, name)}\n${scriptText(least, name)}`;
};

for (const version of versions) {
  for (const abi of abis) {
    const oracle = findOracle(abi, version);
    const stepsOf = stepsFor(abi);
    const reason = typeof oracle === "string" ? `: ${oracle}` : "";
    describe.skipIf(typeof oracle === "string")(`glibc ${version} on ${abi}${reason}`, () => {
      for (const tcache of [true, false]) {
        test(`${count} random traces, tcache ${tcache ? "on" : "off"}`, () => {
          const failures: string[] = [];
          for (let seed = first; seed < first + count && failures.length < MAX_FAILURES; seed++) {
            const steps = stepsOf(seed);
            const name = `seed ${seed}`;
            if (failureOf(oracle as Oracle, tcache, steps, name) === undefined) continue;
            failures.push(report(oracle as Oracle, tcache, steps, name));
          }
          expect(failures.join("\n")).toBe("");
        }, 3_600_000);
      }
    });
  }
}
