/*
 * Corruption programs on the model: a process with the classic layout, the heap's memory written to as C would.
 */
import { readFileSync } from "node:fs";
import { Process } from "@heapwright/kernel";
import { Ptmalloc, type ThreadHeap } from "@heapwright/ptmalloc";
import type { Abi, Version } from "../oracle/oracle.ts";
import { type Node, parse, type Statement } from "./language.ts";

const mapsOf = (abi: Abi): string =>
  readFileSync(new URL(`../fixtures/empty-${abi}.maps`, import.meta.url), "latin1");

const MAPS: Readonly<Record<Abi, string>> = { i386: mapsOf("i386"), x86_64: mapsOf("x86_64") };
const FIELDS: Readonly<Record<string, number>> = {
  prev_size: -2,
  size: -1,
  fd: 0,
  bk: 1,
  fd_nextsize: 2,
  bk_nextsize: 3,
};
const BINARY: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "&": (a, b) => a & b,
  "|": (a, b) => a | b,
  "^": (a, b) => a ^ b,
  "<<": (a, b) => a << b,
  ">>": (a, b) => a >> b,
};

/** One run of one program. */
class Machine {
  readonly process: Process;
  readonly heap: Ptmalloc;
  readonly #abi: Abi;
  readonly #tcache: boolean;
  readonly #word: number;
  readonly #names = new Map<string, bigint>();
  readonly #alive = new Set<number>();
  #thread: ThreadHeap;
  #spareStacks = 0;
  #held: number[] = [];
  #heldSize = 0;

  constructor(abi: Abi, tcache: boolean, version: Version) {
    this.#abi = abi;
    this.#tcache = tcache;
    this.#word = abi === "i386" ? 4 : 8;
    this.process = Process.fromMaps(MAPS[abi], { abi });
    const tunables = tcache ? {} : { "glibc.malloc.tcache_count": 0 };
    const profile = `glibc-${version}` as const;
    this.heap = new Ptmalloc(this.process, { abi, profile, tunables, stateAddress: 0x10000 });
    // The loader's copy of GLIBC_TUNABLES.
    if (version === "2.31" && !tcache) this.process.sbrk(43);
    this.#thread = this.heap;
    this.#names.set("W", BigInt(this.#word));
    this.#names.set("Z", BigInt(this.process.mmap(4096, 3)));
    const wide = abi === "x86_64";
    this.#names.set("HEAP", wide ? 0x4000000n : 0x100000n);
    this.#names.set("TOP", wide ? 0x60n : 0x38n);
    this.#names.set("ATTACHED", wide ? 0x880n : 0x450n);
    this.#names.set("SYSMEM", wide ? 0x21000n : 0x22000n);
  }

  run(list: readonly Statement[]): void {
    for (const statement of list) this.#statement(statement);
  }

