/*
 * The allocators that are held against each other, and how each is run. One that cannot be had on this machine says
 * why, and what would bring it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "./cache-folder.ts";

/** What an allocator is, for the table's groups and the ratios. */
export type PeerKind = "ours" | "native" | "wasm" | "javascript" | "driver";

/** How to run a peer: the program's command line, to which the stream and the mode are appended. */
export interface PeerProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** An allocator to compare. */
export interface Peer {
  /** The name on the command line and in the table. */
  readonly name: string;
  readonly kind: PeerKind;
  readonly about: string;
  /** Builds what must be built. Returns the program, or in words why there is none. */
  prepare(): PeerProgram | string;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const DRIVER_SOURCE = here("../../native/driver.c");

const newer = (target: string, source: string): boolean =>
  existsSync(target) && statSync(target).mtimeMs > statSync(source).mtimeMs;

/** Runs a compiler. Returns what it complained of, or "". */
const compile = (command: string, args: readonly string[]): string => {
  const { error, status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (error !== undefined) return `${command} is not installed`;
  return status === 0 ? "" : `${command}: ${stderr.trim().split("\n")[0]}`;
};

const driver = (name: string, flags: readonly string[]): { path: string; fault: string } => {
  const path = join(cacheFolder(), name);
  const fault = newer(path, DRIVER_SOURCE) ? "" : compile("cc", ["-O2", ...flags, "-o", path, DRIVER_SOURCE]);
  return { path, fault };
};

/** A program in C: the driver, built with `flags` under a name of its own. */
const native = (
  name: string,
  about: string,
  env: Record<string, string>,
  build: { name: string; flags: string[]; kind?: PeerKind; debian?: string } = { name: "driver", flags: [] },
): Peer => ({
  name,
  kind: build.kind ?? "native",
  about,
  prepare: () => {
    const { path, fault } = driver(build.name, build.flags);
    if (fault === "") return { command: path, args: [], env };
    return build.debian === undefined ? fault : `${fault} (Debian: ${build.debian})`;
  },
});

/** A malloc that is put in glibc's place by LD_PRELOAD. */
const preloaded = (name: string, about: string, library: string, debian: string): Peer => ({
  name,
  kind: "native",
  about,
  prepare: () => {
    const { stdout } = spawnSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" });
    const path = stdout
      ?.split("\n")
      .find((line) => line.trim().startsWith(`${library} `))
      ?.split("=> ")[1];
    if (path === undefined) return `${library} is not installed (Debian: ${debian})`;
    const built = driver("driver", []);
    return built.fault || { command: built.path, args: [], env: { LD_PRELOAD: path } };
  },
});

/** What an adapter's `create` is given, or why there is none. */
interface Argument {
  readonly value: string;
  readonly fault: string;
}

const none = (): Argument => ({ value: "", fault: "" });

/** An adapter of src/peers/allocators, run by the JavaScript driver. */
const adapter = (
  name: string,
  kind: PeerKind,
  about: string,
  module: string,
  argument: () => Argument = none,
  program = "js-driver",
): Peer => ({
  name,
  kind,
  about,
  prepare: () => {
    const { value, fault } = argument();
    const args = [here(`./${program}.js`), here(`./allocators/${module}.js`), value];
    return fault || { command: process.execPath, args, env: {} };
  },
});

const assemblyScript = (): Argument => {
  const value = here("../peers/as-tlsf.wasm");
  return {
    value,
    fault: existsSync(value) ? "" : "as-tlsf.wasm is not compiled; it comes with a checkout only",
  };
};

/** wasi-libc's dlmalloc, linked alone. */
const dlmalloc = (): Argument => {
  const value = join(cacheFolder(), "dlmalloc.wasm");
  if (existsSync(value)) return { value, fault: "" };
  const exported = ["malloc", "free", "calloc", "realloc", "aligned_alloc"].map(
    (name) => `-Wl,--export=${name}`,
  );
  const flags = ["--target=wasm32-wasi", "-O3", "-nostartfiles", "-Wl,--no-entry", ...exported];
  const fault = compile("clang", [...flags, "-o", value, "-x", "c", "/dev/null"]);
  return { value, fault: fault && `${fault} (Debian: clang lld wasi-libc libclang-rt-14-dev-wasm32)` };
};

/** The stream's file may have an inode number above 2^32, which fstat of 32 bits refuses (EOVERFLOW). */
const I386_DRIVER = {
  name: "driver-i386",
  flags: ["-m32", "-D_FILE_OFFSET_BITS=64"],
  debian: "gcc-multilib libc6-i386",
};
const NULL_DRIVER = { name: "driver-null", flags: ["-DNULL_ALLOCATOR"], kind: "driver" as const };
const NO_TCACHE = { GLIBC_TUNABLES: "glibc.malloc.tcache_count=0" };

/** All peers, in the table's order. */
export const peers: readonly Peer[] = [
  adapter("spans", "ours", "@heapwright/spans", "spans"),
  adapter("ptmalloc", "ours", "@heapwright/ptmalloc, glibc 2.36 in JavaScript", "ptmalloc"),
  native("glibc", "native glibc: the base of the ratios", {}),
  native("glibc-no-tcache", "native glibc without its thread cache", NO_TCACHE),
  native("glibc-i386", "native glibc with 32-bit words, as ptmalloc has them", {}, I386_DRIVER),
  preloaded("mimalloc", "native mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
  preloaded("jemalloc", "native jemalloc", "libjemalloc.so.2", "libjemalloc2"),
  preloaded("tcmalloc", "native tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
  adapter("dlmalloc-wasm", "wasm", "dlmalloc of wasi-libc in WebAssembly", "wasm", dlmalloc),
  adapter("as-tlsf", "wasm", "AssemblyScript's TLSF in WebAssembly", "wasm", assemblyScript),
  adapter("thi.ng", "javascript", "@thi.ng/malloc over an ArrayBuffer", "thing"),
  adapter("Buffer", "javascript", "Buffer.allocUnsafe", "buffer", none, "js-object-driver"),
  adapter("Uint8Array", "javascript", "new Uint8Array", "typed-array", none, "js-object-driver"),
  adapter("null-js", "driver", "no allocator: the JavaScript driver alone", "null"),
  native("null-c", "no allocator: the C driver alone", {}, NULL_DRIVER),
];
