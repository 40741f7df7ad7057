import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const at = (path: string, base: string): string => fileURLToPath(new URL(path, base));

/**
 * Runs the stress of a strategy's shared heap for a few seconds in each mode.
 *
 * @param folder Of the strategy's package: a file URL that ends with a slash.
 */
export const describeShortStress = (folder: string): void => {
  // Workers load what is built, as users do.
  beforeAll(() => {
    const tsc = at("../../../../node_modules/typescript/bin/tsc", import.meta.url);
    const build = spawnSync(process.execPath, [tsc, "-b", at(".", folder)], { encoding: "utf8" });
    expect(build.stdout).toBe("");
  }, 120_000);

  describe("workers on one shared heap", () => {
    for (const [name, ...args] of [
      ["exchange blocks in a memory that grows", "2", "3", "calm", "growing"],
      ["exchange blocks in a memory of fixed length", "2", "2", "calm", "fixed"],
      ["are terminated at random", "4", "4", "kill", "growing"],
    ] as const) {
      it(name, { timeout: 60_000 }, () => {
        const script = at("test/stress/run.mjs", folder);
        const run = spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
        expect(run.stderr).toBe("");
        expect(JSON.parse(run.stdout).operations).toBeGreaterThan(1000);
      });
    }
  });
};
