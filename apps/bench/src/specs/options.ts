import { UserError } from "../user-error.ts";

/** The key=value arguments of one spec. Those that nobody asked for are mistakes of the user's. */
export class Options {
  readonly #owner: string;
  readonly #values: Map<string, string>;

  constructor(owner: string, values: Readonly<Record<string, string>>) {
    this.#owner = owner;
    this.#values = new Map(Object.entries(values));
  }

  number(key: string, otherwise: number): number {
    const text = this.text(key, String(otherwise));
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new UserError(`${this.#owner}: ${key} must be a whole number, not "${text}"`);
    }
    return value;
  }

  choice<Value extends string>(key: string, values: readonly Value[], otherwise: Value): Value {
    const text = this.text(key, otherwise);
    if (!values.includes(text as Value)) {
      throw new UserError(`${this.#owner}: ${key} must be one of ${values.join(", ")}, not "${text}"`);
    }
    return text as Value;
  }

  text(key: string, otherwise: string): string {
    const value = this.#values.get(key);
    this.#values.delete(key);
    return value ?? otherwise;
  }

  /** Throws a UserError when an option was given that does not exist. */
  expectAllUsed(): void {
    const [left] = this.#values.keys();
    if (left !== undefined) throw new UserError(`${this.#owner} has no option "${left}"`);
  }
}
