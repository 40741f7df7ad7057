import { ScriptError } from "./script-error.ts";

/**
 * Numbers and expressions of a script: `[-]term{(+|-)term}`, where a term is a number (decimal or 0x hex, with an
 * optional suffix K, M or G), `brk0` or `$n`. All arithmetic is modulo 2^32.
 */

/** One term of an expression. */
export interface Term {
  readonly negative: boolean;
  /** A number, the initial break, or the value of an earlier operation. */
  readonly kind: "number" | "brk0" | "operation";
  /** The number, or the number of the operation. */
  readonly value: number;
}

/** A parsed expression. */
export type Expression = readonly Term[];

/** Where the values of the terms come from. */
export interface Values {
  readonly brk0: number;
  /** The value of operation n, or undefined when it failed. */
  valueOf(operation: number): number | undefined;
}

const NUMBER = /^(0x[0-9a-f]*|[0-9]+)([KMG]?)$/;
const SCALE: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** Reads a number; `what` names it in the error. */
export const parseNumber = (word: string, what: string, line: number): number => {
  const match = NUMBER.exec(word);
  if (match === null) throw new ScriptError(line, `${what} is no number: ${word}`);
  const digits = match[1] === "0x" ? "0" : match[1]!;
  return Number(digits) * SCALE[match[2]!]!;
};

/** Reads an expression in which operations before `operation` may be named. */
export const parseExpression = (word: string, operation: number, line: number): Expression => {
  const terms: Term[] = [];
  const parts = /^[+-]/.test(word) ? word : `+${word}`;
  const pattern = /([+-])([^+-]*)/y;
  while (pattern.lastIndex < parts.length) {
    const match = pattern.exec(parts);
    if (match === null) break;
    terms.push(parseTerm(match[2]!, match[1] === "-", word, operation, line));
  }
  return terms;
};

const parseTerm = (text: string, negative: boolean, word: string, operation: number, line: number): Term => {
  if (text === "brk0") return { negative, kind: "brk0", value: 0 };
  if (text.startsWith("$")) {
    if (!/^\$[0-9]+$/.test(text))
      throw new ScriptError(line, `not an operation's number: ${text} in ${word}`);
    const value = Number(text.slice(1));
    if (value >= operation) throw new ScriptError(line, `${text} is not an earlier operation`);
    return { negative, kind: "operation", value };
  }
  if (!NUMBER.test(text)) throw new ScriptError(line, `bad expression: ${word}`);
  return { negative, kind: "number", value: parseNumber(text, "term", line) };
};

/** The value of an expression modulo 2^32; undefined when it names an operation that failed. */
export const evaluate = (expression: Expression, values: Values): number | undefined => {
  let sum = 0;
  for (const { negative, kind, value } of expression) {
    let term: number | undefined = value;
    if (kind === "brk0") term = values.brk0;
    else if (kind === "operation") term = values.valueOf(value);
    if (term === undefined) return undefined;
    sum = negative ? sum - (term % 2 ** 32) : sum + (term % 2 ** 32);
  }
  return ((sum % 2 ** 32) + 2 ** 32) % 2 ** 32;
};
