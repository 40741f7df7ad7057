/*
 * Which traces there are recordings of, and where their text comes from.
 */
import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { exhaustingSteps } from "../fuzz/exhaustion.ts";
import { randomSteps } from "../fuzz/generator.ts";
import { scriptText } from "../fuzz/script.ts";
import type { Abi, Version } from "./oracle.ts";

/** A file of recordings and the traces that it is of. */
export interface RecordedSet {
  readonly name: string;
  readonly file: URL;
  readonly versions: readonly Version[];
  readonly abis: readonly Abi[];
  readonly traces: readonly string[];
  /** The text of one of them. */
  text(trace: string): string | Uint8Array;
}

const CASES = new URL("../exactness/cases/", import.meta.url);
const BUNDLED = new URL("../../../../apps/bench/traces/", import.meta.url);
const BOTH: readonly Abi[] = ["i386", "x86_64"];
const ALL: readonly Version[] = ["2.36", "2.31", "2.41"];
/** Seeds whose traces are small enough for every test run. */
const SEEDS: readonly number[] = [1, 2, 6, 9, 10, 11, 12, 14, 15, 20];

/** The cases that were once wrong, shrunk, and what else is worth keeping by name. */
const cases: RecordedSet = {
  name: "shrunk traces",
  file: new URL("../exactness/recordings.json.gz", import.meta.url),
  versions: ALL,
  abis: BOTH,
  traces: readdirSync(CASES).sort(),
  text: (trace) => readFileSync(new URL(trace, CASES)),
};

const random: RecordedSet = {
  name: "random traces",
  file: new URL("../fixtures/random.json.gz", import.meta.url),
  versions: ALL,
  abis: BOTH,
  traces: SEEDS.map((seed) => `seed ${seed}`),
  text: (trace) => scriptText(randomSteps(Number(trace.slice(5))), trace),
};

const exhausting: RecordedSet = {
  name: "traces that use up the address space",
  file: new URL("../fixtures/exhausting.json.gz", import.meta.url),
  versions: ["2.36", "2.41"],
  abis: ["i386"],
  traces: ["seed 4"],
  text: (trace) => scriptText(exhaustingSteps(Number(trace.slice(5))), trace),
};

const real: RecordedSet = {
  name: "real traces",
  file: new URL("../fixtures/real.json.gz", import.meta.url),
  versions: ["2.36"],
  abis: BOTH,
  traces: readdirSync(BUNDLED)
    .filter((name) => name.endsWith(".trace.gz"))
    .sort(),
  text: (trace) => gunzipSync(readFileSync(new URL(trace, BUNDLED))),
};

export const recordedSets: readonly RecordedSet[] = [cases, random, exhausting, real];
