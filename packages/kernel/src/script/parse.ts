import { Madvise, MapFlag, MremapFlag, MsyncFlag, Prot } from "../abi/mman.ts";
import { type Expression, parseExpression, parseNumber } from "./expression.ts";
import type { Action, Operation, RlimitName } from "./operation.ts";
import { ScriptError } from "./script-error.ts";

/** The most operations that a script may have. */
const MAX_OPERATIONS = 4096;
/** The longest line. */
const MAX_LINE = 2047;
/** The most files that a script may open. */
const MAX_FILES = 64;

type Names = Readonly<Record<string, number>>;

const lowerCase = (numbers: Names): Names =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name.toLowerCase(), value]));

const MMAP_FLAGS: Names = {
  none: 0,
  private: MapFlag.PRIVATE,
  shared: MapFlag.SHARED,
  shared_validate: MapFlag.SHARED_VALIDATE,
  anon: MapFlag.ANONYMOUS,
  fixed: MapFlag.FIXED,
  fixed_noreplace: MapFlag.FIXED_NOREPLACE,
  noreserve: MapFlag.NORESERVE,
  populate: MapFlag.POPULATE,
  nonblock: MapFlag.NONBLOCK,
  growsdown: MapFlag.GROWSDOWN,
  stack: MapFlag.STACK,
  locked: MapFlag.LOCKED,
};
const MREMAP_FLAGS: Names = { none: 0, ...lowerCase(MremapFlag) };
const MSYNC_FLAGS: Names = { none: 0, ...lowerCase(MsyncFlag) };
const ADVICE: Names = lowerCase(Madvise);
const LIMITS: readonly RlimitName[] = ["as", "data", "stack", "memlock"];

/**
 * Reads a script: one operation a line; blank lines and lines that begin with `#` do not count.
 *
 * @throws ScriptError naming the line and what is wrong with it.
 */
export const parseScript = (script: string): Operation[] => {
  const operations: Operation[] = [];
  const files = new Set<number>();
  let number = 0;
  for (const raw of script.replaceAll("\r", "").split("\n")) {
    number += 1;
    const words = raw.split(/[ \t]+/).filter((word) => word !== "");
    if (words.length === 0 || words[0]!.startsWith("#")) continue;
    if (raw.length > MAX_LINE) throw new ScriptError(number, `longer than ${MAX_LINE} characters`);
    if (operations.length === MAX_OPERATIONS) {
      throw new ScriptError(number, `more than ${MAX_OPERATIONS} operations`);
    }
    const line = new LineParser(words, operations.length, number, files);
    operations.push({ text: raw, action: line.parse() });
  }
  return operations;
};

/** Takes the words of one line one after the other. */
class LineParser {
  readonly #words: readonly string[];
  readonly #operation: number;
  readonly #line: number;
  readonly #files: Set<number>;
  #at = 1;

  constructor(words: readonly string[], operation: number, line: number, files: Set<number>) {
    this.#words = words;
    this.#operation = operation;
    this.#line = line;
    this.#files = files;
  }

  parse(): Action {
    const action = this.#action();
    const rest = this.#words.slice(this.#at);
    if (rest.length > 0) this.#fail(`too many arguments for ${this.#words[0]}: ${rest.join(" ")}`);
    return action;
  }

