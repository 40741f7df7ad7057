#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { reason } from "./files.ts";
import { UserError } from "./user-error.ts";

const LONGEST_MESSAGE = 500;

/** A command: a file of its own, loaded only when it is called for or helped with, and what its help shows. */
interface Entry {
  readonly load: () => Promise<{ register(program: Command): void }>;
  readonly example: string;
}

const commands: Readonly<Record<string, Entry>> = {
  compare: {
    load: () => import("./commands/compare.ts"),
    example: "heapwright compare tar php --allocators spans,ptmalloc,tlsf --html report.html",
  },
  info: { load: () => import("./commands/info.ts"), example: "heapwright info php" },
  replay: {
    load: () => import("./commands/replay.ts"),
    example: 'heapwright replay tar --check --allocator "segregate(2048, kmalloc, ptmalloc)"',
  },
  record: {
    load: () => import("./commands/record.ts"),
    example: "heapwright record --out ls.trace.gz -- ls -l /usr/bin",
  },
  import: {
    load: () => import("./commands/import.ts"),
    example: `heaptrack --raw --output ls ls; zstd -d ls.raw.zst
  heapwright import ls.raw --out ls.trace.gz`,
  },
  placement: {
    load: () => import("./commands/placement.ts"),
    example: "heapwright placement tar --abi i386 --maps maps.txt --out pointers.bin",
  },
  explain: {
    load: () => import("./commands/explain.ts"),
    example: "heapwright explain tar --op 2000 --abi x86_64",
  },
  mm: {
    load: () => import("./commands/mm.ts"),
    example: "heapwright mm script.mm",
  },
  peers: {
    load: () => import("./commands/peers.ts"),
    example: "heapwright peers W1 tar --allocators spans,glibc --repetitions 3",
  },
  count: {
    load: () => import("./commands/count.ts"),
    example: "heapwright count W3L --allocators ptmalloc,glibc",
  },
};

const version = (): string =>
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;

/** Adds the command that the arguments name; all of them where none is named, for the help that lists them. */
const addCommands = async (program: Command, named: string | undefined): Promise<void> => {
  const wanted = Object.entries(commands).filter(([name]) => name === named);
  for (const [name, { load, example }] of wanted.length > 0 ? wanted : Object.entries(commands)) {
    (await load()).register(program);
    program.commands
      .find((command) => command.name() === name)
      ?.addHelpText("after", `\nExample:\n  ${example}`);
  }
};

/** One line for a terminal, even where the message quotes what a broken file holds. */
const printable = (message: string): string => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are meant.
  const line = message.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "?");
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}...` : line;
};

// Who reads the output may have seen enough (`| head`): nothing is wrong, and what else the command does it still does. What
// cannot be written for another reason is lost, and the user must know.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    if (stream === process.stdout)
      process.stderr.write(`heapwright: cannot write the output: ${reason(error)}\n`);
    process.exit(2);
  });
}

const program = new Command("heapwright")
  .description(
    "Replay real allocation traces over any allocator, and hold the models against the real thing.",
  )
  .version(version())
  .exitOverride();

try {
  await addCommands(program, process.argv[2]);
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof UserError) {
    process.stderr.write(`heapwright: ${printable(error.message)}\n`);
    process.exitCode = 2;
  } else throw error;
}
