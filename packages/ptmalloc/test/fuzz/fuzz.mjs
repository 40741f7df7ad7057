// Random traces against the live C library: node fuzz.mjs [--count 200] [--seed 1] [--version "2.36 2.31 2.41"]
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    version: { type: "string", default: "2.36" },
  },
});
const run = spawnSync(
  "npx",
  ["vitest", "run", "--reporter=verbose", "packages/ptmalloc/test/fuzz/fuzz.test.ts"],
  {
    cwd: fileURLToPath(new URL("../../../../", import.meta.url)),
    env: {
      ...process.env,
      HEAPWRIGHT_FUZZ: values.count,
      HEAPWRIGHT_SEED: values.seed,
      HEAPWRIGHT_VERSIONS: values.version,
    },
    stdio: "inherit",
  },
);
process.exit(run.status ?? 1);
