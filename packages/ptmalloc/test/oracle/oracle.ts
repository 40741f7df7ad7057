/*
 * The oracle: runs a trace with a real C library and reads back what it did (see placement.c).
 *
 * Built on demand with gcc into a cache under node_modules. `findOracle` says in words why there is none on a machine;
 * tests then compare with recorded fixtures alone. The machine's own library serves as glibc 2.36 where it is that;
 * other versions are unpacked packages in the cache, put there by fetch.sh and run through their own dynamic loader.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type Abi = "i386" | "x86_64";
/** The versions of glibc that can be asked. */
export type Version = "2.36" | "2.31" | "2.41";

/** What the C library did with a trace. */
export interface Recording {
  /** Word 0: the break before the first op; then a word per op. */
  readonly words: BigUint64Array;
  /** The memory map before the first op. */
  readonly before: string;
  /** The memory map after the last op. */
  readonly after: string;
}

/** What the paths in recorded maps are called, whatever machine they come from. */
const NEUTRAL = "/usr/local/lib/heapwright";
const SOURCE = fileURLToPath(new URL("placement.c", import.meta.url));
export const CACHE: string = fileURLToPath(
  new URL("../../../../node_modules/.cache/heapwright-oracle/", import.meta.url),
);

/** Processors here: they bound the number of arenas. */
export const cores: number = cpus().length;

const personality = (abi: Abi): string[] =>
  abi === "i386"
    ? ["i386", "--3gb", "--addr-compat-layout", "--addr-no-randomize"]
    : ["--addr-compat-layout", "--addr-no-randomize"];

const split = (maps: string, from: string): [string, string] => {
  const neutral = maps.replaceAll(from, `${NEUTRAL}/`).replaceAll(CACHE, `${NEUTRAL}/`);
  const cut = neutral.indexOf("--\n");
  return [neutral.slice(0, cut), neutral.slice(cut + 3)];
};

/** A C library that can be asked. */
export class Oracle {
  readonly abi: Abi;
  readonly version: Version;
  readonly #command: readonly string[];

  /** @param command the program, with its loader before it when that must be named. */
  constructor(abi: Abi, version: Version, command: readonly string[]) {
    this.abi = abi;
    this.version = version;
    this.#command = command;
  }

  /** The profile that must do as this oracle does. */
  get profile(): "glibc-2.36" | "glibc-2.31" | "glibc-2.41" {
    return `glibc-${this.version}`;
  }