  #statement(statement: Statement): void {
    if (statement.kind === "value") this.#value(statement.value);
    else if (statement.kind === "block") this.#block(statement.name, statement.arg, statement.body);
    else {
      const { op, target } = statement;
      const value = this.#value(statement.value);
      this.#assign(target, op === "=" ? value : BINARY[op[0]!]!(this.#value(target), value));
    }
  }

  #block(name: string, arg: Node, body: readonly Statement[]): void {
    if (name === "if32" || name === "if64") {
      if ((name === "if32") === (this.#abi === "i386")) this.run(body);
      return;
    }
    const count = Number(this.#value(arg));
    if (name === "repeat") {
      for (let i = 0; i < count; i++) {
        this.#names.set("i", BigInt(i));
        this.run(body);
      }
      return;
    }
    const before = this.#thread;
    this.#thread = this.#threadNumbered(count);
    this.run(body);
    this.#thread = before;
  }

  /** Creating a thread allocates its dtv, unless it gets the stack of one that ended. */
  #threadNumbered(number: number): ThreadHeap {
    if (!this.#alive.has(number)) {
      this.#alive.add(number);
      this.heap.thread(number);
      if (this.#spareStacks > 0) this.#spareStacks--;
      else this.#thread.calloc(17, 2 * this.#word);
    }
    return this.heap.thread(number);
  }

  #wrap(value: bigint): bigint {
    return BigInt.asUintN(8 * this.#word, value);
  }

  #assign(target: Node, value: bigint): void {
    if (target.kind === "name") {
      this.#names.set(target.name, this.#wrap(value));
      return;
    }
    const { memory } = this.heap;
    const at = this.#address(target);
    const word = this.#wrap(value);
    memory.store32(at, Number(word & 0xffffffffn));
    if (this.#word === 8) memory.store32(at + 4, Number(word >> 32n));
  }

  /** The address of the word that a field, an element or at(...) means. */
  #address(node: Node): number {
    const word = BigInt(this.#word);
    if (node.kind === "field") return Number(this.#value(node.of) + BigInt(FIELDS[node.name]!) * word);
    if (node.kind === "index") return Number(this.#value(node.of) + this.#value(node.index) * word);
    if (node.kind === "call" && node.name === "at") return Number(this.#value(node.args[0]!));
    throw new Error(`no word of memory: ${node.kind}`);
  }

  #load(at: number): bigint {
    const { memory } = this.heap;
    const low = BigInt(memory.load32(at));
    return this.#word === 4 ? low : (BigInt(memory.load32(at + 4)) << 32n) | low;
  }

  #value(node: Node): bigint {
    switch (node.kind) {
      case "number":
        return node.value;
      case "name": {
        const value = this.#names.get(node.name);
        if (value === undefined) throw new Error(`${node.name} has no value`);
        return value;
      }
      case "unary": {
        const value = this.#value(node.value);
        return this.#wrap(node.op === "-" ? -value : ~value);
      }
      case "binary":
        return this.#wrap(BINARY[node.op]!(this.#value(node.left), this.#value(node.right)));
      case "call":
        if (node.name !== "at")
          return BigInt(
            this.#call(
              node.name,
              node.args.map((arg) => this.#value(arg)),
            ),
          );
        return this.#load(this.#address(node));
      default:
        return this.#load(this.#address(node));
    }
  }

  #call(name: string, values: readonly bigint[]): number | bigint {
    const thread = this.#thread;
    // A size beyond 2^53 is as much too large as 2^53 - 1 is.
    const [a = 0, b = 0] = values.map((value) => Math.min(Number(value), Number.MAX_SAFE_INTEGER));
    switch (name) {
      case "A":
        return thread.malloc(a - this.#word);
      case "C":
        return thread.calloc(1, a - this.#word);
      case "malloc":
        return thread.malloc(a);
      case "calloc":
        return thread.calloc(a, b);
      case "realloc":
        return thread.realloc(a, b);
      case "memalign":
        return thread.memalign(a, b);
      case "free":
        thread.free(a);
        return 0;
      case "usable":
        return thread.mallocUsableSize(a);
      case "hold":
        this.#heldSize = a - this.#word;
        this.#held = Array.from({ length: 7 }, () => thread.malloc(this.#heldSize));
        return 0;
      case "fill":
        if (this.#tcache) for (const block of this.#held) thread.free(block);
        return 0;
      case "drain":
        if (this.#tcache) for (let i = 0; i < 7; i++) thread.malloc(this.#heldSize);
        return 0;
      case "mangle":
        return (values[0]! >> 12n) ^ values[1]!;
      default:
        return this.#system(name, values);
    }
  }

  #system(name: string, values: readonly bigint[]): number {
    const { heap, process } = this;
    const [a = 0, b = 0] = values.map(Number);
    const signed = (value: bigint): number => Number(BigInt.asIntN(8 * this.#word, value));
    switch (name) {
      case "sbrk":
        return process.sbrk(signed(values[0]!));
      case "map": {
        const at = process.mmap(b, 3, a);
        if (at !== a) throw new Error(`0x${a.toString(16)} is not free`);
        return at;
      }
      case "unmap":
        return process.munmap(a, b) ? 0 : 1;
      case "trim":
        return heap.mallocTrim(a);
      case "mallopt":
        return heap.mallopt(signed(values[0]!), signed(values[1]!));
      case "mallinfo":
        heap.mallinfo2();
        return 0;
      case "stats":
        heap.mallocStats();
        return 0;
      case "info":
        heap.mallocInfo();
        return 0;
      case "end":
        heap.thread(a).exit();
        this.#alive.delete(a);
        this.#spareStacks++;
        return 0;
      case "expect":
        if (values[0] !== values[1]) throw new Error(`found 0x${a.toString(16)}, not 0x${b.toString(16)}`);
        return 0;
      default:
        throw new Error(`no such call: ${name}`);
    }
  }
}

/** How a program ends on the model: "" when it runs to its end, else the message of what it throws. */
export const runOnModel = (
  text: string,
  abi: Abi,
  tcache: boolean,
  version: Version = "2.36",
): { says: string; error: unknown } => {
  try {
    new Machine(abi, tcache, version).run(parse(text));
    return { says: "", error: undefined };
  } catch (error) {
    return { says: error instanceof Error ? error.message : String(error), error };
  }
};
