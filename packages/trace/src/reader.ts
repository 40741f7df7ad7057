/*
 * The reader of the format `heap-trace 1`: strict, streaming, one pass.
 *
 * Chunks are cut at any byte. Whole lines are parsed where they lie in the chunk; what follows the last newline is
 * carried over to the next one. The header's lines come first and all four of its counts must be there; after the last
 * line they must agree with what was read.
 */
import { TraceBuilder } from "./builder.ts";
import { TraceFormatError } from "./errors.ts";
import { Trace, type TraceSummary } from "./trace.ts";

const NEWLINE = 10;
const SPACE = 32;
const HASH = 35;
const ZERO = 48;
const NINE = 57;
const LETTER = { a: 97, c: 99, f: 102, m: 109, r: 114, t: 116 } as const;
/** No line of a trace is longer; a file without newlines is no trace. */
const MAX_LINE = 65536;
const MAGIC = "# heap-trace 1";

const COUNTS = ["ops", "slots", "peak-live-bytes", "threads"] as const;
type Count = (typeof COUNTS)[number];

const summaryOf = ({ program, slotCount, peakLiveBytes, threadCount }: Trace): TraceSummary => ({
  program,
  slotCount,
  peakLiveBytes,
  threadCount,
});

const printable = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes.subarray(0, 40))
    text +=
      byte >= SPACE && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  return bytes.length > 40 ? `${text}...` : text;
};

// What is used of the Web's codecs. Spelled out so that neither this package nor its users need the DOM's types.
declare const TextDecoder: { readonly prototype: object; new (): { decode(bytes: Uint8Array): string } };
declare const TextEncoder: { readonly prototype: object; new (): { encode(text: string): Uint8Array } };

/** How a trace is read. */
export interface ReadOptions {
  /**
   * Whether the header's counts must be there and agree with the operations (default). If not, only `ops` must, when it
   * is given, `threads` may name more threads than ran an operation (they were created all the same), and an alignment
   * need not be a power of two.
   */
  readonly strict?: boolean;
}

/**
 * Reads a trace from chunks of its text. Push them in order, then take the trace.
 *
 * @example
 * ```ts
 * import { TraceReader } from "@heapwright/trace";
 *
 * const reader = new TraceReader();
 * const text = "# heap-trace 1\n# ops: 1\n# slots: 1\n# peak-live-bytes: 24\n# threads: 1\na 0 24\n";
 * reader.push(Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
 * const trace = reader.finish();
 * ```
 */
export class TraceReader {
  #builder: TraceBuilder | undefined;
  #carry: Uint8Array = new Uint8Array(0);
  #line = 0;
  #program = "";
  readonly #counts: Map<Count, number> = new Map<Count, number>();

  readonly #strict: boolean;

  /** The chunk being parsed, and the cursor in it. */
  #bytes: Uint8Array = this.#carry;
  #at = 0;
  #end = 0;

  /** @param options See {@link ReadOptions}. */
  constructor(options: ReadOptions = {}) {
    this.#strict = options.strict ?? true;
  }

