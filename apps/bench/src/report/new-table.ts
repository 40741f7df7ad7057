import Table from "cli-table3";

/** An empty table: the first columns, which name things, to the left, figures to the right. */
export const newTable = (head: readonly string[], names = 1): Table.Table =>
  new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, column) => (column < names ? "left" : "right")),
  });
