/*
 * The files of the placement commands: read with an error of one line, written whole or not at all.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { bundledTraces } from "../traces/load.ts";
import { UserError } from "../user-error.ts";

const reason = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "no such file or folder";
  if (code === "EACCES") return "permission denied";
  if (code === "EISDIR") return "it is a folder";
  return message ?? String(error);
};

/** A file's bytes; `what` names the file's part in the command. */
export const readBytes = (path: string, what: string): Uint8Array => {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UserError(`cannot read ${what} ${path}: ${reason(error)}`);
  }
};

/** A file's text. */
export const readText = (path: string, what: string): string =>
  Buffer.from(readBytes(path, what)).toString("latin1");

/** Writes files under other names and then gives all of them their own, so that none is ever half written. */
export const writeWhole = (
  files: readonly (readonly [path: string, content: Uint8Array | string])[],
): void => {
  const written: { path: string; draft: string }[] = [];
  let at = "";
  try {
    for (const [path, content] of files) {
      at = path;
      if (existsSync(path) && !statSync(path).isFile()) {
        // A pipe or a device has no name to give afterwards.
        writeFileSync(path, content, "latin1");
        continue;
      }
      const draft = `${path}.${randomBytes(6).toString("hex")}.part`;
      written.push({ path, draft });
      writeFileSync(draft, content, { encoding: "latin1", flag: "wx" });
    }
    for (const { path, draft } of written) {
      at = path;
      renameSync(draft, path);
    }
  } catch (error) {
    for (const { draft } of written) rmSync(draft, { force: true });
    throw new UserError(`cannot write ${at}: ${reason(error)}`);
  }
};

/** The file behind a trace's path or bundled name. */
export const traceFile = async (nameOrPath: string): Promise<string> =>
  existsSync(nameOrPath) ? nameOrPath : ((await bundledTraces()).get(nameOrPath) ?? nameOrPath);
