import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// Workers load what is built, as users do.
beforeAll(() => {
  const tsc = at("../../../../node_modules/typescript/bin/tsc");
  const build = spawnSync(process.execPath, [tsc, "-b", at("../..")], { encoding: "utf8" });
  expect(build.stdout).toBe("");
}, 120_000);

describe("workers on one shared heap", () => {
  for (const [name, ...args] of [
    ["exchange blocks in a memory that grows", "2", "3", "calm", "growing"],
    ["exchange blocks in a memory of fixed length", "2", "2", "calm", "fixed"],
    ["are terminated at random", "4", "4", "kill", "growing"],
  ] as const) {
    it(name, { timeout: 60_000 }, () => {
      const run = spawnSync(process.execPath, [at("../stress/run.mjs"), ...args], { encoding: "utf8" });
      expect(run.stderr).toBe("");
      expect(JSON.parse(run.stdout).operations).toBeGreaterThan(1000);
    });
  }
});
