/*
 * Corruption programs on the real library: all of them turned into one C program, run one at a time.
 */

import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Abi, CACHE, compileC, findOracle, inClassicLayout, type Version } from "../oracle/oracle.ts";
import { type Node, parse, type Statement } from "./language.ts";

const PRELUDE = fileURLToPath(new URL("prelude", import.meta.url));
const FIXED = new Set(["W", "Z", "HEAP", "TOP", "ATTACHED", "SYSMEM", "i"]);

/** Writes one program as C functions: blocks that run on another thread become functions of their own. */
class Writer {
  readonly #prefix: string;
  readonly #names = new Set<string>();
  readonly #functions: string[] = [];

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  program(text: string): string {
    const body = this.#statements(parse(text));
    const names = [...this.#names].map((name) => `static W ${this.#own(name)};\n`).join("");
    return `${names}${this.#functions.join("")}static void ${this.#prefix}(void) {\n${body}}\n`;
  }

  #own(name: string): string {
    return `${this.#prefix}_${name}`;
  }

  #statements(list: readonly Statement[]): string {
    return list.map((statement) => this.#statement(statement)).join("");
  }

  #statement(statement: Statement): string {
    if (statement.kind === "value") return `  (void)${this.#expression(statement.value)};\n`;
    if (statement.kind === "assign")
      return `  ${this.#expression(statement.target)} ${statement.op} ${this.#expression(statement.value)};\n`;
    const { name, arg } = statement;
    const body = this.#statements(statement.body);
    if (name === "repeat") return `  for (W i = 0; i < ${this.#expression(arg)}; i++) {\n${body}  }\n`;
    if (name !== "on") return `  if (WORD == ${name === "if32" ? 4 : 8}) {\n${body}  }\n`;
    const part = `${this.#prefix}_on${this.#functions.length}`;
    this.#functions.push(`static void ${part}(void) {\n${body}}\n`);
    return `  run_on(${this.#expression(arg)}, ${part});\n`;
  }

  #expression(node: Node): string {
    switch (node.kind) {
      case "number":
        return `(W)0x${node.value.toString(16)}ull`;
      case "name":
        if (FIXED.has(node.name)) return node.name === "W" ? "(W)WORD" : node.name;
        this.#names.add(node.name);
        return this.#own(node.name);
      case "unary":
        return `(${node.op}${this.#expression(node.value)})`;
      case "binary":
        return `(${this.#expression(node.left)} ${node.op} ${this.#expression(node.right)})`;
      case "field":
        return `FIELD_${node.name}(${this.#expression(node.of)})`;
      case "index":
        return `WORDS(${this.#expression(node.of)})[${this.#expression(node.index)}]`;
      case "call":
        return `f_${node.name}(${node.args.map((arg) => this.#expression(arg)).join(", ")})`;
    }
  }
}

/** How a program ended: "" when it ran to its end, glibc's message, or "signal N". */
export type Ending = string;

/** All programs, compiled for one ABI and version of the library; or why that cannot be. */
export const compileReal = (
  abi: Abi,
  programs: ReadonlyMap<string, string>,
  version: Version = "2.36",
): ((name: string, tcache: boolean) => Ending) | string => {
  const oracle = findOracle(abi, version);
  if (typeof oracle === "string") return oracle;
  const functions = [...programs].map(([name, text]) => new Writer(name).program(text)).join("\n");
  const table = [...programs.keys()].map((name) => `  {"${name}", ${name}},\n`).join("");
  const source = `#include "${PRELUDE}.h"\n\n${functions}\nconst struct program programs[] = {\n${table}  {0, 0}};\n`;
  const hash = createHash("sha256")
    .update(source)
    .update(readFileSync(`${PRELUDE}.c`))
    .digest("hex");
  const program = join(CACHE, `checks-${version}-${abi}-${hash.slice(0, 12)}`);
  if (!existsSync(program)) {
    const own = `${program}.${process.pid}`;
    writeFileSync(`${own}.c`, source);
    compileC(abi, version, own, [`${own}.c`, `${PRELUDE}.c`], true);
    rmSync(`${own}.c`);
    renameSync(own, program);
  }
  const [setarch, ...layout] = inClassicLayout(abi);
  return (name, tcache) => {
    const env = { ...process.env, GLIBC_TUNABLES: tcache ? undefined : "glibc.malloc.tcache_count=0" };
    const run = spawnSync(setarch!, [...layout, program, name, tcache ? "on" : "off"], {
      env,
      encoding: "latin1",
      timeout: 10_000,
    });
    return endingOf(name, run);
  };
};

const endingOf = (name: string, { status, signal, stderr }: SpawnSyncReturns<string>): Ending => {
  if (status === 0) return "";
  if (status !== null && status <= 128) throw new Error(`${name} ended with ${status}: ${stderr}`);
  const message = stderr.trimEnd().split("\n").at(-1) ?? "";
  return message === "" || signal === "SIGSEGV" ? `signal ${signal ?? Number(status) - 128}` : message;
};
