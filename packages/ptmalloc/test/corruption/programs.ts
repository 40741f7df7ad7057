/* Every corruption program, by name. */
import { assertionPrograms } from "./assertions.programs.ts";
import { freePrograms } from "./free.programs.ts";
import { mallocPrograms } from "./malloc.programs.ts";
import { otherPrograms } from "./other.programs.ts";
import type { Program } from "./program.ts";
import { unlinkPrograms } from "./unlink.programs.ts";

/** How 2.36 introduces a failed assertion. */
export const ASSERTION = "Fatal glibc error: malloc assertion failure in ";

export const programs: readonly Program[] = [
  ...unlinkPrograms,
  ...mallocPrograms,
  ...freePrograms,
  ...otherPrograms,
  ...assertionPrograms.map(
    ([name, says, text]): Program => [name, says.startsWith("corrupted ") ? says : ASSERTION + says, text],
  ),
];
