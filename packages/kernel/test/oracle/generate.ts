/**
 * Random scripts of memory-management operations for the real kernel and the model alike. Addresses come from a
 * few small windows, so that operations meet each other often: at the program break, at the mmap base, below the
 * stack, and around a border between two page tables.
 */

/** A small deterministic generator of random numbers (mulberry32). */
const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

const WINDOWS: readonly (readonly [base: number, pages: number])[] = [
  [0x40000000, 24],
  [0x40000000, 24],
  [0x401f4000, 24],
  [0x08200000, 16],
  [0xbffd0000, 48],
  [0xbfede000, 8],
];

/** The script for a seed: `count` operations, the first ones opening files. */
export const generateScript = (seed: number, count: number): string => {
  const random = randomOf(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)]!;
  const chance = (p: number): boolean => random() < p;
  const hex = (n: number): string => `0x${n.toString(16)}`;
  const page = (): number => {
    const [base, pages] = pick(WINDOWS);
    return base + below(pages) * 0x1000;
  };
  const address = (): string => hex(page() + (chance(0.03) ? below(0x1000) : 0));
  const pages = (most = 12): number => (1 + below(most)) * 0x1000;
  const length = (most = 12): string => hex(pages(most) - (chance(0.08) ? below(0x1000) : 0) || 0x1000);
  const prot = (): string => pick(["rw-", "rw-", "rw-", "rw-", "r--", "none", "rwx", "r-x", "-w-"]);
  const files = [1, 2, 3];
  const lines = [
    `open 1 a ${hex(below(0x9000))}`,
    `open 2 b ${hex(pages(8))} ${pick(["rw", "rw", "ro"])}`,
    `open 3 c ${hex(below(0x4000))} rw`,
  ];
  const place = (): string => (chance(0.3) ? "0" : address());
  const how = (): string => pick(["", "", ",fixed", ",fixed", ",fixed", ",fixed_noreplace"]);
  const anonymous = (): string => {
    const extra = pick(["", "", "", "", "", ",growsdown", ",noreserve", ",populate", ",locked", ",stack"]);
    const type = chance(0.15) ? "shared" : "private";
    return `mmap ${place()} ${length()} ${prot()} ${type},anon${how()}${extra}`;
  };
  const file = (): string => {
    const extra = pick(["", "", "", "", "", ",populate", ",locked", ",noreserve"]);
    const type = pick(["shared", "private", "private"]);
    return `mmap ${place()} ${length()} ${prot()} ${type}${how()}${extra} fd ${pick(files)} ${below(10)}`;
  };
  const move = (): string => {
    const old = pages(10);
    const size = chance(0.5) ? old : pages(14);
    const flags = pick(["none", "maymove", "maymove", "maymove,fixed", "maymove,fixed", "maymove,dontunmap"]);
    const both = flags === "maymove,fixed" && size === old && chance(0.2) ? ",dontunmap" : "";
    const source = chance(0.04) && flags !== "maymove,dontunmap" ? 0 : old;
    const target = flags.includes("fixed") ? ` ${address()}` : "";
    return `mremap ${address()} ${hex(source)} ${hex(size)} ${flags}${both}${target}`;
  };
  const advise = (): string => {
    const often = ["dontneed", "dontneed", "dontneed", "populate_read", "populate_write", "free", "remove"];
    const flags = ["random", "sequential", "normal", "dontfork", "dofork", "dontdump", "dodump"];
    const rare = ["willneed", "cold", "dontneed_locked", "wipeonfork", "keeponfork", "nohugepage"];
    const guards = ["guard_install", "guard_install", "guard_remove"];
    const long = chance(0.05) ? hex(0x200000) : length();
    return `madvise ${address()} ${long} ${pick([pick(often), pick(often), pick(flags), pick(rare), pick(guards)])}`;
  };
  const touch = (): string => {
    const at = hex(page() + below(0x1000));
    return chance(0.55) ? `write ${at} ${1 + below(255)}` : `read ${at}`;
  };
  const fill = (): string => {
    const at = hex(page() + (chance(0.4) ? below(0x1000) : 0));
    return chance(0.6) ? `fill ${at} ${length(6)} ${below(256)}` : `sum ${at} ${length(6)}`;
  };
  const onFile = (): string => {
    const id = pick(files);
    switch (below(4)) {
      case 0:
        return `filewrite ${id} ${hex(below(0x6000))} ${hex(1 + below(0x1800))} ${below(256)}`;
      case 1:
        return `filedump ${id} ${hex(below(0x6000))} ${hex(1 + below(0x80))}`;
      default:
        return `truncate ${id} ${hex(chance(0.3) ? pages(9) : below(0x9000))}`;
    }
  };
  const limit = (): string => {
    switch (below(5)) {
      case 0:
        return `rlimit as ${pick(["inf", hex(0x140000 + below(0x60000))])}`;
      case 1:
        return `rlimit data ${pick(["inf", "inf", "0", hex(0x100000 + below(0x20000))])}`;
      case 2:
        return `rlimit stack ${pick(["8M", hex(below(0x60000))])}`;
      default:
        return `rlimit memlock ${pick(["8M", "8M", "0", hex(below(0x20000))])}`;
    }
  };
  const lifts = ["rlimit as inf", "rlimit data inf", "rlimit memlock 8M", "rlimit stack 8M"];
  const choices: readonly (readonly [number, () => string])[] = [
    [16, anonymous],
    [12, file],
    [8, () => `munmap ${address()} ${length()}`],
    [12, () => `mprotect ${address()} ${length()} ${prot()}`],
    [12, move],
    [12, advise],
    [
      3,
      () =>
        `msync ${address()} ${length()} ${pick(["sync", "sync", "async", "invalidate", "sync,invalidate"])}`,
    ],
    [4, () => `${pick(["mlock", "munlock"])} ${address()} ${length(6)}`],
    [1, () => `mlock2 ${address()} ${length(6)} ${below(2)}`],
    [2, () => `mincore ${address()} ${length()}`],
    [22, touch],
    [5, fill],
    [6, () => `brk ${chance(0.1) ? "query" : hex(chance(0.6) ? pages(18) : below(0x12000))}`],
    [4, onFile],
    [2, limit],
    [2, () => pick(lifts)],
    [1, () => `vmflags ${address()}`],
  ];
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  while (lines.length < count) {
    let at = below(total);
    for (const [weight, make] of choices) {
      at -= weight;
      if (at >= 0) continue;
      lines.push(make());
      break;
    }
  }
  for (const id of files) lines.push(`filedump ${id} 0 0xa000`);
  return `${lines.join("\n")}\n`;
};
