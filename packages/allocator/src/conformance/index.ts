/**
 * The conformance suite: every promise of the contract, tested on any allocator by any test runner.
 *
 * Needs `fast-check` (an optional peer dependency of `@heapwright/allocator`).
 *
 * @packageDocumentation
 */
import { basicCases } from "./cases/basic.ts";
import { capabilityCases } from "./cases/capabilities.ts";
import { exhaustionCases } from "./cases/exhaustion.ts";
import { misuseCases } from "./cases/misuse.ts";
import { type AllocatorFactory, type ConformanceCase, type ConformanceOptions, settle } from "./options.ts";
import { runRandom } from "./random.ts";

export type { AllocatorFactory, ConformanceCase, ConformanceOptions } from "./options.ts";

/**
 * The tests that every allocator passes. Which capabilities it has is found out from one allocator that the factory
 * makes at once; each case then makes its own.
 *
 * Directed cases: zero size, exhaustion, alignment, reuse after free, bad arguments, and each capability that is
 * present. Then random operations, with everything compared after every step: live blocks lie inside the memory,
 * apart, aligned and keep their bytes; `check()` finds nothing; `stats()` and `walk()` agree with what is
 * live and with each other. What fails is shrunk to the few operations that matter, and printed with its seed.
 *
 * @param factory Makes a fresh allocator over a fresh, small memory.
 * @param options What the suite cannot find out by itself.
 * @example
 * ```ts
 * import { conformanceCases } from "@heapwright/allocator/conformance";
 *
 * const factory = () => new FirstFit(LinearPages.create(LinearMemory.fixed(65536)));
 * const cases = conformanceCases(factory, { runs: 10 });
 * // With a test runner: for (const c of cases) test(c.name, c.run);
 * for (const c of cases) await c.run();
 * ```
 */
export const conformanceCases = (
  factory: AllocatorFactory,
  options: ConformanceOptions = {},
): ConformanceCase[] => {
  const probe = factory();
  const settings = settle(factory, probe, options);
  return [
    ...basicCases(settings),
    ...exhaustionCases(settings),
    ...misuseCases(settings),
    ...capabilityCases(probe, settings),
    { name: "keeps the contract under random operations", run: (): void => runRandom(probe, settings) },
  ];
};
