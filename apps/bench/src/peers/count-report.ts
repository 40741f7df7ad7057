import { digits } from "../report/format.ts";
import { newTable } from "../report/new-table.ts";
import { type Count, counters } from "./count.ts";

/** A row for each allocator on each stream, and below it a line for each that failed. */
export const countTable = (counts: readonly Count[]): string => {
  const table = newTable(["", "", ...counters], 2);
  let above = "";
  for (const { stream, peer, perOperation } of counts) {
    if (perOperation === undefined) continue;
    table.push([
      stream === above ? "" : stream,
      peer,
      ...counters.map((counter) => digits(perOperation[counter])),
    ]);
    above = stream;
  }
  const faults = counts.flatMap(({ peer, stream, fault }) =>
    fault === undefined ? [] : [`${peer} on ${stream}: ${fault}`],
  );
  return [table.toString(), ...faults].join("\n");
};
