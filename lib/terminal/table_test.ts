import assert from "node:assert/strict";
import { table } from "./mod.ts";

const columns = [
  { heading: "name", cell: (row: [string, number]) => row[0] },
  { heading: "n", cell: (row: [string, number]) => String(row[1]), align: "right" as const },
];

// Rows and the text they make.
const tables: [rows: [string, number][], text: string][] = [
  [[], "NAME  N\n"],
  [[["a", 5], ["longer", 10]], "NAME     N\na        5\nlonger  10\n"],
  // A value can't move the cursor or colour the terminal.
  [[["\x1b[31mred\n", 1]], "NAME       N\n·[31mred·  1\n"],
  [[["Zoë", 1]], "NAME  N\nZoë   1\n"],
];
for (const [rows, text] of tables) {
  Deno.test(`table of ${JSON.stringify(rows)}`, () => assert.equal(table(rows, columns), text));
}
