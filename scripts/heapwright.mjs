// Builds what the command line needs (incrementally, silent when nothing changed) and runs it where the user stands.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
const build = spawnSync(process.execPath, [tsc, "-b", "apps/bench"], { cwd: root, stdio: ["ignore", 2, 2] });
if (build.status !== 0) process.exit(build.status ?? 1);
await import("../apps/bench/scripts/build-peers.mjs");
const cli = fileURLToPath(new URL("../apps/bench/dist/cli.js", import.meta.url));
const run = spawnSync(process.execPath, ["--enable-source-maps", cli, ...process.argv.slice(2)], {
  cwd: process.env.INIT_CWD ?? process.cwd(),
  stdio: "inherit",
});
if (run.signal) process.kill(process.pid, run.signal);
process.exit(run.status ?? 1);