  #action(): Action {
    const op = this.#words[0]!;
    switch (op) {
      case "brk":
        return { op, offset: this.#peek() === "query" ? this.#skip() : this.#expression("offset") };
      case "mmap":
        return this.#mmap();
      case "munmap":
      case "mlock":
      case "munlock":
      case "mincore":
        return { op, ...this.#range(), extra: 0 };
      case "mprotect":
        return { op, ...this.#range(), extra: this.#prot() };
      case "mlock2":
        return { op, ...this.#range(), extra: this.#expression("flags") };
      case "msync":
        return { op, ...this.#range(), extra: this.#flags(MSYNC_FLAGS) };
      case "madvise":
        return { op, ...this.#range(), extra: this.#advice() };
      case "mremap":
        return {
          op,
          address: this.#expression("address"),
          oldLength: this.#expression("old length"),
          newLength: this.#expression("new length"),
          flags: this.#flags(MREMAP_FLAGS),
          target: this.#peek() === undefined ? null : this.#expression("new address"),
        };
      case "read":
      case "vmflags":
        return { op, address: this.#expression("address") };
      case "write":
        return { op, address: this.#expression("address"), byte: this.#expression("byte") };
      case "fill":
        return { op, ...this.#range(), byte: this.#expression("byte") };
      case "sum":
        return { op, ...this.#range(), byte: null };
      case "open":
        return this.#open();
      case "filedump":
        return {
          op,
          id: this.#file(),
          offset: this.#expression("offset"),
          length: this.#expression("length"),
        };
      case "filewrite":
        return {
          op,
          id: this.#file(),
          offset: this.#expression("offset"),
          length: this.#expression("length"),
          byte: this.#expression("byte"),
        };
      case "truncate":
        return { op, id: this.#file(), size: this.#expression("size") };
      case "rlimit":
        return this.#rlimit();
      default:
        return this.#fail(`unknown operation: ${op}`);
    }
  }

  #mmap(): Action {
    const address = this.#expression("address");
    const length = this.#expression("length");
    const prot = this.#prot();
    const flags = this.#flags(MMAP_FLAGS);
    const word = this.#peek();
    if (word === undefined) return { op: "mmap", address, length, prot, flags, fd: null };
    if (word !== "fd") this.#fail(`expected fd, not ${word}`);
    this.#skip();
    const id = this.#number("file");
    return { op: "mmap", address, length, prot, flags, fd: { id, pgoff: this.#expression("page offset") } };
  }

  #open(): Action {
    const id = this.#number("file");
    this.#next("name");
    const size = this.#number("size") % 2 ** 32;
    const mode = this.#peek() === undefined ? "rw" : this.#next("mode");
    if (mode !== "rw" && mode !== "ro" && mode !== "wo") this.#fail(`bad mode: ${mode}`);
    if (this.#files.has(id)) this.#fail(`file ${id} is open already`);
    if (this.#files.size === MAX_FILES) this.#fail(`more than ${MAX_FILES} files`);
    this.#files.add(id);
    return { op: "open", id, size, mode: mode as "rw" | "ro" | "wo" };
  }

  #rlimit(): Action {
    const name = this.#next("limit");
    const limit = LIMITS.find((known) => known === name);
    if (limit === undefined) return this.#fail(`unknown limit: ${name}`);
    const word = this.#next("bytes");
    const bytes = word === "inf" ? Number.POSITIVE_INFINITY : parseNumber(word, "limit", this.#line);
    return { op: "rlimit", limit, bytes };
  }

  #range(): { address: Expression; length: Expression } {
    return { address: this.#expression("address"), length: this.#expression("length") };
  }

  #expression(what: string): Expression {
    return parseExpression(this.#next(what), this.#operation, this.#line);
  }

  #number(what: string): number {
    return parseNumber(this.#next(what), what, this.#line);
  }

  #file(): number {
    const id = this.#number("file");
    if (!this.#files.has(id)) this.#fail(`file ${id} was not opened`);
    return id;
  }

  #prot(): number {
    const word = this.#next("protection");
    if (word === "none") return Prot.NONE;
    if (/^[0-9]/.test(word)) return parseNumber(word, "protection", this.#line) % 2 ** 32;
    let prot = 0;
    for (const letter of word) {
      if (letter === "r") prot |= Prot.READ;
      else if (letter === "w") prot |= Prot.WRITE;
      else if (letter === "x") prot |= Prot.EXEC;
      else if (letter !== "-") this.#fail(`bad protection: ${word}`);
    }
    return prot;
  }

  #flags(names: Names): number {
    const word = this.#next("flags");
    let flags = 0;
    for (const part of word.split(",")) {
      const known = Object.hasOwn(names, part) ? names[part] : undefined;
      if (known === undefined && !/^[0-9]/.test(part)) this.#fail(`unknown flag: ${part || word}`);
      flags = (flags | (known ?? parseNumber(part, "flag", this.#line))) >>> 0;
    }
    return flags;
  }

  #advice(): number {
    const word = this.#next("advice");
    if (Object.hasOwn(ADVICE, word)) return ADVICE[word]!;
    if (!/^[0-9]/.test(word)) this.#fail(`unknown advice: ${word}`);
    return parseNumber(word, "advice", this.#line) % 2 ** 32;
  }

  #peek(): string | undefined {
    return this.#words[this.#at];
  }

  #skip(): null {
    this.#at += 1;
    return null;
  }

  #next(what: string): string {
    const word = this.#words[this.#at++];
    return word ?? this.#fail(`${this.#words[0]} lacks its ${what}`);
  }

  #fail(reason: string): never {
    throw new ScriptError(this.#line, reason);
  }
}