  /**
   * Reads the next bytes of the trace. The chunk may be reused afterwards.
   *
   * @throws TraceFormatError at the first malformed line.
   */
  push(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#carry.length > 0) {
      bytes = new Uint8Array(this.#carry.length + chunk.length);
      bytes.set(this.#carry);
      bytes.set(chunk, this.#carry.length);
    }
    const cut = bytes.lastIndexOf(NEWLINE) + 1;
    this.#parse(bytes, cut);
    if (bytes.length - cut > MAX_LINE)
      this.#fail(`the line is longer than ${MAX_LINE} bytes`, this.#line + 1);
    this.#carry = bytes.slice(cut);
  }

  /**
   * The trace, after the last chunk.
   *
   * @throws TraceFormatError when the last line is malformed or the header does not agree with the operations.
   */
  finish(): Trace {
    if (this.#carry.length > 0) this.push(Uint8Array.of(NEWLINE));
    if (this.#line === 0) throw new TraceFormatError(0, "the trace is empty");
    const builder = this.#body();
    const found: Record<Count, number> = {
      ops: builder.length,
      slots: builder.slotCount,
      "peak-live-bytes": builder.peakLiveBytes,
      threads: builder.threadCount,
    };
    for (const key of COUNTS) {
      const said = this.#counts.get(key);
      const checked = this.#strict || (key === "ops" && said !== undefined);
      if (checked && said !== found[key]) {
        throw new TraceFormatError(0, `the header says ${key}: ${said}, the operations give ${found[key]}`);
      }
    }
    const trace = builder.finish(this.#program);
    const threadCount = Math.max(trace.threadCount, this.#counts.get("threads") ?? 0);
    return threadCount === trace.threadCount
      ? trace
      : new Trace(trace.columns, { ...summaryOf(trace), threadCount });
  }

  #fail(reason: string, line: number = this.#line): never {
    throw new TraceFormatError(line, reason);
  }

  /** Parses the lines of `bytes` up to `cut`, where the last newline ends. */
  #parse(bytes: Uint8Array, cut: number): void {
    this.#bytes = bytes;
    for (let start = 0; start < cut; ) {
      this.#line++;
      const end = bytes.indexOf(NEWLINE, start);
      this.#at = start;
      this.#end = end;
      if (bytes[start] === HASH || this.#line === 1)
        this.#headerLine(new TextDecoder().decode(bytes.subarray(start, end)));
      else this.#opLine(start);
      start = end + 1;
    }
  }

  #headerLine(text: string): void {
    if (this.#line === 1) {
      if (text === `${MAGIC}\r`) this.#fail("the lines end in CR LF; those of a trace end in LF alone");
      if (text !== MAGIC) this.#fail(`not a heap trace: the first line must be "${MAGIC}"`);
      return;
    }
    if (this.#builder !== undefined) this.#fail("a header line after the first operation");
    const match = /^# ([a-z-]+): (.*)$/.exec(text);
    if (match === null) this.#fail('a header line must read "# name: value"');
    const [, key, value] = match as unknown as [string, string, string];
    if (key === "program") {
      this.#program = value;
      return;
    }
    // Names that are not of this version are notes for other readers.
    const name = COUNTS.find((count) => count === key);
    if (name === undefined) return;
    const count = Number(value);
    if (!/^\d+$/.test(value) || !Number.isSafeInteger(count))
      this.#fail(`${key} must be a whole number, not "${value}"`);
    if (this.#counts.has(name)) this.#fail(`${key} stands twice in the header`);
    this.#counts.set(name, count);
  }

  /** The builder of the operations; the first call ends the header. */
  #body(): TraceBuilder {
    if (this.#builder === undefined) {
      if (this.#strict)
        for (const key of COUNTS)
          if (!this.#counts.has(key)) this.#fail(`the header does not say "# ${key}:"`);
      this.#builder = new TraceBuilder(this.#counts.get("ops"), !this.#strict);
    }
    return this.#builder;
  }

  #opLine(start: number): void {
    const builder = this.#body();
    const letter = this.#bytes[start];
    this.#at = start + 1;
    let fault: string | undefined;
    if (letter === LETTER.t) fault = builder.switchThread(this.#number("thread"));
    else {
      if (builder.length === this.#counts.get("ops"))
        this.#fail(`more than the ${builder.length} operations of the header`);
      if (letter === LETTER.a) fault = builder.allocate(this.#number("slot"), this.#number("size"));
      else if (letter === LETTER.f) fault = builder.free(this.#number("slot"));
      else if (letter === LETTER.r) fault = builder.reallocate(this.#number("slot"), this.#number("size"));
      else if (letter === LETTER.c)
        fault = builder.zeroed(this.#number("slot"), this.#number("count"), this.#number("size"));
      else if (letter === LETTER.m)
        fault = builder.aligned(this.#number("slot"), this.#number("alignment"), this.#number("size"));
      else this.#fail(this.#end === start ? "the line is empty" : `no operation: "${this.#rest(start)}"`);
    }
    if (fault !== undefined) this.#fail(fault);
    if (this.#at !== this.#end) this.#fail(`unexpected "${this.#rest(this.#at)}" after the operation`);
  }

  /** One space and a decimal number. */
  #number(what: string): number {
    const bytes = this.#bytes;
    if (bytes[this.#at] !== SPACE)
      this.#fail(`a space and the ${what} must follow "${this.#rest(this.#at)}"`);
    const first = this.#at + 1;
    let at = first;
    let value = 0;
    for (let digit = bytes[at]!; digit >= ZERO && digit <= NINE; digit = bytes[++at]!)
      value = value * 10 + (digit - ZERO);
    if (at === first) this.#fail(`${what} must be a whole number, not "${this.#rest(first)}"`);
    if (value > Number.MAX_SAFE_INTEGER) this.#fail(`${what} is beyond 2^53 - 1`);
    this.#at = at;
    return value;
  }

  #rest(from: number): string {
    return printable(this.#bytes.subarray(from, this.#end));
  }
}

/**
 * Reads a whole trace that is in memory, as text or as its bytes (not compressed).
 *
 * @throws TraceFormatError when it is malformed.
 */
export const parseTrace = (text: string | Uint8Array, options?: ReadOptions): Trace => {
  const reader = new TraceReader(options);
  reader.push(typeof text === "string" ? new TextEncoder().encode(text) : text);
  return reader.finish();
};

/**
 * Reads a trace from a stream of its (uncompressed) bytes, without holding the text in memory.
 *
 * @param chunks Bytes cut anywhere: a file's read stream, a decompressor, an array of chunks.
 * @throws TraceFormatError when it is malformed.
 */
export const readTrace = async (
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options?: ReadOptions,
): Promise<Trace> => {
  const reader = new TraceReader(options);
  for await (const chunk of chunks) reader.push(chunk);
  return reader.finish();
};
