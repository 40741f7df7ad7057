/*
 * The files of the commands: read with an error of one line, written whole or not at all.
 */
import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { UserError } from "./user-error.ts";

/** Why the system refused, in words. */
export const reason = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "no such file or folder";
  if (code === "ENOTDIR") return "a part of the path is no folder";
  if (code === "EACCES") return "permission denied";
  if (code === "EISDIR") return "it is a folder";
  if (code === "ENOSPC") return "no space left on the device";
  return message ?? String(error);
};

const cannotRead = (path: string | number, what: string, error: unknown): UserError =>
  new UserError(`cannot read ${what}${typeof path === "string" ? ` ${path}` : ""}: ${reason(error)}`);

/** A file's bytes; `what` names the file's part in the command. The path 0 is standard input. */
export const readBytes = (path: string | number, what: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (error) {
    throw cannotRead(path, what, error);
  }
};

/** A file's text: a character a byte. */
export const readText = (path: string | number, what: string): string =>
  readBytes(path, what).toString("latin1");

/**
 * A file's lines, read as they are asked for: a log may be longer than the longest string.
 *
 * @throws UserError when it cannot be read.
 */
export function* linesOf(path: string, what: string): Generator<string> {
  const chunk = Buffer.alloc(1 << 20);
  let file: number | undefined;
  let rest = "";
  try {
    file = openSync(path, "r");
    for (let length = readSync(file, chunk); length > 0; length = readSync(file, chunk)) {
      const lines = (rest + chunk.toString("latin1", 0, length)).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
  } catch (error) {
    throw cannotRead(path, what, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
  if (rest !== "") yield rest;
}

const cannotWrite = (path: string, error: unknown): UserError =>
  new UserError(`cannot write ${path}: ${reason(error)}`);

/** Whether it is a pipe or a device, which cannot be given its name afterwards, or a folder, which cannot be written. */
const isSpecial = (path: string): boolean => existsSync(path) && !statSync(path).isFile();

/** The name under which a file is written before it gets its own, in the same folder. */
const draftOf = (path: string): string => `${targetOf(path)}.${randomBytes(6).toString("hex")}.part`;

/** The file that a name stands for: a link stays a link. */
const targetOf = (path: string): string => (existsSync(path) ? realpathSync(path) : path);

/**
 * Says before a long work that its results could not be written in the end.
 *
 * @throws UserError when one of the files cannot be written.
 */
export const expectWritable = (...paths: readonly (string | undefined)[]): void => {
  for (const [index, path] of paths.entries()) {
    if (path === undefined) continue;
    if (paths.indexOf(path) !== index) throw new UserError(`${path} would be written twice`);
    try {
      if (existsSync(path)) {
        if (statSync(path).isDirectory()) throw new UserError(`cannot write ${path}: it is a folder`);
        accessSync(path, constants.W_OK);
      } else {
        const folder = dirname(path);
        if (!statSync(folder).isDirectory())
          throw new UserError(`cannot write ${path}: ${folder} is no folder`);
        accessSync(folder, constants.W_OK);
      }
    } catch (error) {
      throw error instanceof UserError ? error : cannotWrite(path, error);
    }
  }
};

/** Writes files under other names and then gives all of them their own, so that none is ever half written. */
export const writeWhole = (
  files: readonly (readonly [path: string, content: Uint8Array | string])[],
): void => {
  const written: { path: string; draft: string }[] = [];
  let at = "";
  try {
    for (const [path, content] of files) {
      at = path;
      if (isSpecial(path)) {
        writeFileSync(path, content);
        continue;
      }
      const draft = draftOf(path);
      written.push({ path, draft });
      writeFileSync(draft, content, { flag: "wx" });
    }
    for (const { path, draft } of written) {
      at = path;
      renameSync(draft, targetOf(path));
    }
  } catch (error) {
    for (const { draft } of written) rmSync(draft, { force: true });
    throw cannotWrite(at, error);
  }
};

/** Writes a command's results, and tells of each. */
export const saveAll = (files: readonly (readonly [path: string, content: string])[]): void => {
  writeWhole(files);
  for (const [path] of files) process.stderr.write(`wrote ${path}\n`);
};

/** Lets `write` write a file under another name, and gives it its own when it is whole. */
export const writeStreamed = async (path: string, write: (path: string) => Promise<void>): Promise<void> => {
  const draft = isSpecial(path) ? undefined : draftOf(path);
  try {
    await write(draft ?? path);
    if (draft !== undefined) renameSync(draft, targetOf(path));
  } catch (error) {
    if (draft !== undefined) rmSync(draft, { force: true });
    throw cannotWrite(path, error);
  }
};
