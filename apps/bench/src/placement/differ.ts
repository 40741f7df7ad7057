/*
 * Where a placement parts from what the real library wrote, and what the heap looked like at that moment.
 */
import type { Trace } from "@heapwright/trace";
import { dumpBins, dumpChunks, hex } from "./dump.ts";
import { opText } from "./op-text.ts";
import { type PlacementOptions, startProcess } from "./process-image.ts";
import { Replay, threadsOf } from "./replay.ts";
import { Words } from "./words.ts";

/** What the first difference is, as lines; undefined when the words are the same. `line` tells an op's line in the file. */
export const explainDifference = (
  trace: Trace,
  options: PlacementOptions,
  model: Words,
  real: Words,
  line: (op: number) => number,
): string[] | undefined => {
  const at = model.firstDifference(real);
  if (at < 0) return undefined;
  if (at >= model.length || at >= real.length)
    return [`equal for ${at} words; then one ends (${model.length} here, ${real.length} there)`];
  const found = model.get(at);
  const wanted = real.get(at);
  const values = [`  here  ${hex(found)}`, `  there ${hex(wanted)}`];
  if (at === 0) return ["the break before the first op differs:", ...values];
  const op = at - 1;
  const image = startProcess(options, threadsOf(trace));
  const { heap } = image;
  new Replay(trace, image).runTo(op, new Words(trace.length + 1));
  const toReal = (address: number): number => image.toReal(address);
  const around = [...new Set([found, wanted])].flatMap((real) => {
    const address = image.fromReal(real);
    return address === 0
      ? []
      : [`chunks around ${hex(real)} before it:`, ...dumpChunks(heap, address, toReal)];
  });
  const thread = trace.threadCount > 1 ? ` on thread ${trace.thread(op)}` : "";
  return [
    `first difference at op ${op}, line ${line(op)}: ${opText(trace, op)}${thread}`,
    ...values,
    "bins before it:",
    ...dumpBins(heap, toReal),
    ...around,
  ];
};
