/*
 * Traces against the live oracle: `HEAPWRIGHT_TRACES="a.trace.gz b.trace" npx vitest run packages/ptmalloc/test/oracle`,
 * or `node packages/ptmalloc/test/oracle/matrix.mjs a.trace.gz b.trace`.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { compareWithOracle } from "./compare.ts";
import { type Abi, findOracle, type Version } from "./oracle.ts";

const paths = (process.env["HEAPWRIGHT_TRACES"] ?? "").split(" ").filter((path) => path !== "");
const versions = (process.env["HEAPWRIGHT_VERSIONS"] ?? "2.36").split(" ") as Version[];
const abis: readonly Abi[] = ["i386", "x86_64"];

const textOf = (path: string): Buffer => {
  const bytes = readFileSync(path);
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
};

describe.skipIf(paths.length === 0)("real traces against the live C library", () => {
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
