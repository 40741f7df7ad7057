import { isInspectable } from "@heapwright/allocator";
import { type ReplayOptions, replay } from "@heapwright/trace";
import type { Command } from "commander";
import { bytes } from "../report/format.ts";
import { buildSpec } from "../specs/build.ts";
import { parseSpecs } from "../specs/grammar.ts";
import { loadTrace } from "../traces/load.ts";
import { UserError } from "../user-error.ts";
import { positive } from "./arguments.ts";

interface ReplayCommandOptions {
  readonly allocator: string;
  readonly check?: boolean;
  readonly checkEvery?: number;
}

export const register = (program: Command): void => {
  program
    .command("replay")
    .description(
      "replay a trace on one allocator, and with --check prove every block sound; exit code 1 when one is not",
    )
    .argument("<trace>", "a trace file (plain or gzip) or the name of a bundled one")
    .option("-a, --allocator <spec>", "the allocator or composition", "spans")
    .option(
      "--check",
      "fill every block with a pattern, verify it, find overlaps; check the heap's own structures at the end",
    )
    .option(
      "--check-every <n>",
      "check the heap's own structures after every n operations too",
      positive("--check-every"),
    )
    .action(async (nameOrPath: string, options: ReplayCommandOptions) => {
      const specs = parseSpecs(options.allocator);
      if (specs.length !== 1) throw new UserError("replay takes one allocator");
      const { name, trace } = await loadTrace(nameOrPath);
      const { spec, allocator, heapBytes } = await buildSpec(specs[0]!);
      const checks: ReplayOptions = {
        shadow: options.check === true,
        checkEvery: options.checkEvery ?? (options.check ? Number.MAX_SAFE_INTEGER : 0),
      };
      const { ops, failed, firstFailed, skipped, fallbacks, fault } = replay(trace, allocator, checks);
      const lines = [
        `${name} on ${spec}: ${ops} of ${trace.length} operations, heap now ${bytes(heapBytes())}`,
      ];
      if (failed > 0)
        lines.push(`${failed} failed, the first at operation ${firstFailed}; ${skipped} skipped after them`);
      const lent = Object.entries(fallbacks).filter(([, count]) => count > 0);
      if (lent.length > 0)
        lines.push(`done for the allocator: ${lent.map(([kind, count]) => `${count} ${kind}`).join(", ")}`);
      if (fault !== undefined)
        lines.push(`FAULT at operation ${fault.op} (slot ${fault.slot}): ${fault.fault}`);
      else if (options.check) {
        const own = isInspectable(allocator) ? "; the heap's own check found nothing" : "";
        lines.push(`sound: no block overlapped another or lost a byte${own}`);
      }
      process.stdout.write(`${lines.join("\n")}\n`);
      if (fault !== undefined) process.exitCode = 1;
    });
};
