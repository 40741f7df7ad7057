/*
 * Every check of glibc's malloc, provoked by writing to the heap's memory: the model must end as the real library does, in the
 * same words, on both ABIs, with the tcache on and off.
 *
 * recorded.json is what glibc 2.36 did with these programs. Where the library is at hand, it is asked again.
 */
import { readFileSync } from "node:fs";
import { HeapCorruptionError } from "@heapwright/allocator";
import { describe, expect, test } from "vitest";
import { type Abi, findOracle } from "../oracle/oracle.ts";
import { runOnModel } from "./interpreter.ts";
import { programs } from "./programs.ts";
import { compileReal, type Ending } from "./real.ts";

/** By program: how it ends. A string for all four modes, or what differs from the mode before it. */
type Recorded = Readonly<Record<string, Readonly<Record<string, Ending>>>>;

const recorded = JSON.parse(
  readFileSync(new URL("../fixtures/corruption.json", import.meta.url), "utf8"),
) as Recorded;

const abis: readonly Abi[] = ["x86_64", "i386"];
const modeOf = (abi: Abi, tcache: boolean): string => `${abi} ${tcache ? "on" : "off"}`;

describe("the table", () => {
  test("names are unique, and each message was met on the real library", () => {
    expect(new Set(programs.map(([name]) => name)).size).toBe(programs.length);
    for (const [name, says] of programs)
      expect([name, Object.values(recorded[name] ?? {})]).toEqual([name, expect.arrayContaining([says])]);
  });
});

for (const abi of abis) {
  for (const tcache of [true, false]) {
    const mode = modeOf(abi, tcache);
    describe(`corruption on ${mode}`, () => {
      for (const [name, , text] of programs) {
        const ending = recorded[name]![mode]!;
        test(`${name}: ${ending === "" ? "passes" : ending}`, () => {
          const { says, error } = runOnModel(text, abi, tcache);
          expect(says).toBe(ending);
          if (ending !== "") expect(error).toBeInstanceOf(HeapCorruptionError);
        });
      }
    });
  }
}

const alive = findOracle("i386");
const reason = typeof alive === "string" ? `: ${alive}` : "";
describe.skipIf(typeof alive === "string")(`the real library${reason}`, () => {
  for (const abi of abis) {
    test(`ends the programs on ${abi} as recorded`, () => {
      const run = compileReal(abi, new Map(programs.map(([name, , text]) => [name, text])));
      if (typeof run === "string") throw new Error(run);
      for (const [name] of programs)
        for (const tcache of [true, false])
          expect([name, run(name, tcache)]).toEqual([name, recorded[name]![modeOf(abi, tcache)]]);
    }, 600_000);
  }
});
