import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { execute } from "../src/script/execute.ts";
import { runScript, ScriptError } from "../src/script/index.ts";
import { parseScript } from "../src/script/parse.ts";
import { IMAGE_END, World } from "../src/script/world.ts";
import { checkMachine } from "./invariants.ts";
import { generateScript } from "./oracle/generate.ts";
import { LiveOracle } from "./oracle/live.ts";

const scripts = fileURLToPath(new URL("./scripts/", import.meta.url));

const read = (path: string): string =>
  existsSync(path) ? readFileSync(path, "latin1") : gunzipSync(readFileSync(`${path}.gz`)).toString("latin1");

/** The first operation whose answer differs, with both answers; empty when all agree. */
const firstDifference = (actual: string, expected: string): string => {
  if (actual === expected) return "";
  const have = actual.split("\n");
  const want = expected.split("\n");
  let at = 0;
  while (have[at] === want[at]) at++;
  let operation = at;
  while (operation > 0 && !want[operation]?.startsWith("> ")) operation--;
  return `${want[operation]}\nwant ${want.slice(at, at + 4).join("\n")}\nhave ${have.slice(at, at + 4).join("\n")}`;
};

describe.each(["topics", "found", "random"])("recorded scripts: %s", (folder) => {
  const names = readdirSync(scripts + folder)
    .filter((file) => /\.mm(\.gz)?$/.test(file))
    .map((file) => file.replace(/\.mm(\.gz)?$/, ""));
  test.each(names)("%s", (name) => {
    const path = `${scripts}${folder}/${name}`;
    expect(firstDifference(runScript(read(`${path}.mm`)), read(`${path}.expected`))).toBe("");
  });
});

const oracle = LiveOracle.build();
afterAll(() => oracle?.remove());

describe.runIf(oracle !== null)("the live kernel", () => {
  test.each([1, 2, 3, 4, 5, 6])("random script %i", (seed) => {
    const script = generateScript(seed, 250);
    expect(firstDifference(runScript(script), oracle!.run(script))).toBe("");
  });
  test.each(["mlock", "fault-around", "partial-ranges"])("topic %s", (name) => {
    const script = read(`${scripts}topics/${name}.mm`);
    expect(firstDifference(runScript(script), oracle!.run(script))).toBe("");
  });
});

test.each([11, 12, 13])("every invariant holds after each operation of random script %i", (seed) => {
  const world = new World();
  const results: (number | undefined)[] = [];
  const values = { brk0: IMAGE_END, valueOf: (operation: number) => results[operation] };
  for (const { text, action } of parseScript(generateScript(seed, 400))) {
    results.push(execute(world, action, values).value);
    expect(world.mm.check(), text).toEqual([]);
  }
  expect(checkMachine(world.machine, [world])).toEqual([]);
});

test.each([
  ["frob 1", /^line 1: unknown operation: frob$/],
  ["# comment\n\nmmap 0 1", /^line 3: mmap lacks its protection$/],
  ["brk 12x", /^line 1: bad expression: 12x$/],
  ["brk 1\nread $1", /^line 2: \$1 is not an earlier operation$/],
  ["brk $x", /^line 1: not an operation's number/],
  ["mmap 0 1 rq- private,anon", /bad protection: rq-/],
  ["mmap 0 1 rw- private,anonymous", /unknown flag: anonymous/],
  ["mmap 0 1 rw- private, anon", /unknown flag/],
  ["mmap 0 1 rw- private 3", /expected fd, not 3/],
  ["munmap 0 1 2", /too many arguments for munmap: 2/],
  ["madvise 0 1 please", /unknown advice: please/],
  ["filedump 1 0 1", /file 1 was not opened/],
  ["open 1 a 1\nopen 1 b 1", /^line 2: file 1 is open already$/],
  ["open 1 a 1 rx", /bad mode: rx/],
  ["rlimit cpu 1", /unknown limit: cpu/],
  ["rlimit as much", /limit is no number: much/],
  ["brk constructor", /bad expression/],
  ["mmap 0 1 rw- constructor", /unknown flag: constructor/],
])("a broken line gives its number and reason: %j", (script, message) => {
  expect(() => runScript(script)).toThrow(ScriptError);
  expect(() => runScript(script)).toThrow(message);
});

test("an operation on what failed is skipped, one on the image refused", () => {
  const output = runScript("munmap 1 1\nread $0\nread 0x08100000\n");
  expect(output).toContain("\n=0 -EINVAL minflt=0 rss=0\n");
  expect(output).toContain("\n=1 skip minflt=0 rss=0\n");
  expect(output).toContain("\n=2 refused minflt=0 rss=0\n");
});
