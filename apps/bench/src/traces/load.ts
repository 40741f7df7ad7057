import { createReadStream, existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createGunzip } from "node:zlib";
import { type ReadOptions, readTrace, type Trace, TraceFormatError } from "@heapwright/trace";
import { reason } from "../files.ts";
import { UserError } from "../user-error.ts";

const BUNDLED = fileURLToPath(new URL("../../traces/", import.meta.url));
const EXTENSION = /\.trace(\.gz)?$/;

/** A trace and the name that tables give it. */
export interface NamedTrace {
  readonly name: string;
  readonly trace: Trace;
}

/** The files of the bundled traces by name, in alphabetical order. */
export const bundledTraces = async (): Promise<Map<string, string>> => {
  const files = (await readdir(BUNDLED)).filter((file) => EXTENSION.test(file)).sort();
  return new Map(files.map((file) => [file.replace(EXTENSION, ""), join(BUNDLED, file)]));
};

/** The file behind a trace's path or bundled name. */
export const traceFile = async (nameOrPath: string): Promise<string> =>
  existsSync(nameOrPath) ? nameOrPath : ((await bundledTraces()).get(nameOrPath) ?? nameOrPath);

/** The bytes of a file, decompressed when they are gzip's. */
const openBytes = async (path: string): Promise<AsyncIterable<Uint8Array>> => {
  const head = createReadStream(path, { end: 1 });
  let magic = "";
  for await (const chunk of head) magic += (chunk as Buffer).toString("hex");
  const stream = createReadStream(path);
  if (magic !== "1f8b") return stream;
  const gunzip = createGunzip();
  stream.on("error", (error) => gunzip.destroy(error));
  return stream.pipe(gunzip);
};

/**
 * Reads a trace: a file, plain or gzip, or the name of a bundled one. What cannot be read is a UserError that names the
 * file and what is wrong.
 */
export const loadTrace = async (nameOrPath: string, options?: ReadOptions): Promise<NamedTrace> => {
  const found = await stat(nameOrPath).catch(() => undefined);
  if (found?.isDirectory()) throw new UserError(`${nameOrPath} is a folder, not a trace`);
  let path = nameOrPath;
  if (found === undefined) {
    const bundled = (await bundledTraces()).get(nameOrPath);
    if (bundled === undefined) throw new UserError(`no such trace: ${nameOrPath}`);
    path = bundled;
  }
  const name = basename(path).replace(EXTENSION, "");
  try {
    return { name, trace: await readTrace(await openBytes(path), options) };
  } catch (error) {
    throw new UserError(`${nameOrPath}: ${error instanceof TraceFormatError ? error.message : reason(error)}`);
  }
};
