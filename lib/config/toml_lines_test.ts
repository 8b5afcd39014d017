import assert from "node:assert/strict";
import { TomlLines } from "./mod.ts";

const toml = `top = 1
[server]
rest_addr = "a"
"a b".c = 2
text = """
[hidden]
rest_addr = "b"
"""
[[routes]]
name = "x"
[routes.health]
path = "/"
[[routes.backends]]
host = "h"
[[routes]]
name = "y"
[[routes.backends]]
[[routes.backends]]
host = "i"
`;

// Path → line.
const places: [(string | number)[], number, string?][] = [
  [[], 1],
  [["top"], 1],
  [["server"], 2],
  [["server", "rest_addr"], 3],
  [["server", "a b"], 4],
  [["server", "a b", "c"], 4],
  [["server", "text"], 5],
  [["hidden"], 1, "stands in a text"],
  [["server", "gone"], 2, "the table's line"],
  [["gone", "gone"], 1],
  [["routes"], 9],
  [["routes", 0, "name"], 10],
  [["routes", 0, "health"], 11],
  [["routes", 0, "health", "path"], 12],
  [["routes", 0, "backends", 0, "host"], 14],
  [["routes", 1], 15],
  [["routes", 1, "name"], 16],
  [["routes", 1, "backends", 0, "host"], 17, "has none: the backend's line"],
  [["routes", 1, "backends", 1, "host"], 19],
  [["routes", 2], 9, "the list's line"],
];

const lines = new TomlLines(toml);
for (const [path, line, remark] of places) {
  const what = remark === undefined ? "" : ` (${remark})`;
  Deno.test(`TomlLines.of gives line ${line} for ${JSON.stringify(path)}${what}`, () => {
    assert.equal(lines.of(path), line);
  });
}
