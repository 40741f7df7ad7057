/*
 * Runs a function in real workers. Workers do not resolve TypeScript sources, so the packages under test are
 * transpiled, once per test file, into a temporary folder that looks like an installation.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import ts from "typescript";

const PACKAGES = fileURLToPath(new URL("../../..", import.meta.url));

const transpile = (name: string, root: string): void => {
  const target = join(root, "node_modules/@heapwright", name);
  const source = join(PACKAGES, name, "src");
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, "package.json"), '{ "type": "module", "exports": "./index.js" }');
  for (const file of readdirSync(source, { recursive: true }) as string[]) {
    if (!file.endsWith(".ts") || file.startsWith("conformance")) continue;
    const { outputText } = ts.transpileModule(readFileSync(join(source, file), "utf8"), {
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    const output = join(target, file.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(output), { recursive: true });
    writeFileSync(output, outputText);
  }
};

/** Workers over the packages' sources. */
export class Workers {
  readonly #root: string = mkdtempSync(join(tmpdir(), "heapwright-workers-"));

  /** @param packages Those that the workers' bodies import. */
  constructor(packages: readonly string[] = ["allocator", "heap-memory"]) {
    for (const name of packages) transpile(name, this.#root);
  }

  /** Starts a worker that runs `body` (the body of an async function of `heap`, the package, and `data`). */
  start(body: string, data: unknown): Worker {
    const file = join(this.#root, `${Math.random().toString(36).slice(2)}.mjs`);
    const run = `import { parentPort, workerData as data } from "node:worker_threads";
import * as heap from "@heapwright/heap-memory";
const main = async () => { ${body} };
parentPort.postMessage(await main());`;
    writeFileSync(file, run);
    return new Worker(pathToFileURL(file), { workerData: data });
  }

  /** Runs `body` to its end and returns what it returned. */
  async run<T>(body: string, data: unknown): Promise<T> {
    const worker = this.start(body, data);
    try {
      return await new Promise<T>((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
      });
    } finally {
      await worker.terminate();
    }
  }

  /** Removes the temporary folder. */
  end(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}
