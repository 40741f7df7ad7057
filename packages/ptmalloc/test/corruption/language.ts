/*
 * The little language in which a corruption is written down. It is a subset of C, so that the same text runs on the
 * model (interpreter.ts) and, turned into C word for word (real.ts), on the real library.
 *
 *   a = A(0x440); g = A(0x20)      chunks of that size in bytes: malloc(size - W); C(n) is the same by calloc
 *   a.size |= 4                    a chunk's fields, of the pointer that the user has:
 *                                  prev_size size fd bk fd_nextsize bk_nextsize
 *   a[0] = mangle(a, b)            words of the user's data; mangle is safe-linking's
 *   at(x) = 1                      the word at an address
 *   hold(0x20) ... fill() drain()  takes seven chunks; frees them, so that their tcache bin is full; takes them back. Without
 *                                  tcache the last two do nothing
 *   repeat(7) { A(0x10000); }      i counts from 0
 *   on(1) { a = A(0x20); }         runs on thread 1, made at its first use; end(1) lets it exit
 *   if32 / if64 { ... }            for one ABI only
 *
 * Names: W the word in bytes; Z a zeroed page apart from the heap; HEAP the size of a thread heap; TOP and ATTACHED
 * offsets in the arena; SYSMEM what the main arena has after its first allocation. All values are unsigned words and wrap.
 */

export type Node =
  | { readonly kind: "number"; readonly value: bigint }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "unary"; readonly op: string; readonly value: Node }
  | { readonly kind: "binary"; readonly op: string; readonly left: Node; readonly right: Node }
  | { readonly kind: "field"; readonly of: Node; readonly name: string }
  | { readonly kind: "index"; readonly of: Node; readonly index: Node }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Node[] };

export type Statement =
  | { readonly kind: "value"; readonly value: Node }
  | { readonly kind: "assign"; readonly op: string; readonly target: Node; readonly value: Node }
  | {
      readonly kind: "block";
      readonly name: string;
      readonly arg: Node;
      readonly body: readonly Statement[];
    };

const TOKEN = /\s*(0x[0-9a-f]+|\d+|\w+|<<|>>|\|=|&=|\^=|\+=|-=|[-+*&|^~=()[\]{}.,;])/gy;
const BINARY: Readonly<Record<string, number>> = {
  "|": 1,
  "^": 2,
  "&": 3,
  "<<": 4,
  ">>": 4,
  "+": 5,
  "-": 5,
  "*": 6,
};
const BLOCKS = new Set(["repeat", "on", "if32", "if64"]);
const ASSIGNMENTS = new Set(["=", "|=", "&=", "^=", "+=", "-="]);
const NOTHING: Node = { kind: "number", value: 0n };

class Parser {
  readonly #tokens: string[] = [];
  #at = 0;

  constructor(text: string) {
    const scan = new RegExp(TOKEN);
    const source = text.trim();
    while (scan.lastIndex < source.length) {
      const from = scan.lastIndex;
      const found = scan.exec(source);
      if (found === null) throw new SyntaxError(`cannot read "${source.slice(from, from + 20)}"`);
      this.#tokens.push(found[1]!);
    }
  }

  statements(): Statement[] {
    const list: Statement[] = [];
    while (this.#at < this.#tokens.length && this.#peek() !== "}") {
      if (this.#peek() === ";") this.#at++;
      else list.push(this.#statement());
    }
    return list;
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  #take(expected?: string): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined || (expected !== undefined && token !== expected))
      throw new SyntaxError(`"${expected}" expected, not "${token}"`);
    return token;
  }

  #statement(): Statement {
    if (BLOCKS.has(this.#peek()!)) return this.#block();
    const target = this.#expression(0);
    if (!ASSIGNMENTS.has(this.#peek() ?? "")) return { kind: "value", value: target };
    return { kind: "assign", op: this.#take(), target, value: this.#expression(0) };
  }

  #block(): Statement {
    const name = this.#take();
    let arg = NOTHING;
    if (this.#peek() === "(") {
      this.#take("(");
      arg = this.#expression(0);
      this.#take(")");
    }
    this.#take("{");
    const body = this.statements();
    this.#take("}");
    return { kind: "block", name, arg, body };
  }

  #expression(strength: number): Node {
    let left = this.#unary();
    for (;;) {
      const op = this.#peek() ?? "";
      const binding = BINARY[op];
      if (binding === undefined || binding <= strength) return left;
      this.#take();
      left = { kind: "binary", op, left, right: this.#expression(binding) };
    }
  }

  #unary(): Node {
    const op = this.#peek();
    if (op === "-" || op === "~") {
      this.#take();
      return { kind: "unary", op, value: this.#unary() };
    }
    return this.#postfix(this.#primary());
  }

  #postfix(start: Node): Node {
    let node = start;
    for (;;) {
      if (this.#peek() === ".") {
        this.#take();
        node = { kind: "field", of: node, name: this.#take() };
      } else if (this.#peek() === "[") {
        this.#take();
        node = { kind: "index", of: node, index: this.#expression(0) };
        this.#take("]");
      } else return node;
    }
  }

  #primary(): Node {
    const token = this.#take();
    if (token === "(") {
      const inner = this.#expression(0);
      this.#take(")");
      return inner;
    }
    if (/^\d/.test(token)) return { kind: "number", value: BigInt(token) };
    if (this.#peek() !== "(") return { kind: "name", name: token };
    const args: Node[] = [];
    this.#take("(");
    while (this.#peek() !== ")") {
      args.push(this.#expression(0));
      if (this.#peek() === ",") this.#take();
    }
    this.#take(")");
    return { kind: "call", name: token, args };
  }
}

/** Parses a program. */
export const parse = (text: string): readonly Statement[] => new Parser(text).statements();
