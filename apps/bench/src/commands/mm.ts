import { readFileSync } from "node:fs";
import { runScript, ScriptError } from "@heapwright/kernel/script";
import type { Command } from "commander";
import { UserError } from "../user-error.ts";

// Scripts and output are bytes: Latin-1 keeps each one as it is.
const ENCODING = "latin1";

const readScript = (path: string): string => {
  try {
    return readFileSync(path === "-" ? 0 : path, ENCODING);
  } catch (error) {
    throw new UserError((error as Error).message);
  }
};

/** `heapwright mm`: a script of memory-management operations on the kernel model, printed as Linux's own run prints it. */
export const register = (program: Command): void => {
  program
    .command("mm")
    .description("run a script of memory-management operations on the kernel model")
    .argument("[script]", "the script; standard input when left out or -", "-")
    .action((path: string) => {
      let output: string;
      try {
        output = runScript(readScript(path));
      } catch (error) {
        if (error instanceof ScriptError)
          throw new UserError(`${path === "-" ? "standard input" : path}, ${error.message}`);
        throw error;
      }
      process.stdout.write(output, ENCODING);
    });
};
