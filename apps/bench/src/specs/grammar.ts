/*
 * Short names for allocators and compositions of them:
 *
 *   list  = spec { "," spec }
 *   spec  = name [ "(" [ arg { "," arg } ] ")" ]
 *   arg   = key "=" value | number | spec          a number may end in K, M or G
 *
 * as in  segregate(2048, kmalloc, ptmalloc(profile=glibc-2.41)).
 */
import { UserError } from "../user-error.ts";

/** A parsed spec: what its name says is built of its parts by the registry. */
export interface Spec {
  readonly name: string;
  /** The plain numbers among the arguments, in order. */
  readonly numbers: readonly number[];
  /** The specs among the arguments, in order. */
  readonly parts: readonly Spec[];
  /** The arguments of the form key=value. */
  readonly options: Readonly<Record<string, string>>;
}

const TOKEN = /\s*(?:([A-Za-z][\w.-]*)(?:\s*=\s*([\w.+-]+))?|(\d+)([KMG]?)(?![\w.])|([(),]))/y;
const UNIT: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

class Parser {
  readonly #text: string;
  #at = 0;
  /** The current token. */
  #match: RegExpExecArray | null = null;
  /** The column of the current token, from 0. */
  #column = 0;

  constructor(text: string) {
    this.#text = text;
    this.next();
  }

  next(): void {
    this.#column = this.#at;
    TOKEN.lastIndex = this.#at;
    this.#match = TOKEN.exec(this.#text);
    if (this.#match !== null) this.#at = TOKEN.lastIndex;
    else if (this.#text.slice(this.#at).trim() !== "") this.fail("a name, a number or one of ( ) ,");
  }

  get done(): boolean {
    return this.#match === null;
  }

  fail(expected: string): never {
    const rest = this.#text.slice(this.#column).trim();
    const found = rest === "" ? "its end" : `"${rest}"`;
    throw new UserError(`allocator spec "${this.#text}": expected ${expected}, found ${found}`);
  }

  take(mark: string): boolean {
    if (this.#match?.[5] !== mark) return false;
    this.next();
    return true;
  }

  spec(): Spec {
    const match = this.#match;
    if (match?.[1] === undefined || match[2] !== undefined) this.fail("an allocator's name");
    const name = match[1];
    const numbers: number[] = [];
    const parts: Spec[] = [];
    const options: Record<string, string> = {};
    this.next();
    if (this.take("(") && !this.take(")")) {
      do {
        const [, word, value, digits, unit] = this.#match ?? [];
        if (digits !== undefined) numbers.push(Number(digits) * UNIT[unit!]!);
        else if (word !== undefined && value !== undefined) options[word] = value;
        else {
          parts.push(this.spec());
          continue;
        }
        this.next();
      } while (this.take(","));
      if (!this.take(")")) this.fail('"," or ")"');
    }
    return { name, numbers, parts, options };
  }
}

/** Parses specs separated by commas. A malformed one is a UserError. */
export const parseSpecs = (text: string): Spec[] => {
  const parser = new Parser(text);
  const specs = [parser.spec()];
  while (parser.take(",")) specs.push(parser.spec());
  if (!parser.done) parser.fail('","');
  return specs;
};

/** A spec in its canonical spelling. */
export const formatSpec = (spec: Spec): string => {
  const inner = [
    ...spec.numbers.map(String),
    ...spec.parts.map(formatSpec),
    ...Object.entries(spec.options).map(([key, value]) => `${key}=${value}`),
  ];
  return inner.length === 0 ? spec.name : `${spec.name}(${inner.join(", ")})`;
};
