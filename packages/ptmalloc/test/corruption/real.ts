/*
 * Corruption programs on the real library: all of them turned into one C program, run one at a time.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Abi, CACHE, findOracle } from "../oracle/oracle.ts";
import { type Node, parse, type Statement } from "./language.ts";

const PRELUDE = fileURLToPath(new URL("prelude.h", import.meta.url));
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

/** All programs, compiled for one ABI against the machine's library; or why that cannot be. */
export const compileReal = (
  abi: Abi,
  programs: ReadonlyMap<string, string>,
): ((name: string, tcache: boolean) => Ending) | string => {
  const oracle = findOracle(abi);
  if (typeof oracle === "string") return oracle;
  const functions = [...programs].map(([name, text]) => new Writer(name).program(text)).join("\n");
  const table = [...programs.keys()].map((name) => `  {"${name}", ${name}},\n`).join("");
  const source = `#include "${PRELUDE}"\n\n${functions}\nconst struct program programs[] = {\n${table}  {0, 0}};\n`;
  const folder = join(CACHE, `checks-${abi}-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "checks.c"), source);
  const width = abi === "i386" ? "-m32" : "-m64";
  const flags = ["-O0", "-w", "-fno-builtin", "-no-pie", "-pthread"];
  execFileSync("gcc", [width, ...flags, "-o", "checks", "checks.c", `${PRELUDE.slice(0, -2)}.c`], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const layout =
    abi === "i386"
      ? ["i386", "--3gb", "--addr-compat-layout", "--addr-no-randomize"]
      : ["--addr-compat-layout", "--addr-no-randomize"];
  return (name, tcache) => {
    const env = { ...process.env, GLIBC_TUNABLES: tcache ? "" : "glibc.malloc.tcache_count=0" };
    const run = spawnSync("setarch", [...layout, join(folder, "checks"), name, tcache ? "on" : "off"], {
      env,
      encoding: "latin1",
    });
    if (run.status === 0) return "";
    if (run.status === null || run.status > 128) {
      const message = run.stderr.trimEnd().split("\n").at(-1) ?? "";
      return message === "" || run.signal === "SIGSEGV"
        ? `signal ${run.signal ?? Number(run.status) - 128}`
        : message;
    }
    throw new Error(`${name} ended with ${run.status}: ${run.stderr}`);
  };
};
