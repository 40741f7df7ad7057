// The commands placement and explain as their users have them: built, in a process of their own.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  readRecordings,
  type StoredRecording,
} from "../../../packages/ptmalloc/test/oracle/recording-file.ts";
import { recordedSets } from "../../../packages/ptmalloc/test/oracle/sources.ts";

const script = fileURLToPath(new URL("../../../scripts/heapwright.mjs", import.meta.url));
const built = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const set = recordedSets[0]!;
const TRACE = "heaps-where-they-are-welcome.trace";
const recorded = readRecordings(set.file).filter(
  ({ trace, version }) => trace === TRACE && version === "2.36",
);
let folder = "";

const heapwright = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [built, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
};

const wordsOf = (stored: StoredRecording): Buffer => {
  const words = BigUint64Array.from(stored.words!.split(" "), (word) => BigInt(`0x${word}`));
  return Buffer.from(words.buffer);
};

beforeAll(() => {
  const { status, stderr } = spawnSync(process.execPath, [script, "--help"], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
}, 180_000);

beforeEach(() => {
  if (folder !== "") rmSync(folder, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), "heapwright-test-"));
  const text = set.text(TRACE);
  writeFileSync(join(folder, "t.trace"), text);
  writeFileSync(join(folder, "t.trace.gz"), gzipSync(text));
  const stored = recorded.find(({ abi, tcache }) => abi === "i386" && tcache)!;
  writeFileSync(join(folder, "maps"), `${stored.before}--\nnot read`);
  writeFileSync(join(folder, "real"), wordsOf(stored));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("placement", () => {
  test.each(recorded)("writes the real library's words and map: $abi, tcache $tcache", (stored) => {
    writeFileSync(join(folder, "maps"), stored.before);
    const mode = stored.tcache ? [] : ["--no-tcache"];
    const files = ["--maps", "maps", "--out", "out", "--final-maps", "final"];
    const run = heapwright("placement", "t.trace.gz", "--abi", stored.abi, ...mode, ...files);
    expect(run).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(readFileSync(join(folder, "out")).equals(wordsOf(stored))).toBe(true);
    expect(readFileSync(join(folder, "final"), "latin1")).toBe(stored.after);
  });

  test("--against says that nothing differs, or where the first difference is", () => {
    const args = ["placement", "t.trace", "--abi", "i386", "--maps", "maps", "--against", "real"];
    expect(heapwright(...args)).toEqual({ status: 0, stdout: "10 words, all equal\n", stderr: "" });
    const real = readFileSync(join(folder, "real"));
    real.writeBigUInt64LE(0x1234n, 8 * 4);
    writeFileSync(join(folder, "real"), real);
    const { status, stdout } = heapwright(...args);
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^first difference at op 3, line 13: a 3 900000 on thread 3\n {2}here {2}0x[0-9a-f]+\n {2}there 0x1234\n/,
    );
    expect(stdout).toContain("bins before it:\n");
    expect(stdout).toContain("chunks around 0x");
  });

  test.each([
    ["no trace", ["nonesuch", "--maps", "maps", "--out", "out"], /^heapwright: no such trace: nonesuch\n$/],
    [
      "no map",
      ["t.trace", "--maps", "nonesuch", "--out", "out"],
      /^heapwright: cannot read the memory map nonesuch: no such file or folder\n$/,
    ],
    [
      "a map that is none",
      ["t.trace", "--maps", "t.trace", "--out", "out"],
      /^heapwright: t\.trace: maps must be [^\n]*\n$/,
    ],
    [
      "no folder",
      ["t.trace", "--maps", "maps", "--out", "nonesuch/out"],
      /^heapwright: cannot write nonesuch\/out: no such file or folder\n$/,
    ],
    [
      "one good file and one bad",
      ["t.trace", "--maps", "maps", "--out", "out", "--final-maps", "nonesuch/out"],
      /^heapwright: cannot write nonesuch\/out: [^\n]*\n$/,
    ],
    ["nothing to do", ["t.trace", "--maps", "maps"], /^heapwright: nothing to do[^\n]*\n$/],
    [
      "no words",
      ["t.trace", "--maps", "maps", "--against", "t.trace"],
      /^heapwright: t\.trace: \d+ bytes are not whole 8-byte words\n$/,
    ],
  ])("%s: one line, exit code 2, and no file", (_what, args, message) => {
    const before = readdirSync(folder);
    const { status, stdout, stderr } = heapwright("placement", "--abi", "i386", ...args);
    expect(stderr).toMatch(message);
    expect([status, stdout]).toEqual([2, ""]);
    expect(readdirSync(folder)).toEqual(before);
  });

  test("a map of the other word size is refused", () => {
    const { status, stderr } = heapwright(
      "placement",
      "t.trace",
      "--abi",
      "x86_64",
      "--maps",
      "maps",
      "--out",
      "out",
    );
    expect([status, stderr]).toEqual([
      2,
      "heapwright: maps: maps must be of an x86_64 process, not of a 32-bit one\n",
    ]);
  });
});

describe("explain", () => {
  test("tells what happened in a process, with its addresses", () => {
    const { status, stdout } = heapwright("explain", "t.trace", "--op", "1", "--maps", "maps");
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^op 1, line 10: a 1 1\nmalloc\(1\) on thread 2 returns 0x4[0-9a-f]+\n\n {2}1\. a heap of \d+ bytes begins at 0x4/,
    );
    expect(stdout).toContain("the thread gets a new arena, 0x");
    expect(stdout).toContain("no bin fits, so top serves it");
  });

  test("tells what happened in a linear memory", () => {
    const { status, stdout } = heapwright("explain", "tar", "--op", "2000", "--abi", "x86_64");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^op 2000, line 2007: a 199 5\nmalloc\(5\) returns 0x/);
    expect(stdout).toMatch(/\nbins before,.*\n[\s\S]*\nbins after\n[\s\S]*\nchunks around it, after\n/);
    // The block comes from the chunk that its bin names first: with the chunk's 16 bytes of header before it.
    const block = Number(/ returns (0x[0-9a-f]+)/.exec(stdout)?.[1]);
    expect(Number(/\n {2}tcache 32 +(0x[0-9a-f]+) /.exec(stdout)?.[1])).toBe(block - 16);
  });

  test("an op that the trace does not have is the user's mistake", () => {
    expect(heapwright("explain", "t.trace", "--op", "13")).toEqual({
      status: 2,
      stdout: "",
      stderr: "heapwright: --op 13: the trace has ops 0 to 8\n",
    });
  });
});
