#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { UserError } from "./user-error.ts";

const program = new Command("heapwright")
  .description(
    "Replay real allocation traces over any allocator, and hold the models against the real thing.",
  )
  .exitOverride();

// Each command is a file of its own, loaded only when it is called for.
const commands: readonly (() => Promise<{ register(program: Command): void }>)[] = [
  () => import("./commands/compare.ts"),
  () => import("./commands/info.ts"),
  () => import("./commands/replay.ts"),
  () => import("./commands/record.ts"),
  () => import("./commands/import.ts"),
  () => import("./commands/placement.ts"),
  () => import("./commands/explain.ts"),
  () => import("./commands/mm.ts"),
  () => import("./commands/peers.ts"),
];

try {
  for (const load of commands) (await load()).register(program);
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof UserError) {
    process.stderr.write(`heapwright: ${error.message}\n`);
    process.exitCode = 2;
  } else throw error;
}
