import { InvalidArgumentError } from "commander";

/** A parser of an option's value that takes a whole number from 1 on. */
export const positive =
  (option: string) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new InvalidArgumentError(`${option} must be a whole number from 1 on.`);
    }
    return value;
  };
