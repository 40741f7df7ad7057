import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const PERSONALITY = ["i386", "--3gb", "--addr-compat-layout", "--addr-no-randomize"];

/** The oracle, built in a directory of its own, which also holds the files that its scripts open. */
export class LiveOracle {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Builds the oracle; null where it cannot be built or cannot run (no `gcc -m32`, another kernel or layout). */
  static build(): LiveOracle | null {
    const directory = mkdtempSync(join(tmpdir(), "mmoracle-"));
    const oracle = new LiveOracle(directory);
    try {
      const output = join(directory, "mmoracle");
      execFileSync("make", ["-s", "-C", here, `OUTPUT=${output}`], { stdio: "ignore" });
      if (oracle.run("brk query\n").endsWith("end 1\n")) return oracle;
    } catch {
      // No compiler, or no permission: then there is no oracle here.
    }
    oracle.remove();
    return null;
  }

  /** What the real kernel does with a script. */
  run(script: string): string {
    const { stdout } = spawnSync("setarch", [...PERSONALITY, "./mmoracle"], {
      cwd: this.#directory,
      env: {},
      argv0: "setarch",
      input: script,
      encoding: "latin1",
      maxBuffer: 2 ** 28,
    });
    return stdout ?? "";
  }

  /** Deletes what was built. */
  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
