/*
 * The options that placement and explain share.
 */
import type { Abi, ProfileName } from "@heapwright/ptmalloc";
import { type Command, InvalidArgumentError, Option } from "commander";

/** The values of the shared options. */
export interface HeapOptions {
  readonly abi: Abi;
  readonly tcache: boolean;
  readonly profile: ProfileName;
  readonly cores: number;
}

const PROFILES: readonly ProfileName[] = ["glibc-2.36", "glibc-2.31", "glibc-2.41", "ptmalloc-2.12"];
const MAX_CORES = 65536;

/** Parses a whole number in a range. */
export const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return value;
  };

/** Parses an address: hexadecimal with 0x, or decimal. */
export const address = (text: string): number => {
  const value = Number(text);
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text) || value >= 2 ** 47)
    throw new InvalidArgumentError("It must be an address below 2^47.");
  return value;
};

/** Adds the options that say which C library is meant. */
export const addHeapOptions = (command: Command, abi?: Abi): Command => {
  const abiOption = new Option("--abi <abi>", "the word size and layout").choices(["i386", "x86_64"]);
  return command
    .addOption(abi === undefined ? abiOption.makeOptionMandatory() : abiOption.default(abi))
    .option("--no-tcache", "as with GLIBC_TUNABLES=glibc.malloc.tcache_count=0")
    .addOption(
      new Option("--profile <name>", "the version of malloc").choices(PROFILES).default("glibc-2.36"),
    )
    .addOption(
      new Option("--cores <n>", "processors, which bound the number of arenas")
        .default(2)
        .argParser(whole(1, MAX_CORES)),
    );
};
