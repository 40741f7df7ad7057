// Holds real traces against the live C library, in all four modes: node matrix.mjs [--version 2.31] TRACE...
// Paths may also be names of bundled traces; without any, all bundled traces are run.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const args = process.argv.slice(2);
const option = args.indexOf("--version");
const version = option < 0 ? "2.36" : args.splice(option, 2)[1];
const bundled = fileURLToPath(new URL("../../../../apps/bench/traces/", import.meta.url));
const traces =
  args.length > 0
    ? args.map((path) => (existsSync(path) ? resolve(path) : `${bundled}${path}.trace.gz`))
    : readdirSync(bundled)
        .filter((name) => /\.trace(\.gz)?$/.test(name))
        .map((name) => bundled + name);
const run = spawnSync(
  "npx",
  ["vitest", "run", "--reporter=verbose", "packages/ptmalloc/test/oracle/matrix.test.ts"],
  {
    cwd: fileURLToPath(new URL("../../../../", import.meta.url)),
    env: { ...process.env, HEAPWRIGHT_TRACES: traces.join(" "), HEAPWRIGHT_VERSIONS: version },
    stdio: "inherit",
  },
);
process.exit(run.status ?? 1);
