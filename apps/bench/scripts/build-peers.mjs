// Compiles the peers that are WebAssembly, when their source is newer than what was compiled.
import { mkdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("../assembly/tlsf.ts", import.meta.url));
const target = fileURLToPath(new URL("../dist/peers/as-tlsf.wasm", import.meta.url));
const time = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1;

if (time(target) < time(source)) {
  mkdirSync(new URL("../dist/peers/", import.meta.url), { recursive: true });
  const { default: asc } = await import("assemblyscript/asc");
  const { error, stderr } = await asc.main([
    source,
    "--outFile",
    target,
    "--runtime",
    "minimal",
    "-O3",
    "--noAssert",
    "--converge",
    "--maximumMemory",
    "65536",
  ]);
  if (error) {
    process.stderr.write(`${stderr.toString()}${error.message}\n`);
    process.exit(1);
  }
}
