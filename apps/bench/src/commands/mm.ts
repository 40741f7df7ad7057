import { runScript, ScriptError } from "@heapwright/kernel/script";
import type { Command } from "commander";
import { readText } from "../files.ts";
import { UserError } from "../user-error.ts";

/** `heapwright mm`: a script of memory-management operations on the kernel model, printed as Linux's own run prints it. */
export const register = (program: Command): void => {
  program
    .command("mm")
    .description("run a script of memory-management operations on the kernel model")
    .argument("[script]", "the script; standard input when left out or -", "-")
    .action((path: string) => {
      let output: string;
      try {
        output = runScript(path === "-" ? readText(0, "standard input") : readText(path, "the script"));
      } catch (error) {
        if (error instanceof ScriptError)
          throw new UserError(`${path === "-" ? "standard input" : path}, ${error.message}`);
        throw error;
      }
      // Scripts and output are bytes, a character each.
      process.stdout.write(output, "latin1");
    });
};