  /** Runs a trace, given as its (uncompressed) text. */
  run(trace: string | Uint8Array, tcache: boolean): Recording {
    const folder = mkdtempSync(join(tmpdir(), "heapwright-"));
    const at = (name: string): string => join(folder, name);
    try {
      writeFileSync(at("trace"), trace);
      const env = { ...process.env, GLIBC_TUNABLES: tcache ? undefined : "glibc.malloc.tcache_count=0" };
      const command = [...personality(this.abi), ...this.#command, at("trace"), at("out"), at("maps")];
      const run = spawnSync("setarch", command, { env, stdio: "ignore" });
      if (run.status !== 0)
        throw new Error(`the oracle ended with ${run.status ?? run.signal ?? run.error?.message}`);
      const out = readFileSync(at("out"));
      const words = new BigUint64Array(out.buffer.slice(out.byteOffset, out.byteOffset + out.length));
      const [before, after] = split(readFileSync(at("maps"), "latin1"), `${folder}/`);
      return { words, before, after };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

/** Compiles against the machine's own library. */
const buildForHost = (abi: Abi, program: string, sources: readonly string[]): void => {
  const width = abi === "i386" ? "-m32" : "-m64";
  execFileSync("gcc", [width, ...FLAGS, "-no-pie", "-pthread", "-o", program, ...sources], { stdio: "pipe" });
};

/**
 * Compiles C sources for an ABI and version of the library.
 *
 * @param ownLoader whether the program names the version's loader as its own, so that it is started like any other.
 */
export const compileC = (
  abi: Abi,
  version: Version,
  program: string,
  sources: readonly string[],
  ownLoader: boolean,
): void => {
  if (version === "2.36") buildForHost(abi, program, sources);
  else buildForVersion(abi, version, program, sources, ownLoader);
};

/** The command that runs a program in the classic layout. */
export const inClassicLayout = (abi: Abi): string[] => ["setarch", ...personality(abi)];

const FLAGS = ["-O1", "-w", "-fno-builtin"];

/** Where an unpacked library has its parts. */
const partsOf = (abi: Abi, version: Version): { dev: string; lib: string; loader: string } => {
  const wide = abi === "x86_64";
  const root = join(CACHE, `${version}-${wide ? "amd64" : "i386"}`);
  const triplet = wide ? "x86_64-linux-gnu" : "i386-linux-gnu";
  const dev = join(root, "usr/lib", triplet);
  const old = join(root, "lib", triplet);
  const lib = existsSync(join(old, "libc.so.6")) ? old : dev;
  return { dev, lib, loader: join(lib, wide ? "ld-linux-x86-64.so.2" : "ld-linux.so.2") };
};

/** Compiles against an unpacked library, whose own loader will start the program. */
const buildForVersion = (
  abi: Abi,
  version: Version,
  program: string,
  sources: readonly string[],
  ownLoader: boolean,
): void => {
  const { dev, lib, loader } = partsOf(abi, version);
  const width = abi === "x86_64" ? "-m64" : "-m32";
  const own = (name: string): string =>
    execFileSync("gcc", [width, `-print-file-name=${name}`], { encoding: "utf8" }).trim();
  const objects = sources.map((source, index) => {
    const object = `${program}.${index}.o`;
    execFileSync("gcc", [width, ...FLAGS, "-fno-pie", "-c", "-o", object, source], { stdio: "pipe" });
    return object;
  });
  const start = [join(dev, "crt1.o"), join(dev, "crti.o"), own("crtbegin.o"), ...objects];
  const link = ownLoader ? [`-Wl,--dynamic-linker,${loader}`, `-Wl,-rpath,${lib}`] : [];
  const shared = [
    join(lib, "libpthread.so.0"),
    join(lib, "libc.so.6"),
    join(dev, "libc_nonshared.a"),
    loader,
  ];
  const end = [own("libgcc.a"), own("crtend.o"), join(dev, "crtn.o")];
  execFileSync(
    "gcc",
    [
      width,
      "-no-pie",
      "-nostdlib",
      "-Wl,--no-as-needed",
      ...link,
      "-o",
      program,
      ...start,
      ...shared,
      ...end,
    ],
    { stdio: "pipe" },
  );
  for (const object of objects) rmSync(object);
};

/** How a program built for a version is started. */
const commandFor = (abi: Abi, version: Version, program: string): string[] => {
  if (version === "2.36") return [program];
  const { lib, loader } = partsOf(abi, version);
  return [loader, "--library-path", lib, program];
};

const TINY = "# heap-trace 1\n# ops: 1\n# slots: 1\n# peak-live-bytes: 24\n# threads: 1\na 0 24\n";

const reasonWithout = (abi: Abi, version: Version): string | undefined => {
  if (process.platform !== "linux" || process.arch !== "x64") return "not Linux on x86-64";
  const [major = 0, minor = 0] = release().split(".").map(Number);
  if (major < 6 || (major === 6 && minor < 7))
    return `kernel ${release()} places large mappings otherwise than 6.7 and later`;
  if (version === "2.36") {
    const found = spawnSync("getconf", ["GNU_LIBC_VERSION"], { encoding: "utf8" }).stdout?.trim();
    if (found !== "glibc 2.36") return `the C library here is ${found || "not glibc"}, not glibc 2.36`;
  } else if (!existsSync(join(CACHE, `${version}-${abi === "i386" ? "i386" : "amd64"}`))) {
    return `glibc ${version} is not in the cache: run packages/ptmalloc/test/oracle/fetch.sh`;
  }
  return undefined;
};

/** The oracle for an ABI and version, or why there is none. */
export const findOracle = (abi: Abi, version: Version = "2.36"): Oracle | string => {
  const reason = reasonWithout(abi, version);
  if (reason !== undefined) return reason;
  const program = join(CACHE, `placement-${version}-${abi}`);
  try {
    if (!existsSync(program) || statSync(program).mtimeMs < statSync(SOURCE).mtimeMs) {
      mkdirSync(CACHE, { recursive: true });
      // Tests in other processes may build at the same time: each makes its own and the last rename wins.
      const own = `${program}.${process.pid}`;
      compileC(abi, version, own, [SOURCE], false);
      renameSync(own, program);
    }
    const oracle = new Oracle(abi, version, commandFor(abi, version, program));
    const { before } = oracle.run(TINY, true);
    const base = abi === "i386" ? "\n40000000-" : "\n2aaaaaaab000-";
    return before.includes(base) ? oracle : "setarch does not give the classic layout here";
  } catch (error) {
    return `cannot build or run the oracle: ${String(error).split("\n")[0]}`;
  }
};
