/*
 * Counts what an allocator touches of its memory, by standing between it and the bytes.
 *
 * A strategy may work on typed-array views of the memory directly, so counting in the Memory's accessors would not see
 * all. Here the constructors of typed arrays are replaced, in this worker only: a view that is made over the watched
 * buffer is one that counts. Strategies make their views anew when the memory's buffer is replaced (a growth does that;
 * growing by nothing does too), so counting can begin in the middle of a trace.
 */

const LINE = 64;
const PAGE = 4096;
const VIEWS = ["Int8Array", "Uint8Array", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array"] as const;
type View = InstanceType<(typeof globalThis)[(typeof VIEWS)[number]]>;

/** Sums, over operations, the words accessed and the different lines and pages that they lie in. */
export class TouchCounter {
  words = 0;
  lines = 0;
  pages = 0;
  readonly #lines: Set<number> = new Set<number>();
  readonly #pages: Set<number> = new Set<number>();

  /** One access of up to 4 bytes, or a block of them. */
  touch(address: number, length: number): void {
    if (length === 0) return;
    this.words += Math.ceil(length / 4);
    const last = address + length - 1;
    for (let line = Math.floor(address / LINE); line <= Math.floor(last / LINE); line++)
      this.#lines.add(line);
    for (let page = Math.floor(address / PAGE); page <= Math.floor(last / PAGE); page++)
      this.#pages.add(page);
  }

  /** Ends an operation: what the next one touches counts anew. */
  endOp(): void {
    this.lines += this.#lines.size;
    this.pages += this.#pages.size;
    this.#lines.clear();
    this.#pages.clear();
  }
}

/** From now on, typed arrays made over the buffer that `watched` returns count in `counter`. */
export const countViews = (watched: () => ArrayBufferLike, counter: TouchCounter): void => {
  const globals = globalThis as unknown as Record<string, new (...args: unknown[]) => View>;
  countAtomics(counter);
  for (const name of VIEWS) {
    globals[name] = new Proxy(globals[name]!, {
      construct: (target, args, newTarget): View => {
        const view = Reflect.construct(target, args, newTarget) as View;
        return args[0] === watched() ? counting(view, counter) : view;
      },
    });
  }
};

/** The views behind the counting ones: Atomics takes none but real ones. */
const behind = new WeakMap<object, View>();

const countAtomics = (counter: TouchCounter): void => {
  const functions = Atomics as unknown as Record<
    string,
    (view: View, index: number, ...rest: never[]) => unknown
  >;
  for (const name of Object.getOwnPropertyNames(Atomics)) {
    const original = functions[name];
    if (typeof original !== "function") continue;
    functions[name] = (view, index, ...rest) => {
      const real = behind.get(view);
      if (real === undefined) return original(view, index, ...rest);
      counter.touch(real.byteOffset + index * real.BYTES_PER_ELEMENT, real.BYTES_PER_ELEMENT);
      return original(real, index, ...rest);
    };
  }
};

const counting = (view: View, counter: TouchCounter): View => {
  const { byteOffset, BYTES_PER_ELEMENT: width } = view;
  const touch = (from: number, to: number): void => {
    counter.touch(byteOffset + from * width, Math.max(0, to - from) * width);
  };
  const bulk: Readonly<Record<string, (...args: never[]) => unknown>> = {
    fill: (value: number, from = 0, to: number = view.length) => {
      touch(from, to);
      return view.fill(value, from, to);
    },
    copyWithin: (target: number, from: number, to: number = view.length) => {
      touch(from, to);
      touch(target, target + to - from);
      return view.copyWithin(target, from, to);
    },
    set: (source: ArrayLike<number>, at = 0) => {
      touch(at, at + source.length);
      return view.set(source, at);
    },
    slice: (from = 0, to: number = view.length) => {
      touch(from, to);
      return view.slice(from, to);
    },
    subarray: (from = 0, to: number = view.length) => counting(view.subarray(from, to), counter),
  };
  const proxy = new Proxy(view, {
    get: (target, key) => {
      if (typeof key === "string") {
        const index = Number(key);
        if (index >= 0) {
          touch(index, index + 1);
          return target[index];
        }
        if (key in bulk) return bulk[key];
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, key, value: number) => {
      const index = Number(String(key));
      touch(index, index + 1);
      target[index] = value;
      return true;
    },
  });
  behind.set(proxy, view);
  return proxy;
};
