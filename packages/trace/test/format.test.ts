import {
  formatTrace,
  OpKind,
  parseTrace,
  readTrace,
  type Trace,
  TraceBuilder,
  TraceFormatError,
} from "@heapwright/trace";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { arbitraryTrace } from "./arbitrary-trace.ts";

const HEADER = "# heap-trace 1\n# program: p\n# ops: 4\n# slots: 2\n# peak-live-bytes: 124\n# threads: 2\n";
const TEXT = `${HEADER}a 0 24\nc 1 10 5\nt 1\nr 1 100\nf 0\n`;

const rows = (trace: Trace): unknown[] =>
  Array.from({ length: trace.length }, (_, op) => [
    trace.kind(op),
    trace.slot(op),
    trace.extra(op),
    trace.size(op),
    trace.bytes(op),
    trace.thread(op),
  ]);

describe("reading", () => {
  test("fills the columns", () => {
    const trace = parseTrace(TEXT);
    expect(rows(trace)).toEqual([
      [OpKind.ALLOCATE, 0, 0, 24, 24, 0],
      [OpKind.ZEROED, 1, 10, 5, 50, 0],
      [OpKind.REALLOCATE, 1, 0, 100, 100, 1],
      [OpKind.FREE, 0, 0, 0, 0, 1],
    ]);
    expect([trace.program, trace.slotCount, trace.peakLiveBytes, trace.threadCount]).toEqual([
      "p",
      2,
      124,
      2,
    ]);
  });

  test("takes a last line without its newline, and no operations at all", () => {
    expect(parseTrace(TEXT.trimEnd()).length).toBe(4);
    expect(
      parseTrace("# heap-trace 1\n# ops: 0\n# slots: 0\n# peak-live-bytes: 0\n# threads: 1\n").length,
    ).toBe(0);
  });

  test("keeps a program's name in UTF-8", () => {
    expect(parseTrace(TEXT.replace("program: p", "program: größer")).program).toBe("größer");
  });

  test.each([
    ["", "the trace is empty"],
    ["a 0 8\n", 'line 1: not a heap trace: the first line must be "# heap-trace 1"'],
    ["# heap-trace 2\n", 'line 1: not a heap trace: the first line must be "# heap-trace 1"'],
    [TEXT.replaceAll("\n", "\r\n"), "line 1: the lines end in CR LF; those of a trace end in LF alone"],
    [TEXT.replace("# slots: 2\n", ""), 'line 6: the header does not say "# slots:"'],
    [TEXT.replace("# slots: 2", "# slots: two"), 'line 4: slots must be a whole number, not "two"'],
    [TEXT.replace("# slots: 2", "# ops: 4"), "line 4: ops stands twice in the header"],
    [TEXT.replace("# slots: 2", "# slots 2"), 'line 4: a header line must read "# name: value"'],
    [TEXT.replace("ops: 4", "ops: 5"), "the header says ops: 5, the operations give 4"],
    [TEXT.replace("ops: 4", "ops: 3"), "line 11: more than the 3 operations of the header"],
    [TEXT.replace("slots: 2", "slots: 3"), "the header says slots: 3, the operations give 2"],
    [
      TEXT.replace("bytes: 124", "bytes: 125"),
      "the header says peak-live-bytes: 125, the operations give 124",
    ],
    [TEXT.replace("threads: 2", "threads: 1"), "the header says threads: 1, the operations give 2"],
    [TEXT.replace("a 0 24", "x 0 24"), 'line 7: no operation: "x 0 24"'],
    [TEXT.replace("a 0 24", ""), "line 7: the line is empty"],
    [TEXT.replace("a 0 24", "a 0"), 'line 7: a space and the size must follow ""'],
    [TEXT.replace("a 0 24", "a 0  24"), 'line 7: size must be a whole number, not " 24"'],
    [TEXT.replace("a 0 24", "a 0 -24"), 'line 7: size must be a whole number, not "-24"'],
    [TEXT.replace("a 0 24", "a 0 24 1"), 'line 7: unexpected " 1" after the operation'],
    [TEXT.replace("a 0 24", "a 0 24\r"), 'line 7: unexpected "\\x0d" after the operation'],
    [TEXT.replace("a 0 24", "a 0 99999999999999999999"), "line 7: size is beyond 2^53 - 1"],
    [TEXT.replace("a 0 24", "m 0 24 24"), "line 7: alignment 24 is not a power of two from 1 to 2^31"],
    [TEXT.replace("a 0 24", "a 99999999 24"), "line 7: slot 99999999 is not from 0 to 16777215"],
    [TEXT.replace("c 1 10 5", "c 0 10 5"), "line 8: slot 0 already holds a block"],
    [
      TEXT.replace("c 1 10 5", "c 1 9007199254740991 5"),
      "line 8: 9007199254740991 * 5 bytes is beyond 2^53 - 1",
    ],
    [TEXT.replace("t 1", "t 65536"), "line 9: thread 65536 is not from 0 to 65535"],
    [TEXT.replace("r 1 100", "r 1 0"), "line 10: a reallocation to 0 bytes is a free: write f"],
    [TEXT.replace("r 1 100", "r 2 100"), "line 10: slot 2 holds no block to reallocate"],
    [TEXT.replace("f 0", "f 2"), "line 11: slot 2 holds no block to free"],
    [TEXT.replace("f 0", "# note: late"), "line 11: a header line after the first operation"],
    [`# heap-trace 1\n${"x".repeat(70000)}`, "line 2: the line is longer than 65536 bytes"],
  ])("refuses %j", (text, message) => {
    expect(() => parseTrace(text)).toThrow(
      new TraceFormatError(Number(/^line (\d+)/.exec(message)?.[1] ?? 0), message.replace(/^line \d+: /, "")),
    );
  });
});

