// The command line as its users have it: built, in a process of its own, from a folder that is not the checkout's.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const script = fileURLToPath(new URL("../../../scripts/heapwright.mjs", import.meta.url));
const built = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "heapwright-test-"));

const SMALL =
  "# heap-trace 1\n# program: two blocks\n# ops: 3\n# slots: 2\n# peak-live-bytes: 124\n# threads: 1\na 0 24\nc 1 10 10\nf 0\n";

const heapwright = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [built, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
};

beforeAll(() => {
  // Builds what has changed.
  const { status, stderr } = spawnSync(process.execPath, [script, "--help"], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  writeFileSync(join(folder, "small.trace"), SMALL);
  writeFileSync(join(folder, "packed.trace.gz"), gzipSync(SMALL));
  writeFileSync(join(folder, "broken.trace"), SMALL.replace("f 0", "f 7"));
  writeFileSync(join(folder, "calls.log"), "malloc(24) = 0x1000\nfree(0x1000) = <void>\n");
  writeFileSync(join(folder, "sizes.log"), "malloc(1e300) = 0x1000\n");
  writeFileSync(join(folder, "interpreted"), "v 10400 3\na 18 4\n+ 0\n");
  writeFileSync(join(folder, "binary.mm"), "\x1b[2Jx\n");
  writeFileSync(join(folder, "empty"), "");
  mkdirSync(join(folder, "folder"));
  writeFileSync(join(folder, "cut.trace.gz"), gzipSync(SMALL).subarray(0, 60));
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("scripts/heapwright.mjs", () => {
  test("runs where the user stands and passes arguments and exit code through", { timeout: 180_000 }, () => {
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [script, ...args], {
        encoding: "utf8",
        env: { ...process.env, INIT_CWD: folder },
      });
    expect(run("info", "small.trace").stdout).toMatch(/^small\n {2}program +two blocks\n {2}operations +3\n/);
    expect(run("info", "nonesuch")).toMatchObject({
      status: 2,
      stderr: "heapwright: no such trace: nonesuch\n",
    });
  });
});

describe("a user's mistake is one line and exit code 2", () => {
  test.each([
    [["compare", "nonesuch.trace"], "heapwright: no such trace: nonesuch.trace\n"],
    [["compare", "."], "heapwright: . is a folder, not a trace\n"],
    [["compare", "broken.trace"], "heapwright: broken.trace: line 9: slot 7 holds no block to free\n"],
    [["compare", "cut.trace.gz"], "heapwright: cut.trace.gz: unexpected end of file\n"],
    [
      ["compare", "-a", "nonesuch"],
      'heapwright: unknown allocator "nonesuch" (heapwright compare --list shows those there are)\n',
    ],
    [
      ["compare", "-a", "spans("],
      'heapwright: allocator spec "spans(": expected an allocator\'s name, found its end\n',
    ],
    [
      ["compare", "small.trace", "-a", "buddy(page=24)"],
      /^heapwright: buddy\(page=24\): pageSize must be [^\n]*\n$/,
    ],
    [
      ["compare", "-a", "constructor"],
      'heapwright: unknown allocator "constructor" (heapwright compare --list shows those there are)\n',
    ],
    [["compare", "small.trace", "--json", "x", "--csv", "x"], "heapwright: x would be written twice\n"],
    [["mm", "binary.mm"], "heapwright: binary.mm, line 1: unknown operation: ?[2Jx\n"],
    [["compare", "--runs", "0"], /^error: [^\n]*--runs must be a whole number from 1 on\.\n$/],
    [["nonesuch"], "error: unknown command 'nonesuch'\n"],
    [["replay", "small.trace", "-a", "spans, tlsf"], "heapwright: replay takes one allocator\n"],
    [
      ["compare", "small.trace", "--json", "nonesuch/x"],
      "heapwright: cannot write nonesuch/x: no such file or folder\n",
    ],
    [["compare", "small.trace", "--html", "folder"], "heapwright: cannot write folder: it is a folder\n"],
    [
      ["compare", "small.trace", "--csv", "empty/x"],
      "heapwright: cannot write empty/x: empty is no folder\n",
    ],
    [
      ["peers", "W1", "--json", "nonesuch/x"],
      "heapwright: cannot write nonesuch/x: no such file or folder\n",
    ],
    [["peers", "W1", "--html", "folder"], "heapwright: cannot write folder: it is a folder\n"],
    [
      ["count", "W1", "--json", "nonesuch/x"],
      "heapwright: cannot write nonesuch/x: no such file or folder\n",
    ],
    [
      ["count", "W1", "-a", "nonesuch"],
      "heapwright: no such allocator: nonesuch (see heapwright peers --list)\n",
    ],
    [["info"], "error: missing required argument 'trace'\n"],
    [["info", "empty"], "heapwright: empty: the trace is empty\n"],
    [
      ["replay", "small.trace", "--check-every", "x"],
      /^error: [^\n]*--check-every must be a whole number from 1 on\.\n$/,
    ],
    [["import", "nonesuch", "-o", "x"], "heapwright: cannot read the log nonesuch: no such file or folder\n"],
    [["import", "folder", "-o", "x"], "heapwright: cannot read the log folder: it is a folder\n"],
    [
      ["import", "packed.trace.gz", "-o", "x"],
      "heapwright: packed.trace.gz is compressed: unpack it first, gzip -d packed.trace.gz\n",
    ],
    [["import", "interpreted", "-o", "x"], /^heapwright: interpreted: line 2: [^\n]* heaptrack --raw\n$/],
    [["import", "empty", "-o", "x"], "heapwright: empty: no malloc call found\n"],
    [["import", "sizes.log", "-o", "x"], /^heapwright: sizes\.log: [^\n]*\n$/],
    [
      ["import", "calls.log", "-o", "nonesuch/x"],
      "heapwright: cannot write nonesuch/x: no such file or folder\n",
    ],
    [["mm", "nonesuch"], "heapwright: cannot read the script nonesuch: no such file or folder\n"],
    [["mm", "small.trace"], "heapwright: small.trace, line 7: unknown operation: a\n"],
    [["explain", "small.trace", "--op", "3"], "heapwright: --op 3: the trace has ops 0 to 2\n"],
    [
      ["explain", "small.trace", "--op", "0", "--maps", "empty"],
      "heapwright: empty: maps must be lines of /proc/PID/maps, not an empty file\n",
    ],
    [
      ["record", "--", "/nonesuch/program"],
      "heapwright: cannot run /nonesuch/program: no such file or folder\n",
    ],
    [["record", "-o", "folder", "--", "true"], "heapwright: cannot write folder: it is a folder\n"],
  ])("%j", (args, message) => {
    const before = readdirSync(folder);
    const { status, stdout, stderr } = heapwright(...args);
    expect(stdout).toBe("");
    if (typeof message === "string") expect(stderr).toBe(message);
    else expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe("help", () => {
  test("tells the version, the package's", () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    expect(heapwright("--version")).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("gives an example of each command that it lists, with options that the command has", () => {
    const listed = [...heapwright("--help").stdout.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name!);
    const commands = listed.filter((name) => name !== "help");
    expect(commands).toHaveLength(10);
    for (const name of commands) {
      const { status, stdout, stderr } = heapwright(name, "--help");
      expect([status, stderr]).toEqual([0, ""]);
      const example = new RegExp(`\nExample:\n(?: .*\n)* {2}heapwright ${name} (.*)\n$`).exec(stdout)?.[1];
      expect(example, name).toBeDefined();
      for (const [option] of example!.split(" -- ")[0]!.matchAll(/--[a-z]+/g))
        expect(stdout).toContain(option);
    }
  });
});

describe("an output that cannot be written", () => {
  const output = ["compare", "--list"];

  test("a reader that has seen enough is no fault", async () => {
    const child = spawn(process.execPath, [built, ...output], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const status = await new Promise((resolve) => child.on("close", resolve));
    expect([status, stderr]).toEqual([0, ""]);
  });

  test("any other reason is told in one line", () => {
    const readOnly = openSync(join(folder, "empty"), "r");
    const { status, stderr } = spawnSync(process.execPath, [built, ...output], {
      stdio: ["ignore", readOnly, "pipe"],
      encoding: "utf8",
    });
    expect(stderr).toMatch(/^heapwright: cannot write the output: [^\n]*\n$/);
    expect(status).toBe(2);
  });
});

describe("count", () => {
  const installed = spawnSync("valgrind", ["--version"]).error === undefined;

  test("shows what an operation costs, or says what is missing", { timeout: 180_000 }, () => {
    const { status, stdout, stderr } = heapwright("count", "W4", "-a", "null-js", "--json", "counts.json");
    if (!installed) {
      expect(stderr).toBe("heapwright: this needs valgrind, which is not installed (Debian: valgrind)\n");
      expect(status).toBe(2);
      return;
    }
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Node .*\n┌/);
    const { counts } = JSON.parse(readFileSync(join(folder, "counts.json"), "utf8"));
    expect(counts).toHaveLength(1);
    // The driver's loop: it reads an operation and writes a slot.
    expect(counts[0].perOperation.instructions).toBeGreaterThan(10);
    expect(counts[0].perOperation.instructions).toBeLessThan(100);
    expect(counts[0].perOperation.loads).toBeGreaterThan(2);
    expect(counts[0].perOperation.stores).toBeGreaterThan(1);
  });
});

describe("compare", () => {
  test("prints a table a trace and a summary, and writes JSON, CSV and HTML", () => {
    const files = ["--json", "out.json", "--csv", "out.csv", "--html", "out.html"];
    const specs = "null, spans, segregate(64, kmalloc, ptmalloc)";
    const { status, stdout, stderr } = heapwright(
      "compare",
      "packed.trace.gz",
      "--runs",
      "2",
      "-a",
      specs,
      ...files,
    );
    expect(stderr).toBe("wrote out.json\nwrote out.csv\nwrote out.html\n");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^packed: 3 operations, two blocks\n┌/);
    expect(stdout).toMatch(/Summary: .*1 trace\n┌/);

    const { format, cells, summary } = JSON.parse(readFileSync(join(folder, "out.json"), "utf8"));
    expect(format).toBe("heapwright-compare 1");
    expect(cells.map((cell: { allocator: string }) => cell.allocator)).toEqual([
      "null",
      "spans",
      "segregate(64, kmalloc, ptmalloc)",
    ]);
    for (const cell of cells) {
      expect(cell).toMatchObject({ trace: "packed", ops: 3, failed: 0, cut: null, error: null });
      expect(cell.nsPerOp).toHaveLength(2);
      expect(cell.cost.words).toBeGreaterThanOrEqual(0);
    }
    expect(cells[1].memory.peakHeapBytes).toBeGreaterThan(124);
    expect(summary).toHaveLength(3);

    const csv = readFileSync(join(folder, "out.csv"), "utf8").split("\r\n");
    expect(csv).toHaveLength(5);
    expect(csv[3]).toMatch(/^packed,"segregate\(64, kmalloc, ptmalloc\)",3,/);

    const html = readFileSync(join(folder, "out.html"), "utf8");
    expect(html).toMatch(/^<!doctype html>/);
    expect(html).toContain("segregate(64, kmalloc, ptmalloc)");
    expect(html).not.toMatch(/<script|https?:\/\//);
  });

  test("reports exhaustion in the table", () => {
    const huge =
      "# heap-trace 1\n# ops: 2\n# slots: 1\n# peak-live-bytes: 5000000000\n# threads: 1\na 0 5000000000\nf 0\n";
    writeFileSync(join(folder, "huge.trace"), huge);
    const { status, stdout } = heapwright(
      "compare",
      "huge.trace",
      "--runs",
      "1",
      "-a",
      "tlsf",
      "--json",
      "huge.json",
    );
    expect(status).toBe(0);
    expect(stdout).toContain("huge: 2 operations");
    expect(JSON.parse(readFileSync(join(folder, "huge.json"), "utf8")).cells[0].failed).toBe(1);
  });

  test("cuts what is too slow, and says so", () => {
    const args = [
      "compare",
      "php",
      "--runs",
      "1",
      "-a",
      "thi.ng",
      "--time-limit",
      "2",
      "--no-cost",
      "--json",
      "slow.json",
    ];
    const { status, stdout } = heapwright(...args);
    expect(status).toBe(0);
    expect(stdout).toMatch(/thi\.ng +│ > \d+ │ cut \d+\.\d% /);
    const { cut } = JSON.parse(readFileSync(join(folder, "slow.json"), "utf8")).cells[0];
    expect(cut.done).toBeGreaterThan(0);
    expect(cut.atLeastNsPerOp).toBeGreaterThan(100);
  });

  test("lists allocators, compositions and traces", () => {
    const { status, stdout } = heapwright("compare", "--list");
    expect(status).toBe(0);
    for (const name of ["spans", "ptmalloc", "segregate(BYTES, small, large)", "gcc-cc1", "as-tlsf"]) {
      expect(stdout).toContain(`\n  ${name} `);
    }
  });
});

describe("replay", () => {
  test("proves a trace sound, or exits with 1 and the operation at fault", () => {
    expect(heapwright("replay", "tar", "--check", "-a", "ptmalloc").stdout).toMatch(
      /^tar on ptmalloc: 3933 of 3933 operations, heap now .*\nsound: no block overlapped/,
    );
  });
});

describe("import", () => {
  test("turns an mtrace log into a trace that reads back", () => {
    writeFileSync(
      join(folder, "mtrace.log"),
      "= Start\n@ p:[0x1] + 0x10 0x18\n@ p:[0x1] - 0x10\n@ p:[0x1] - 0x99\n= End\n",
    );
    const { status, stdout, stderr } = heapwright("import", "mtrace.log", "-o", "m.trace.gz");
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: "m.trace.gz: 2 operations, 1 slots, 24 bytes live at the peak, 1 thread\n",
      stderr: "1 pointers never seen allocated\n",
    });
    expect(heapwright("info", "m.trace.gz").stdout).toContain("1 malloc");
  });

  test("tells heaptrack's raw data by itself", () => {
    writeFileSync(join(folder, "raw"), "v 10400 3\nX ls\n+ 18 8 55d0\n- 55d0\n");
    expect(heapwright("import", "raw", "-o", "h.trace")).toEqual({
      status: 0,
      stdout: "h.trace: 2 operations, 1 slots, 24 bytes live at the peak, 1 thread\n",
      stderr: "",
    });
  });
});

const canRecord = process.platform === "linux" && spawnSync("cc", ["--version"]).status === 0;

describe.runIf(canRecord)("record", () => {
  test("keeps what a program did until it was interrupted, and leaves nothing behind", async () => {
    const temporary = mkdtempSync(join(tmpdir(), "heapwright-test-"));
    const run = spawn(
      process.execPath,
      [built, "record", "-o", "int.trace", "--", "sh", "-c", "echo on; sleep 60"],
      {
        cwd: folder,
        detached: true,
        env: { ...process.env, TMPDIR: temporary },
      },
    );
    // As a terminal does it: to the whole group of processes.
    run.stdout.once("data", () => process.kill(-run.pid!, "SIGINT"));
    await new Promise((resolve) => run.on("exit", resolve));
    expect(run.exitCode).toBe(0);
    expect(readFileSync(join(folder, "int.trace"), "utf8")).toMatch(/^# heap-trace 1\n/);
    expect(readdirSync(temporary)).toEqual([]);
    rmSync(temporary, { recursive: true });
  });

  test("records a program's own calls, all kinds and threads, and only its own", () => {
    const source = `
      #include <malloc.h>
      #include <pthread.h>
      #include <stdlib.h>
      #include <unistd.h>
      static void *other(void *block) { free(block); return malloc(333); }
      int main(void) {
        char *a = malloc(111);
        a = realloc(a, 222);
        free(calloc(3, 7));
        void *b; if (posix_memalign(&b, 64, 99)) return 1;
        pthread_t t; void *c;
        pthread_create(&t, 0, other, b); pthread_join(t, &c);
        free(c);
        if (!fork()) { free(malloc(555)); _exit(0); }
        _exit(a ? 3 : 0);
      }`;
    writeFileSync(join(folder, "p.c"), source);
    expect(
      spawnSync("cc", ["-O0", "-fno-builtin", "-pthread", "-o", "p", "p.c"], { cwd: folder }).status,
    ).toBe(0);
    const { status, stderr } = heapwright("record", "-o", "p.trace", "--", "./p");
    expect(status).toBe(0);
    expect(stderr).toMatch(/^\.\/p ended with exit code 3\np\.trace: \d+ operations.*2 threads\n$/);
    const lines = readFileSync(join(folder, "p.trace"), "utf8").split("\n");
    const own = lines.filter((line) => /^(a|r|c|m) \d+ .*\b(111|222|7|99|333|555)$/.test(line));
    expect(own.map((line) => line.replace(/ \d+ /, " "))).toEqual([
      "a 111",
      "r 222",
      "c 3 7",
      "m 64 99",
      "a 333",
    ]);
    expect(heapwright("replay", "p.trace", "--check", "-a", "spans").stdout).toContain("sound:");
  });
});
