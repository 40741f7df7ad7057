/*
 * Traces against the live oracle, where there is one: the bundled ones, or others that are named:
 * `HEAPWRIGHT_TRACES="a.trace.gz b.trace" npx vitest run packages/ptmalloc/test/oracle`,
 * or `node packages/ptmalloc/test/oracle/matrix.mjs a.trace.gz b.trace`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { compareWithOracle } from "./compare.ts";
import { type Abi, findOracle, type Version } from "./oracle.ts";

const abis: readonly Abi[] = ["i386", "x86_64"];
const bundled = new URL("../../../../apps/bench/traces/", import.meta.url);
const named = (process.env["HEAPWRIGHT_TRACES"] ?? "").split(" ").filter((path) => path !== "");
const paths =
  named.length > 0
    ? named
    : readdirSync(bundled)
        .filter((name) => name.endsWith(".trace.gz"))
        .map((name) => fileURLToPath(new URL(name, bundled)));
const missing = abis.map((abi) => findOracle(abi)).find((oracle) => typeof oracle === "string");
const versions = (process.env["HEAPWRIGHT_VERSIONS"] ?? "2.36").split(" ") as Version[];

const textOf = (path: string): Buffer => {
  const bytes = readFileSync(path);
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
};

describe.skipIf(named.length === 0 && missing !== undefined)("real traces against the live C library", () => {
  for (const path of paths) {
    for (const version of versions) {
      for (const abi of abis) {
        for (const tcache of [true, false]) {
          test(`${basename(path)} on ${abi} ${version}, tcache ${tcache ? "on" : "off"}`, () => {
            const oracle = findOracle(abi, version);
            if (typeof oracle === "string") throw new Error(oracle);
            expect(compareWithOracle(oracle, textOf(path), tcache)).toBeUndefined();
          }, 600_000);
        }
      }
    }
  }
});