describe("round trip", () => {
  test("what is written reads back the same, however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryTrace, fc.integer({ min: 1, max: 50 }), async (trace, step) => {
        const text = [...formatTrace(trace)].join("");
        const bytes = new TextEncoder().encode(text);
        const chunks = Array.from({ length: Math.ceil(bytes.length / step) }, (_, index) =>
          bytes.subarray(index * step, (index + 1) * step),
        );
        const back = await readTrace(chunks);
        expect(rows(back)).toEqual(rows(trace));
        expect([...formatTrace(back)].join("")).toBe(text);
      }),
      { numRuns: 100 },
    );
  });

  test("sizes beyond 32 bits keep their value", () => {
    const builder = new TraceBuilder();
    expect(builder.allocate(0, 2 ** 32 - 1)).toBeUndefined();
    expect(builder.zeroed(1, 2 ** 33, 2)).toBeUndefined();
    expect(builder.allocate(2, 2 ** 52)).toBeUndefined();
    const back = parseTrace([...formatTrace(builder.finish("wide"))].join(""));
    expect([back.size(0), back.extra(1), back.bytes(1), back.size(2)]).toEqual([
      2 ** 32 - 1,
      2 ** 33,
      2 ** 34,
      2 ** 52,
    ]);
  });
});

test("3.3 million operations take less than 100 MB", () => {
  const builder = new TraceBuilder(3_300_000);
  for (let op = 0; op < 3_300_000; op += 2) {
    builder.allocate(op % 4096, op);
    builder.free(op % 4096);
  }
  const trace = builder.finish("large");
  const { kinds, slots, sizes, extras, threads } = trace.columns;
  const buffers = new Set([kinds, slots, sizes, extras, threads].map((column) => column.buffer));
  expect([...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0)).toBe(3_300_000 * 15);
});

test("a header that is only advice may say less, or more threads than ran", () => {
  const text = "# heap-trace 1\n# threads: 3\na 0 24\nt 1\nf 0\n";
  expect(() => parseTrace(text)).toThrow(TraceFormatError);
  const trace = parseTrace(text, { strict: false });
  expect([trace.length, trace.slotCount, trace.peakLiveBytes, trace.threadCount]).toEqual([2, 1, 24, 3]);
  expect(() => parseTrace(`${text}f 0\n`, { strict: false })).toThrow(
    "line 6: slot 0 holds no block to free",
  );
  expect(() => parseTrace("# heap-trace 1\n# ops: 2\na 0 1\n", { strict: false })).toThrow(
    "the header says ops: 2",
  );
});
