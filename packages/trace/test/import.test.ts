import {
  formatTrace,
  importHeaptrack,
  importLtrace,
  importMtrace,
  Recording,
  TraceFormatError,
} from "@heapwright/trace";
import { describe, expect, test } from "vitest";

const body = (recording: Recording): string[] =>
  [...formatTrace(recording.finish("p"))]
    .join("")
    .split("\n")
    .filter((line) => line !== "" && line[0] !== "#");

describe("a recording", () => {
  test("reuses the slot that was freed last", () => {
    const recording = new Recording();
    recording.malloc(16, 1);
    recording.malloc(32, 2);
    recording.free(16);
    recording.free(32);
    recording.malloc(48, 3);
    recording.malloc(64, 4);
    expect(body(recording)).toEqual(["a 0 1", "a 1 2", "f 0", "f 1", "a 1 3", "a 0 4"]);
  });

  test("writes C's corner cases as what they are", () => {
    const recording = new Recording();
    recording.free(0);
    recording.realloc(0, 10, 16);
    recording.realloc(16, 20, 16);
    recording.realloc(16, 99, 0);
    recording.realloc(16, 0, 0);
    expect(body(recording)).toEqual(["a 0 10", "r 0 20", "f 0"]);
    expect(recording.notes()).toEqual({ unknownPointers: 0, missedFrees: 0, failedCalls: 1 });
  });

  test.each([-1, 0.5, Number.NaN, 1e300, Number.POSITIVE_INFINITY])("refuses a size of %d", (size) => {
    expect(() => new Recording().malloc(16, size)).toThrow(RangeError);
    expect(() => new Recording().calloc(16, size, 2)).toThrow(RangeError);
    expect(() => new Recording().calloc(16, 2, size)).toThrow(RangeError);
    expect(() => new Recording().memalign(16, 16, size)).toThrow(RangeError);
    expect(() => new Recording().memalign(16, size, 16)).toThrow(RangeError);
    const recording = new Recording();
    recording.malloc(16, 1);
    expect(() => recording.realloc(16, size, 16)).toThrow(RangeError);
  });

  test("mends what the recorder missed, and says so", () => {
    const recording = new Recording();
    recording.free(0xbad);
    recording.realloc(0xbad, 8, 16);
    recording.malloc(16, 9);
    recording.malloc(32, 1);
    recording.realloc(16, 5, 32);
    expect(body(recording)).toEqual(["a 0 8", "f 0", "a 0 9", "a 1 1", "f 1", "r 0 5"]);
    expect(recording.notes()).toEqual({ unknownPointers: 2, missedFrees: 2, failedCalls: 0 });
  });
});

describe("mtrace", () => {
  test("reads every sign", () => {
    const recording = new Recording();
    importMtrace(
      [
        "= Start",
        "@ ./prog:[0x401136] + 0x4052a0 0x18",
        "@ /lib/x86_64-linux-gnu/libc.so.6:(fopen+0x10)[0x7f] + 0x4052c0 0x1d8",
        "@ ./prog:[0x401156] < 0x4052a0",
        "@ ./prog:[0x401156] > 0x405400 0x30",
        "@ ./prog:[0x401156] ! 0x405400 0x30000000",
        "@ ./prog:[0x401156] - 0x405400",
        "- 0x4052c0",
        "= End",
      ],
      recording,
    );
    expect(body(recording)).toEqual(["a 0 24", "a 1 472", "r 0 48", "f 0", "f 1"]);
    expect(recording.notes().failedCalls).toBe(1);
  });

  test.each([
    [["hello"], 'line 1: not a line of an mtrace log: "hello"'],
    [["+ 0x10"], 'line 1: "+" needs a size'],
    [["- 0x10 0x10"], 'line 1: "-" has no size'],
    [["> 0x10 0x10"], 'line 1: ">" without the "<" before it'],
    [["< 0x10", "- 0x10"], 'line 2: "<" without the ">" after it'],
  ])("refuses %j", (lines, message) => {
    expect(() => importMtrace(lines, new Recording())).toThrow(TraceFormatError);
    expect(() => importMtrace(lines, new Recording())).toThrow(message);
  });
});

describe("ltrace", () => {
  test("reads calls, threads and interrupted calls", () => {
    const recording = new Recording();
    const ignored = importLtrace(
      [
        "malloc(24)                                = 0x55d4c2a0",
        "prog->calloc(3, 40)                       = 0x55d4c2c0",
        'puts("free(0x1)")                         = 10',
        "[pid 812] realloc(0x55d4c2a0, 48 <unfinished ...>",
        "[pid 813] memalign(64, 100)               = 0x55d4c400",
        "[pid 812] <... realloc resumed> )         = 0x55d4c300",
        "[pid 812] free(nil)                       = <void>",
        "[pid 812] free(0x55d4c300)                = <void>",
        "+++ exited (status 0) +++",
      ],
      recording,
    );
    expect(body(recording)).toEqual(["a 0 24", "c 1 3 40", "t 1", "m 2 64 100", "t 2", "r 0 48", "f 0"]);
    expect(ignored).toBe(2);
  });
});

describe("heaptrack", () => {
  // What heaptrack 1.4.0 recorded of a C program: malloc(24), calloc(10, 30), memalign(256, 1000), posix_memalign(64, 77), realloc of
  // the first to 5000, free of the second, realloc(NULL, 40), malloc(0), frees of the aligned ones, realloc of 40 to 32, one more free.
  const raw = [
    "v 10400 3",
    "x 6 /bin/k",
    "X ./k",
    "I 1000 5e2990",
    "m 1 x 55cfdae06000 0 7a8 1000 329 2000 104 3dd0 2a0",
    "t 7fb6b735db9f 0",
    "+ 18 8 55d0091011d0",
    "+ 12c 9 55d0091012b0",
    "+ 4d a 55d0091019c0",
    "- 55d0091011d0",
    "+ 1388 b 55d009101a40",
    "- 55d0091012b0",
    "+ 28 c 55d009101280",
    "+ 0 d 55d0091011d0",
    "- 55d009101500",
    "- 55d0091019c0",
    "- 55d009101280",
    "+ 20 e 55d009101280",
    "- 55d009101a40",
    "c 2",
    "R 3b1",
  ];

  test("reads a recording", () => {
    const recording = new Recording();
    importHeaptrack(raw, recording);
    const calls = ["a 0 24", "a 1 300", "a 2 77", "f 0", "a 0 5000", "f 1", "a 1 40", "a 3 0", "f 2", "f 1"];
    expect(body(recording)).toEqual([...calls, "a 1 32", "f 0"]);
    expect(recording.notes()).toEqual({ unknownPointers: 1, missedFrees: 0, failedCalls: 0 });
  });

  test.each([
    [["+ 18 8 55d0"], "line 1: not the data of heaptrack"],
    [["v 10000 1"], "line 1: format 1 of heaptrack's data is not known, only 3"],
    [["v 10400 3", "+ 18 8"], 'line 2: not a line of heaptrack\'s data: "+ 18 8"'],
    [["v 10400 3", "- xyz"], 'line 2: not a line of heaptrack\'s data: "- xyz"'],
    [["v 10400 3", "a 11c00 4", "+ 0"], "line 2: data that heaptrack has interpreted does not say"],
    [["v 10400 3", "+ 0"], "line 2: data that heaptrack has interpreted does not say"],
  ])("refuses %j", (lines, message) => {
    expect(() => importHeaptrack(lines, new Recording())).toThrow(TraceFormatError);
    expect(() => importHeaptrack(lines, new Recording())).toThrow(message);
  });
});
